"""Results for a program of one's own: `for result in FaceStream("demo"): ...`, and their pictures: `stream.draw`."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from realtime.config import Config, SourceConfig
from realtime.errors import UserError
from realtime.frames import FrameResult, Image

if TYPE_CHECKING:
    from realtime.render.scene import SceneRenderer

DEVICES = ("auto", "cpu", "gpu")
FIRST_SIZE = (640, 480)  # of a picture, until the first result tells better


class FaceStream:
    """The faces in a camera's pictures or a file's, frame by frame, as `FrameResult`s.

    Iterating opens the source and the networks and starts their threads; leaving the loop, in whatever way, ends
    them and lets the camera go. Iterating again starts anew. As a context manager it also ends what a forgotten
    iterator holds. From a camera the newest frame wins: a loop body that is slow misses frames, never lags behind.
    A file's frames all come, as fast as they are asked for.

    Args:
        source: what `run.py --source` takes: a camera's number or name, a path, a URL or `demo`.
        max_faces: how many faces are followed; `result.faces` holds the largest first.
        device: where the networks run: auto, cpu or gpu.
        stills: every picture is of somebody else: no smoothing from one to the next.
        realtime: play a file as a camera would give it: at its own pace, the newest frame wins.
        loop: begin a file again at its end, for ever.
        size: width and height that every picture is fitted into, never stretched; None: as they come.
        keep_glasses: eyeglasses belong to the face: they are not painted away.
        person: whose face it will be: a memory (.npz) that is read, and written when the loop ends, or a photograph
            to learn from. Hidden parts are then painted as that person's own from the first frame on.
        overlays: what `draw` lays over the faces: names of shipped overlays or .toml files (docs/overlays.md).

    Raises:
        UserError: `max_faces` or `device` make no sense, or `person` is given with `stills`. While iterating: what
            the user can mend, such as a source that does not exist.
    """

    def __init__(
        self,
        source: str | int | Path = 0,
        *,
        max_faces: int = 1,
        device: str = "auto",
        stills: bool = False,
        realtime: bool = False,
        loop: bool = False,
        size: tuple[int, int] | None = None,
        keep_glasses: bool = False,
        person: str | Path | None = None,
        overlays: Sequence[str | Path] = (),
    ) -> None:
        if max_faces < 1:
            raise UserError(f"{max_faces} is not a number of faces.", "Follow at least one: max_faces=1.")
        if device not in DEVICES:
            raise UserError(f"There is no device called {device}.", f"It is one of {', '.join(DEVICES)}.")
        if person is not None and stills:
            raise UserError("person and stills contradict each other.", "Leave one out: stills are all somebody else.")
        self._config = Config(
            source=SourceConfig(name=str(source), realtime=realtime, drop=realtime, loop=loop, size=size),
            max_faces=max_faces,
            stills=stills,
            device=device,
            keep_glasses=keep_glasses,
            person=None if person is None else Path(person),
            overlays=tuple(str(overlay) for overlay in overlays),
            view="off" if overlays else "shaded",
        )
        self._drawing = ExitStack()  # holds what `draw` needs
        self._scene: SceneRenderer | None = None
        # Weak: a loop that is left by `break` must be the last to hold its iterator, so that it ends there and then.
        self._running: weakref.ref[Generator[FrameResult]] | None = None

    def __iter__(self) -> Iterator[FrameResult]:
        self.close()
        results = self._results()
        self._running = weakref.ref(results)
        return results

    def draw(self, result: FrameResult, view: str | None = None) -> Image:
        """A result's picture (H, W, 3) RGB, as `run.py` shows it, with the overlays over it.

        All calls must come from one thread, which then owns a GL context.

        Args:
            result: from this stream or another.
            view: what `run.py --view` takes; None: the mesh, with overlays the frame itself.

        Raises:
            UserError: there is no such view or overlay, an overlay is broken, or there is no OpenGL.
        """
        if self._scene is None:
            self._scene = self._make_scene()
        return self._scene.render(result, view or self._config.view)

    def close(self) -> None:
        """Ends the iteration under way, its threads and its source, and the watch over overlays.

        Not from another thread.
        """
        running = self._running() if self._running else None
        if running is not None:
            running.close()
        self._stop_drawing()

    def __enter__(self) -> FaceStream:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _results(self) -> Generator[FrameResult]:
        # They load heavy libraries, which an import should not wait for.
        from engines.face_model.model import MorphableModel
        from realtime.app import open_pipeline
        from realtime.sources.open import open_source

        config = self._config
        with ExitStack() as stack:
            source = open_source(config.source, config.stills)
            stack.callback(source.close)
            stack.callback(self._stop_drawing)
            pipeline, _ = open_pipeline(config, source, MorphableModel.load(), stack)
            yield from stack.enter_context(pipeline).results()

    def _make_scene(self) -> SceneRenderer:
        from engines.face_model.model import MorphableModel
        from realtime.overlays.load import find_overlay
        from realtime.overlays.watch import OverlayWatcher
        from realtime.render.scene import SceneRenderer

        model = MorphableModel.load()
        size = self._config.source.size or FIRST_SIZE
        if not self._config.overlays:
            return SceneRenderer(size, model)
        paths = [find_overlay(name) for name in self._config.overlays]
        watcher = self._drawing.enter_context(OverlayWatcher(paths, len(model.triangles)))
        return SceneRenderer(size, model, overlays=lambda: watcher.current)

    def _stop_drawing(self) -> None:
        self._scene = None
        self._drawing.close()
