"""What a face does when it is in plain view, which is what it will most likely do while something covers it.

Someone who smiles and lifts a cup goes on smiling; of someone who talks, nobody knows. So the mean of each expression
over the last seconds of clear view is believed as strongly as it was steady.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from realtime.fitting import Prior
from realtime.frames import Array

SPAN = 2.0  # seconds of clear view that are remembered
# Before anything is seen an expression varies by this much, which counts as so many looks; none is steadier than that.
UNKNOWN_VARIANCE, UNKNOWN_LOOKS, LEAST_VARIANCE = 0.05, 5, 0.001
MOST_LOOKS = 60
# How strongly an expression of unit variance is believed to stay, and the most that any is: inverse variances of a fit.
STRENGTH, MOST_STRENGTH = 0.5, 50.0


class Habit:
    """Mean and variance of one face's expressions while it is in plain view.

    Attributes:
        looks: frames in which it was seen.
    """

    def __init__(self) -> None:
        self.looks = 0
        self._mean: NDArray[np.float64] = np.zeros(0)
        self._variance: NDArray[np.float64] = np.zeros(0)
        self._time = 0.0

    def add(self, expression: Array, time: float) -> None:
        """Takes in the expression (52,) 0..1 of a frame in plain view; `time` in seconds on the source's time line."""
        value = np.asarray(expression, np.float64)
        step, self._time = time - self._time, time
        if self.looks == 0:
            self._mean, self._variance = value, np.zeros_like(value)
        else:
            share = max(1 / (self.looks + 1), float(np.clip(step / SPAN, 0, 1)))
            off = value - self._mean
            self._mean = self._mean + share * off
            self._variance = (1 - share) * (self._variance + share * off * off)
        self.looks += 1

    def expected(self, prior: Prior | None, identity: Array) -> Prior | None:
        """What is believed of a covered face: its habit, unless the prior knows its expression or there is none.

        Args:
            prior: what is believed otherwise.
            identity: (K,) of the face; no more is believed of it.
        """
        if not self.looks or (prior is not None and prior.expression is not None):
            return prior
        looks = min(self.looks, MOST_LOOKS)
        variance = (UNKNOWN_LOOKS * UNKNOWN_VARIANCE + looks * self._variance) / (UNKNOWN_LOOKS + looks)
        return replace(
            prior or Prior(identity, identity_strength=0.0),
            expression=self._mean.astype(np.float32),
            expression_strength=np.minimum(STRENGTH / (variance + LEAST_VARIANCE), MOST_STRENGTH),
            sparse=True,
        )
