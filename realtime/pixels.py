"""Pictures into the networks' buffers and back: uint8 RGB against float32 NCHW in [-1, 1]."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames import Array, Image


def fill_image(buffer: Array, image: Image) -> None:
    """Writes (S, S, 3) RGB uint8 into a network's input (1, 3, S, S), [-1, 1]."""
    for plane, channel in zip(buffer[0], cv2.split(image), strict=True):  # plane by plane: half the time of a transpose
        np.multiply(channel, np.float32(1 / 127.5), out=plane)
    buffer -= 1


def resized(image: Array, side: int) -> Array:
    """(S, S, ...) at another side; itself where it has that side already."""
    return image if image.shape[0] == side else cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)


def read_image(output: Array) -> Image:
    """A network's output (1, 3, S, S) in [-1, 1] as (S, S, 3) RGB uint8."""
    # Plane by plane, too; OpenCV rounds and saturates on the way to 8 bits.
    return cv2.merge([cv2.addWeighted(plane, 127.5, plane, 0, 127.5, dtype=cv2.CV_8U) for plane in output[0]])
