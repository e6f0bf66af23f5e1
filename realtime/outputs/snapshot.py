"""Pictures kept when the user asks for one."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path
from types import TracebackType

import cv2

from realtime.errors import UserError
from realtime.frames import FrameResult, Image
from realtime.outputs.paths import make_folder

log = logging.getLogger(__name__)


class Snapshots:
    """A sink that keeps the next picture each time `request` was called.

    Args:
        folder: where to; made when the first picture is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted = False

    @property
    def needs_picture(self) -> bool:
        """Only once one was asked for."""
        return self._wanted

    def request(self) -> None:
        """Keeps the next picture."""
        self._wanted = True

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Keeps the picture if one was asked for; a failure is told, and the program goes on."""
        if not self._wanted or picture is None:
            return
        self._wanted = False
        try:
            log.info("Snapshot: %s", save_png(self._folder, picture))
        except UserError as error:
            log.warning("%s %s", error.message, error.remedy)

    def __enter__(self) -> Snapshots:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is left open."""


def save_png(folder: Path, picture: Image) -> Path:
    """Writes a picture, (H, W, 3) RGB, under the first free name `snapshot_0001.png` in `folder`."""
    make_folder(folder)
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    for number in itertools.count(1):
        path = folder / f"snapshot_{number:04d}.png"
        try:
            with path.open("xb") as file:
                file.write(data.tobytes())
            return path
        except FileExistsError:
            continue
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UserError(f"{path} cannot be written: {reason}.", "Name another folder with --snapshot.") from error
    raise AssertionError("unreachable")
