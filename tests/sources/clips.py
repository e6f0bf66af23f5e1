"""Small clips that the tests write for themselves."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def gradient(width: int, height: int, shift: int = 0) -> np.ndarray:
    """(H, W, 3) RGB: red grows to the right, green downwards, blue with `shift`."""
    red = np.broadcast_to(np.linspace(0, 255, width)[None], (height, width))
    green = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    return np.stack([red, green, np.full((height, width), shift % 256)], -1).astype(np.uint8)


def write_clip(
    path: Path,
    size: tuple[int, int] = (64, 48),
    times: list[float] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    picture: np.ndarray | None = None,
) -> Path:
    """Writes frames of `gradient` (or `picture`) shown at `times`, seconds."""
    times = [index / 30 for index in range(10)] if times is None else times
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, seconds in enumerate(times):
            image = gradient(*size, 20 * index) if picture is None else picture
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(seconds * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn(path: Path, quarter_turns: int) -> Path:
    """Marks an MP4 as filmed with the camera turned clockwise by `quarter_turns`, as phones do.

    The track header's 3x3 matrix (16.16 fixed point, the last column 2.30) follows the track's 'tkhd' tag; the
    film's own matrix stays the identity.
    """
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    cos, sin = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarter_turns % 4]
    one = 1 << 16
    for place, value in ((0, cos), (4, sin), (12, -sin), (16, cos)):
        data[at + place : at + place + 4] = (value * one).to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    return path
