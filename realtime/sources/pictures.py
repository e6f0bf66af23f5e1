"""One photo, or a folder of pictures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.errors import UserError
from realtime.frames import Image
from realtime.quiet import quiet_native_logs
from realtime.sources.base import STILL_SECONDS, Shot

log = logging.getLogger(__name__)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif", ".jp2"})
BACKDROP = 128  # what shows through transparent pixels
SLIDE_SECONDS = 1.0  # how long each picture lasts when each is of somebody else


def read_picture(path: Path) -> Image | None:
    """A picture as (H, W, 3) RGB: 8 bits, upright, transparency over grey. None: it cannot be read."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    if not len(data):
        return None
    try:
        with quiet_native_logs():  # libpng has views on colour profiles
            return _decoded(data, may_be_clear=path.suffix.lower() not in {".jpg", ".jpeg"})
    except cv2.error:  # larger than OpenCV takes
        return None


def _decoded(data: NDArray[np.uint8], may_be_clear: bool) -> Image | None:
    """A picture file's content as (H, W, 3) RGB; see `read_picture`."""
    # OpenCV turns a photo upright only when it may also drop the transparency.
    raw = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if may_be_clear else None
    if raw is not None and raw.ndim == 3 and raw.shape[2] == 4:
        return _over_backdrop(raw)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _over_backdrop(bgra: np.ndarray) -> Image:
    """(H, W, 4) BGRA of 8 or 16 bits laid over grey."""
    full = np.iinfo(bgra.dtype).max
    alpha = bgra[..., 3:].astype(np.float32) / full
    color = bgra[..., 2::-1].astype(np.float32) * (255 / full)
    return (color * alpha + BACKDROP * (1 - alpha)).round().astype(np.uint8)


class Pictures:
    """A folder's pictures in the order of their names, or a single one.

    Args:
        place: a folder or a picture.
        slides: every picture is of somebody else, and each is shown for a second.
    """

    live = False

    def __init__(self, place: Path, slides: bool = False) -> None:
        self.still = not place.is_dir()
        self._paths = [place] if self.still else _listed(place)
        self.names = tuple(path.stem for path in self._paths)
        self._step = SLIDE_SECONDS if slides else STILL_SECONDS
        self._stop = threading.Event()
        self._only: Image | None = None
        if self.still:
            self._only = self._read(place)
            if self._only is None:
                raise UserError(
                    f"{place.name} is not a picture that can be read.", "Is it complete? Try to open it elsewhere."
                )

    def shots(self) -> Iterator[Shot]:
        """The pictures; those that cannot be read are named and left out."""
        index = 0
        for path in self._paths:
            if self._stop.is_set():
                return
            image = self._only if self._only is not None else self._read(path)
            if image is None:
                log.warning("%s cannot be read and is left out.", path.name)
                continue
            yield Shot(image, index * self._step, path.stem)
            index += 1
        if not index:
            raise UserError("None of the folder's pictures can be read.", "Are they complete? Open one elsewhere.")

    def close(self) -> None:
        """Ends a running `shots`."""
        self._stop.set()

    def _read(self, path: Path) -> Image | None:
        try:
            return read_picture(path)
        except PermissionError as error:
            raise UserError(f"{path.name} may not be read.", "Give yourself the right to read it.") from error


def _listed(folder: Path) -> list[Path]:
    """The pictures in a folder, by name."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except PermissionError as error:
        raise UserError(f"The folder {folder} may not be read.", "Give yourself the right to read it.") from error
    if not paths:
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise UserError(f"The folder {folder} holds no pictures.", f"Name a folder of pictures ({kinds}).")
    return paths
