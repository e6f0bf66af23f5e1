"""The relief of one face over time: what was seen, what its other side shows, what a network guesses."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.bump import SIZE, WORK_SIZE
from realtime.frames import Array
from realtime.remembered import BLUR_POWER, SHARPEST_FADES

# The share of a hidden side's relief that is taken from the other side.
MIRRORED = 0.7


class BumpMemory:
    """The relief of one tracked face, averaged over time.

    Args:
        guessed_share: of what a network guesses where the relief was seen; where neither this side nor the other
            was, it is all guessed.

    Attributes:
        heights: (WORK_SIZE, WORK_SIZE) mm, as seen.
        looks: how many pictures it comes from.
        bump: (SIZE, SIZE) float16 mm, the map to hand on: where nothing was seen it holds the mirrored other
            side, weaker, or nothing. A new array whenever it changes, the same one until then.
    """

    # Texels seen this often (fully visible) change little any more, but always a little.
    MOST = 20.0

    def __init__(self, guessed_share: float = 0.0) -> None:
        self._guessed_share = guessed_share
        self._guess = np.zeros((SIZE, SIZE), np.float32)
        self._guess_weight: Array = np.zeros((SIZE, SIZE), np.float32)
        self.heights = np.zeros((WORK_SIZE, WORK_SIZE), np.float32)
        self.bump = np.zeros((SIZE, SIZE), np.float16)
        self.looks = 0
        self._sharpest = 0.0  # of all looks, fading
        self._weight: Array = np.zeros((WORK_SIZE, WORK_SIZE), np.float32)  # of all looks together
        self._best = np.zeros((WORK_SIZE, WORK_SIZE), np.float32)  # of the best look: fades at the skin's borders

    def add(self, heights: Array, weight: Array, sharpness: float | None = None) -> None:
        """Blends in one picture's relief, as `BumpEstimator.relief` returns it; None: as sharp as any."""
        self.looks += 1
        if sharpness is not None:
            # In a blurred picture every face is smooth.
            self._sharpest = max(sharpness, self._sharpest * SHARPEST_FADES, 1e-6)
            weight = weight * np.float32((sharpness / self._sharpest) ** BLUR_POWER)
        self._weight = np.minimum(self._weight, self.MOST) + weight
        self._best = np.maximum(self._best, weight)
        self.heights += weight / np.maximum(self._weight, 1e-6) * (heights - self.heights)
        self._compose()

    def guess(self, heights: Array, weight: Array) -> None:
        """Blends in what a network guesses, as `BumpEstimator.from_crop` returns it."""
        self._guess_weight = np.minimum(self._guess_weight, self.MOST) + weight
        self._guess += weight / np.maximum(self._guess_weight, 1e-6) * (heights - self._guess)
        self._compose()

    def _compose(self) -> None:
        """What was seen, the other side of it, what is guessed: in this order."""
        trust, heights = (
            cv2.resize(m, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR) for m in (self._best, self.heights)
        )
        known = np.clip(self._guess_weight, 0, 1)
        # The UV map is symmetric about u = 1/2.
        elsewhere = known[:, ::-1] * (1 - known)
        guess = self._guess * known + self._guess[:, ::-1] * elsewhere
        share = self._guessed_share * known
        seen = heights + share * (guess - heights)
        other = MIRRORED * np.clip(trust[:, ::-1] - trust, 0, 1)
        filled = seen * trust + seen[:, ::-1] * other + guess * np.clip(1 - trust - other, 0, 1)
        self.bump = filled.astype(np.float16)
