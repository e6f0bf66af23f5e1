"""A time written into the picture as black and white squares, so that delay can be measured at the other end."""

from __future__ import annotations

import numpy as np

from realtime.frames import Image

BITS = 26  # milliseconds modulo 2^26, about 18 hours
CHECKS = 6  # and their checksum: a smeared code must not count
SQUARE = 16  # px: what the encoder leaves of it can still be read
WIDTH, HEIGHT = (BITS + CHECKS) * SQUARE, SQUARE  # px that it takes
PERIOD = 1 << BITS

# The same for a page: reads the code from a video element that shows the picture at its own size; -1: none.
READ_IN_PAGE = f"""
(video) => {{
  const count = {BITS + CHECKS}, square = {SQUARE};
  const canvas = window.timecodeCanvas ??= new OffscreenCanvas(count * square, square);
  const context = canvas.getContext("2d", {{ willReadFrequently: true }});
  const bottom = video.videoHeight - square;
  if (video.videoWidth < count * square || bottom < 0) return -1; // scaled down: there is nothing to be read
  context.drawImage(video, 0, bottom, count * square, square, 0, 0, count * square, square);
  const pixels = context.getImageData(0, 0, count * square, square).data;
  let value = 0, checks = 0;
  for (let bit = 0; bit < count; bit++) {{
    const at = 4 * ((square / 2) * count * square + bit * square + square / 2);
    const white = pixels[at + 1] > 127 ? 1 : 0;
    if (bit < {BITS}) value = value * 2 + white; else checks = checks * 2 + white;
  }}
  return (value % 61) + 1 === checks ? value : -1;
}}
"""


def burn(image: Image, milliseconds: int) -> None:
    """Writes a time into the picture's lower left corner, in place; which must have room for it."""
    value = milliseconds % PERIOD
    bits = f"{value:0{BITS}b}{value % 61 + 1:0{CHECKS}b}"
    row = np.repeat(np.array([255 if bit == "1" else 0 for bit in bits], np.uint8), SQUARE)
    image[-SQUARE:, : len(row)] = row[None, :, None]


def read(image: Image) -> int | None:
    """The time in a picture; None: there is none, or it cannot be read."""
    centres = SQUARE // 2 + SQUARE * np.arange(BITS + CHECKS)
    if image.shape[0] < HEIGHT or image.shape[1] < WIDTH:
        return None
    white = image[-SQUARE // 2, centres, 1] > 127
    value = int("".join("1" if bit else "0" for bit in white[:BITS]), 2)
    checks = int("".join("1" if bit else "0" for bit in white[BITS:]), 2)
    return value if value % 61 + 1 == checks else None
