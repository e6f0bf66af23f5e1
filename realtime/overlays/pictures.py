"""PNG and JPEG as RGBA arrays; their size is looked at before anything is unpacked."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from realtime.errors import UserError
from realtime.frames import Image

MOST_PIXELS = 4096 * 4096
MOST_BYTES = 32 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_NO_FRAME = {0xC4, 0xC8, 0xCC}  # JPEG markers among those of frames that are none


def decode_picture(data: bytes, name: str) -> Image:
    """(H, W, 4) sRGB and straight alpha, row 0 on top.

    Args:
        data: a PNG or JPEG file.
        name: what to call it in errors.

    Raises:
        UserError: neither of the two, damaged, or of more than `MOST_PIXELS`.
    """
    size = picture_size(data)
    if size is None:
        raise UserError(f"{name!r} is neither a PNG nor a JPEG picture.", "Save it as PNG.")
    if size[0] * size[1] > MOST_PIXELS:
        side = int(MOST_PIXELS**0.5)
        raise UserError(f"{name!r} is too large: {size[0]}x{size[1]} px.", f"At most {side}x{side} px are read.")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None or image.size == 0:
        raise UserError(f"{name!r} is damaged.", "Save it anew.")
    if image.dtype != np.uint8:
        image = (image >> 8).astype(np.uint8)  # PNG knows 16 bit beside 8
    channels = 1 if image.ndim == 2 else image.shape[2]
    to_rgba = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}
    return np.asarray(cv2.cvtColor(image, to_rgba[channels]), np.uint8)


def picture_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) that a PNG's or JPEG's header tells; None: it is neither, or broken off."""
    try:
        if data.startswith(_PNG):
            return struct.unpack(">II", data[16:24])  # type: ignore[return-value]
        if data.startswith(_JPEG):
            return _jpeg_size(data)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return None
