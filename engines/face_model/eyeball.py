"""A small procedural eyeball: rings around the gaze axis, narrow ones where the colour changes (build time only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEGMENTS = 24
# Degrees from the gaze axis: pupil, its rim, the iris, the limbus, the white; the back is never seen.
RINGS = (3.5, 8.0, 9.5, 15.0, 20.5, 23.5, 30.0, 42.0, 58.0, 78.0, 98.0, 120.0)
PUPIL_DEGREES = 8.75
IRIS_DEGREES = 22.0  # 5.7 mm on these balls of 15 mm radius, which are larger than real ones
IRIS_RING = 4  # the ring at the edge of the iris, counted from the pupil
CORNEA = 0.065  # how far the cornea bulges, in radii
RIM_EXPONENT = 0.6  # below 1 gives the iris more of the picture than the white


@dataclass(frozen=True)
class Eyeball:
    """A ball of radius 1 that looks along +z, with a slight bulge for the cornea."""

    points: NDArray[np.float64]  # (N, 3)
    triangles: NDArray[np.int64]  # (T, 3) counter-clockwise from outside
    flat: NDArray[np.float64]  # (N, 2) in the unit disc
    degrees: NDArray[np.float64]  # (N,) from the gaze axis


def make_eyeball() -> Eyeball:
    """Vertex 0 is the middle of the pupil, then ring after ring, each starting at +x and turning towards +y."""
    angle = 2 * np.pi * np.arange(SEGMENTS) / SEGMENTS
    around = np.stack([np.cos(angle), np.sin(angle)], 1)
    degrees = np.concatenate([[0.0], np.repeat(RINGS, SEGMENTS)])
    radians = np.radians(degrees)
    spokes = np.concatenate([[[0.0, 0.0]], np.tile(around, (len(RINGS), 1))])
    directions = np.concatenate([spokes * np.sin(radians)[:, None], np.cos(radians)[:, None]], 1)
    bulge = 1 + CORNEA * np.clip(1 - (degrees / RINGS[IRIS_RING + 2]) ** 2, 0, 1)
    flat = spokes * ((degrees / RINGS[-1]) ** RIM_EXPONENT)[:, None]

    step = np.arange(SEGMENTS)
    following = (step + 1) % SEGMENTS
    triangles = [np.stack([np.zeros(SEGMENTS, int), 1 + step, 1 + following], 1)]
    for ring in range(len(RINGS) - 1):
        inner, outer = 1 + ring * SEGMENTS, 1 + (ring + 1) * SEGMENTS
        triangles.append(np.stack([inner + step, outer + step, outer + following], 1))
        triangles.append(np.stack([inner + step, outer + following, inner + following], 1))
    return Eyeball(directions * bulge[:, None], np.concatenate(triangles), flat, degrees)


def mirror_index() -> NDArray[np.int64]:
    """(N,) the vertex at the other side of the plane x = 0, for two balls that both look along +z."""
    step = (SEGMENTS // 2 - np.arange(SEGMENTS)) % SEGMENTS
    return np.concatenate([[0], *(1 + ring * SEGMENTS + step for ring in range(len(RINGS)))])
