"""Surfaces: cloth, print, knit, plastic and photographed textures in any colour."""

from __future__ import annotations

import cv2
import numpy as np

from engines.training.occluders.scene import Library, Rng, recolour
from realtime.frames import Array

SIDE = 128  # px of a surface before it is resized


def colour(rng: Rng) -> Array:
    """(3,) RGB 0..255: black, white and grey are as common as strong colours."""
    kind = rng.random()
    if kind < 0.35:
        return np.full(3, rng.choice([rng.uniform(5, 60), rng.uniform(60, 190), rng.uniform(190, 255)])) + rng.normal(
            0, 6, 3
        )
    if kind < 0.7:
        hue, saturation, value = rng.uniform(0, 180), rng.uniform(60, 255), rng.uniform(50, 255)
        pixel = np.array([[[hue, saturation, value]]], np.uint8)
        return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64)
    return rng.uniform(0, 255, 3)


def clouds(rng: Rng, cells: int, size: int = SIDE) -> Array:
    """(size, size) smooth noise of unit strength, about `cells` bumps across."""
    coarse = rng.standard_normal((cells + 2, cells + 2), dtype=np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def waves(rng: Rng, shortest: float, longest: float, size: int = SIDE) -> Array:
    """(size, size) a sine wave -1..1 in some direction, its length in px of the surface."""
    angle, length, phase = rng.uniform(0, np.pi), rng.uniform(shortest, longest), rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    return np.sin((np.cos(angle) * x + np.sin(angle) * y) * (2 * np.pi / length) + phase)


def pattern(rng: Rng) -> Array:
    """(SIDE, SIDE) 0..1: how two colours share a surface."""
    kind = rng.integers(6)
    if kind == 0:  # stripes, hard or soft
        return np.clip(waves(rng, 5, 50) * rng.uniform(0.7, 8) + 0.5, 0, 1)
    if kind == 1:  # checks
        length, (y, x) = rng.integers(5, 30), np.mgrid[:SIDE, :SIDE]
        return 0.5 * ((x // length) % 2) + 0.5 * ((y // length) % 2)
    if kind == 2:  # dots
        length, radius, (y, x) = rng.uniform(7, 24), rng.uniform(0.15, 0.45), np.mgrid[:SIDE, :SIDE]
        return (np.hypot(x / length % 1 - 0.5, y / length % 1 - 0.5) < radius).astype(np.float32)
    if kind == 3:  # camouflage, flowers, stains
        return np.clip(clouds(rng, int(rng.integers(4, 14))) * 4 + 0.5, 0, 1)
    if kind == 4:  # knit
        return np.clip(0.5 + 0.3 * waves(rng, 3, 7) + 0.3 * waves(rng, 3, 7), 0, 1)
    out = np.zeros((SIDE, SIDE), np.uint8)  # lettering
    for _ in range(rng.integers(1, 6)):
        text = "".join(chr(c) for c in rng.integers(48, 122, rng.integers(1, 7)))
        place = tuple(int(v) for v in rng.integers(-10, SIDE - 10, 2))
        cv2.putText(
            out, text, place, int(rng.integers(0, 8)), rng.uniform(0.4, 2.5), 255, int(rng.integers(1, 5)), cv2.LINE_AA
        )
    return out.astype(np.float32) / 255


def surface(rng: Rng, library: Library, size: int) -> Array:
    """(size, size, 3) float32 0..255: a material under uneven light."""
    if library.textures and rng.random() < 0.35:
        texture = library.textures[rng.integers(len(library.textures))]
        side = int(rng.integers(min(texture.shape[:2]) // 3, min(texture.shape[:2]) + 1))
        top, left = (int(rng.integers(0, n - side + 1)) for n in texture.shape[:2])
        out = recolour(cv2.resize(texture[top : top + side, left : left + side], (SIDE, SIDE)).astype(np.float32), rng)
    else:
        out = np.broadcast_to(colour(rng).astype(np.float32), (SIDE, SIDE, 3))
        if rng.random() < 0.45:
            share = pattern(rng).astype(np.float32)[..., None] * np.float32(rng.uniform(0.3, 1))
            out = out * (1 - share) + colour(rng).astype(np.float32) * share
    shading = 1 + clouds(rng, int(rng.integers(1, 6))) * np.float32(rng.uniform(0.02, 0.15))
    if rng.random() < 0.4:  # folds
        shading = shading + waves(rng, 12, 60) * np.float32(rng.uniform(0.02, 0.15))
    if rng.random() < 0.5:  # grain
        shading = shading + rng.standard_normal((SIDE, SIDE), dtype=np.float32) * np.float32(rng.uniform(0.01, 0.06))
    out = np.clip(out * shading[..., None], 0, 255)
    return out if size == SIDE else cv2.resize(out, (size, size))
