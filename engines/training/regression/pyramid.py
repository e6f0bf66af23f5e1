"""Continues what is known in a part of a picture into the rest."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames import Array


def spread(values: Array, known: Array) -> Array:
    """What is known as it is; elsewhere, the further away, the wider an average of it.

    Args:
        values: (S, S, D), S a power of two, D at least 2.
        known: (S, S) 0..1.

    Returns:
        (S, S, D) float32.
    """
    share = known.astype(np.float32)[..., None]
    total = (values * share).astype(np.float32)
    levels = []
    while total.shape[0] > 1:
        levels.append((total, share))
        half = (total.shape[0] // 2,) * 2
        total = cv2.resize(total, half, interpolation=cv2.INTER_AREA).reshape(*half, -1)
        share = cv2.resize(share, half, interpolation=cv2.INTER_AREA).reshape(*half, 1)
    out = total / np.maximum(share, 1e-9)
    for total, share in reversed(levels):
        out = total + (1 - share) * cv2.resize(out, total.shape[:2], interpolation=cv2.INTER_LINEAR)
    return out
