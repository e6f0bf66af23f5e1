"""Whether a face in view is the one that is remembered: its markings beyond those that all faces have."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames import Array, Image

CELLS = 64  # texels along a side, at which faces are compared
# The band, as sigmas of two blurs in texels: finer is expression and noise, coarser is the light.
FINE, COARSE = 1.5, 8.0
# Below this a face is somebody else's. The same person through 6 s of grimaces stays above 0.81; of pairs of
# photographs of different people 94 % lie below it.
LEAST_LIKENESS = 0.7
# The share of the map that must be seen of both to judge by.
LEAST_SHARE = 0.2


class LikenessTest:
    """Compares textures over UV.

    Args:
        usual: (S, S, 3) sRGB, what is common to all faces: the model's mean.
    """

    def __init__(self, usual: Image) -> None:
        self._usual = _logarithm(usual)

    def likeness(self, first: Image, second: Image, weight: Array) -> float | None:
        """How alike two textures are, -1..1; None where too little of both is seen to say.

        Args:
            first: (S, S, 3) sRGB.
            second: (S, S, 3) sRGB.
            weight: (S, S) 0..1: how far both are known.
        """
        weight = cv2.resize(weight, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
        if float(weight.mean()) < LEAST_SHARE:
            return None
        usual, a, b = (_band(values, weight) for values in (self._usual, _logarithm(first), _logarithm(second)))

        def inner(x: Array, y: Array) -> float:
            return float((weight * x * y).sum())

        common = max(inner(usual, usual), 1e-9)
        a = a - usual * (inner(a, usual) / common)
        b = b - usual * (inner(b, usual) / common)
        return inner(a, b) / max(float(np.sqrt(inner(a, a) * inner(b, b))), 1e-9)


def _logarithm(image: Image) -> Array:
    """(CELLS, CELLS): ln of the brightness, so that light of any strength drops out with the coarse band."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return np.log(small.astype(np.float32) + 8)


def _band(values: Array, weight: Array) -> Array:
    """The middle band of a map, over what has weight."""

    def blurred(sigma: float) -> Array:
        spread = cv2.GaussianBlur(weight, (0, 0), sigma)
        return cv2.GaussianBlur(values * weight, (0, 0), sigma) / np.maximum(spread, 1e-3)

    return blurred(FINE) - blurred(COARSE)
