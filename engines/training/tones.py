"""Skin tones of the training faces, and how often each face is drawn so that rare tones are learned, too."""

from __future__ import annotations

import cv2
import numpy as np

from engines.training.labels import PART
from engines.training.store import FaceStore
from realtime.frames import Array

BIN = 10.0  # of lightness that count as one tone
STEP = 4  # of the pixels looked at


def lightness(store: FaceStore, index: int) -> float:
    """Median lightness L* (CIELAB, 0..100) of a face's skin; NaN where its map shows none."""
    skin = np.isin(store.labels[index][::STEP, ::STEP], (PART["skin"], PART["nose"]))
    if not skin.any():
        return float("nan")
    pixels = store.images[index][::STEP, ::STEP][skin][None].astype(np.float32) / 255
    return float(np.median(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[..., 0]))


def chances(tones: Array) -> Array:
    """How likely each face is to be drawn: half way, in orders of magnitude, from as they come to all tones alike.

    Args:
        tones: (N,) `lightness`; NaN where unknown.

    Returns:
        (N,) float64, of sum 1; faces of unknown tone have the mean chance.
    """
    known = np.isfinite(tones)
    weights = np.ones(len(tones))
    if known.any():
        bins = np.floor(tones[known] / BIN).astype(int)
        weights[known] = np.bincount(bins)[bins] ** -0.5
        weights[known] /= weights[known].mean()
    return weights / weights.sum()


def tone_chances(store: FaceStore, indices: np.ndarray) -> Array:
    """`chances` of the faces with these indices."""
    return chances(np.array([lightness(store, int(i)) for i in indices]))
