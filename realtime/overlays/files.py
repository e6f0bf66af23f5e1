"""Reading an overlay's files: from its own folder only, and never more than is reasonable."""

from __future__ import annotations

import os
from pathlib import Path

from realtime.errors import UserError
from realtime.frames import Image
from realtime.overlays.pictures import MOST_PIXELS, decode_picture, picture_size

MEGABYTE = 1 << 20
MOST_TOGETHER = 512 * MEGABYTE  # of all that one overlay names, unpacked: small files may hold much


class OverlayFolder:
    """The folder of one overlay.

    Args:
        root: the folder; nothing outside of it is read.

    Attributes:
        read_files: what was read, or tried, so far.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._left = MOST_TOGETHER
        self.read_files: list[Path] = []

    def read(self, name: str, most: int) -> bytes:
        """The bytes of the file called `name`, seen from the folder; a UserError if it has more than `most`."""
        path = self._inside(name)
        self.read_files.append(path)
        data = read_limited(path, name, most)
        self.spend(len(data))
        return data

    def decode(self, data: bytes, name: str) -> Image:
        """(H, W, 4) a PNG's or JPEG's picture, see `decode_picture`."""
        width, height = picture_size(data) or (0, 0)
        if width * height <= MOST_PIXELS:  # more are refused below
            self.spend(4 * width * height)
        return decode_picture(data, name)

    def spend(self, size: int) -> None:
        """Counts bytes that are about to be held; a UserError once they are too many together."""
        self._left -= size
        if self._left < 0:
            raise UserError(
                f"all together it unpacks to more than {MOST_TOGETHER // MEGABYTE} MB.",
                "Use smaller pictures and simpler models, and name each only once.",
            )

    def _inside(self, name: str) -> Path:
        try:
            path = (self._root / name).resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name, a circle of links
            raise UserError(f"{name!r} is no file's name ({error}).", "Name a file beside the overlay's.") from error
        if not path.is_relative_to(self._root):
            raise UserError(
                f"{name!r} lies outside the overlay's folder.",
                "Move it beside the overlay file and name it from there.",
            )
        return path


def read_limited(path: Path, name: str, most: int) -> bytes:
    """The bytes of a plain file; a UserError if it is none, cannot be read, or has more than `most`."""
    try:
        if not path.exists():
            raise UserError(f"{name!r} is missing.", f"It was looked for here: {path}")
        if not path.is_file():  # a folder, a pipe that would block, a device without an end
            raise UserError(f"{name!r} is not a file.", f"It was looked for here: {path}")
        with path.open("rb") as file:
            data = file.read(most + 1)
            size = os.fstat(file.fileno()).st_size / MEGABYTE
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{name!r} cannot be read: {reason}.", "Check its name and permissions.") from error
    if len(data) > most:
        raise UserError(
            f"{name!r} is too large: {size:.1f} MB, at most {most / MEGABYTE:g} MB are read.", "Make it smaller."
        )
    return data
