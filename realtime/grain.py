"""Grain: what is painted into a picture gets the noise and fine texture of the skin around it.

A network that is trained to err little paints smoothly; between pixels that a sensor has seen its work stands out like
plastic, however well colour and light match. So the strength that its finest detail lacks is made up with noise, as
film compositors do.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames import Array, Image

BOX = 5  # px of the picture: detail finer than this is grain
SOFTNESS = 1.0  # px: neighbouring pixels of a camera's picture are not independent
QUANTILES = (16, 84)  # of the detail: a standard deviation either way, were it normal, whatever lines and edges add
EVERY = 2  # pixels, either way, that are looked at
LEAST_PIXELS = 100  # of skin in view that must be looked at to tell what its grain is
MOST = 6.0  # grey levels: more is texture of some other kind
TILE = 512  # px


def detail_of(image: Image) -> NDArray[np.int16]:
    """(H, W): what of the brightness of (H, W, 3) is finer than `BOX`, in sixteenths of a grey level."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.int16) << 4
    return grey - cv2.blur(grey, (BOX, BOX))


def strength(detail: NDArray, where: NDArray[np.bool_]) -> float:
    """The standard deviation, in grey levels, of the detail (H, W) where (H, W); 0 where too little is seen."""
    values = detail[::EVERY, ::EVERY][where[::EVERY, ::EVERY]]
    if len(values) < LEAST_PIXELS:
        return 0.0
    # np.percentile interpolates between neighbours, which takes several times as long and changes nothing here.
    ranks = [len(values) * quantile // 100 for quantile in QUANTILES]
    low, high = np.partition(values, ranks)[ranks]
    return float(high - low) / 32


def grained(
    painting: Image, painted: NDArray[np.bool_], image: Image, skin: NDArray[np.bool_], place: tuple[int, int]
) -> Image:
    """The painting with as much grain as the skin in view.

    Args:
        painting: (H, W, 3) RGB.
        painted: (H, W) where it will be seen.
        image: (h, w, 3) RGB, the picture around it.
        skin: (h, w) where that shows skin.
        place: x and y of the painting in the picture, px: there the grain stands still.
    """
    wanted = min(strength(detail_of(image), skin), MOST)
    missing = wanted**2 - strength(detail_of(painting), painted) ** 2
    if missing <= 0 or not painted.any():
        return painting
    height, width = painted.shape
    left, top = (p % TILE for p in place)
    noise = _noise(-(-(top + height) // TILE), -(-(left + width) // TILE))[top : top + height, left : left + width]
    return cv2.add(painting, cv2.merge([noise * np.float32(np.sqrt(missing))] * 3), dtype=cv2.CV_8U)


@cache
def _noise(rows: int, columns: int) -> Array:
    """(TILE * rows, TILE * columns) noise of unit strength without anything coarser than grain; always the same."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((TILE, TILE), np.float32), (0, 0), SOFTNESS)
    fine = noise - cv2.blur(noise, (BOX, BOX))
    return np.tile(fine / fine.std(), (rows, columns))
