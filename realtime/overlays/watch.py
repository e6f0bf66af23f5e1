"""Hot reload: looks whether an overlay's files have changed, and reads them anew beside the loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from realtime.errors import UserError
from realtime.overlays.load import load_overlay
from realtime.overlays.overlay import Overlay

POLL_SECONDS = 0.25

log = logging.getLogger(__name__)

Stamp = tuple[int, int] | None  # time of the last change, bytes; None: the file is not there


@dataclass
class _Watched:
    path: Path
    overlay: Overlay
    files: list[Path] = field(default_factory=list)
    stamps: list[Stamp] = field(default_factory=list)


class OverlayWatcher:
    """Keeps the last good version of every overlay; a context manager that watches while it is open.

    Args:
        paths: the overlay files.
        triangles: how many the face model has.

    Raises:
        UserError: one of them cannot be read. Later, when it is edited, a mistake costs a line in the log.
    """

    def __init__(self, paths: Sequence[Path], triangles: int) -> None:
        self._triangles = triangles
        self._watched = [self._first(path) for path in paths]
        self._current = tuple(each.overlay for each in self._watched)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="overlays", daemon=True)

    @property
    def current(self) -> tuple[Overlay, ...]:
        """The overlays as they are now: the same objects until one of them has changed."""
        return self._current

    def __enter__(self) -> OverlayWatcher:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def poll(self) -> None:
        """Reads anew what has changed since it was read last."""
        for watched in self._watched:
            stamps = _stamps(watched.files)
            if stamps != watched.stamps:
                self._reload(watched)
        self._current = tuple(each.overlay for each in self._watched)

    def _first(self, path: Path) -> _Watched:
        files: list[Path] = []
        before = _stamps([path])
        overlay = load_overlay(path, self._triangles, files)
        return _Watched(path, overlay, files, before + _stamps(files[1:]))

    def _reload(self, watched: _Watched) -> None:
        files: list[Path] = []
        before = {file: stamp for file, stamp in zip(watched.files, _stamps(watched.files), strict=True)}
        try:
            watched.overlay = load_overlay(watched.path, self._triangles, files)
            log.info("Overlay %s: reloaded.", watched.path.name)
        except UserError as error:
            log.warning("%s Kept as it was. %s", error.message, error.remedy)
        except MemoryError:
            log.warning("Overlay %s: not enough memory. Kept as it was.", watched.path.name)
        # A file that changed again while it was read shows the older stamp, and is read once more.
        watched.files = files or watched.files
        watched.stamps = [before[file] if file in before else _stamp(file) for file in watched.files]

    def _watch(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            self.poll()


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _stamps(paths: Sequence[Path]) -> list[Stamp]:
    return [_stamp(path) for path in paths]
