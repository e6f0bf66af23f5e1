"""Colours of what no photograph shows well: eyes, teeth, tongue, inner mouth; linear RGB (build time only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.face_model import eyeball
from engines.face_model.landmarks import PART_NAMES
from engines.face_model.topology import Topology

Points = NDArray[np.float64]
SKIN = (0.47, 0.27, 0.19)
PUPIL, IRIS, IRIS_EDGE, WHITE = (0.006, 0.005, 0.005), (0.085, 0.045, 0.022), (0.03, 0.018, 0.012), (0.52, 0.48, 0.46)
PAINTED = {
    "inner_mouth": (0.12, 0.030, 0.028),
    "tongue": (0.30, 0.090, 0.085),
    "teeth": (0.50, 0.45, 0.37),
}
MOUTH_DEPTH = 22.0  # mm behind the lips over which the inner mouth darkens


def paint_inside(topology: Topology, parts: NDArray[np.uint8], mean: Points) -> Points:
    """(V, 3) the colours; SKIN, one for all, where photographs will tell."""
    colors = np.tile(np.array(SKIN), (len(parts), 1))
    for name, color in PAINTED.items():
        colors[parts == PART_NAMES.index(name)] = color
    inside = parts == PART_NAMES.index("inner_mouth")
    depth = mean[inside, 2].max() - mean[inside, 2]
    colors[inside] *= np.exp(-depth / MOUTH_DEPTH)[:, None]
    degrees = eyeball.make_eyeball().degrees
    # Rings: the pupil, the iris from light to its dark edge, the white, shaded towards the lids.
    ball = np.where((degrees < eyeball.PUPIL_DEGREES)[:, None], PUPIL, IRIS)
    ball = np.where((degrees > eyeball.RINGS[eyeball.IRIS_RING] - 1)[:, None], IRIS_EDGE, ball)
    ball = np.where((degrees > eyeball.IRIS_DEGREES)[:, None], WHITE, ball)
    for first, end in topology.eye_ranges:
        colors[first:end] = ball
    return colors
