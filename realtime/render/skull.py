"""A plain stand-in for the part of the head that the face's mesh lacks: it hides what is behind the head."""

from __future__ import annotations

import numpy as np

from realtime.frames import Array, FaceState
from realtime.overlays.overlay import Material, Piece

# An ellipsoid in the mean face's head frame, mm: as wide and high as the mesh's scalp, as long as a skull, and just
# below the skin wherever there is some.
CENTER = np.array([0.0, 24.0, -72.0])
RADII = np.array([71.0, 84.0, 90.0])
RINGS, SEGMENTS = 12, 20


def skull(center: Array = CENTER, radii: Array = RADII) -> Piece:
    """The ellipsoid as a mesh, head frame of the mean face."""
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, RINGS + 1), np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False), indexing="ij"
    )
    unit = np.stack([np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], -1).reshape(-1, 3)
    ring, segment = np.mgrid[:RINGS, :SEGMENTS]
    here, beside = ring * SEGMENTS + segment, ring * SEGMENTS + (segment + 1) % SEGMENTS
    quads = np.stack([here, here + SEGMENTS, beside + SEGMENTS, here, beside + SEGMENTS, beside], -1)
    count = len(unit)
    return Piece(
        positions=(center + radii * unit).astype(np.float32),
        normals=unit.astype(np.float32),
        uv=np.zeros((count, 2), np.float32),
        colors=np.ones((count, 4), np.float32),
        triangles=quads.reshape(-1, 3).astype(np.int32),
        material=Material(),
    )


def skull_placement(face: FaceState, mean: Array, some: slice = slice(None)) -> Array:
    """(4, 4) float32 mean face's head frame -> camera frame: stretched along the axes as this face is.

    Args:
        face: the face that the skull belongs to.
        mean: (V, 3) mm, the mean face.
        some: the vertices that are looked at.
    """
    neutral, mean = face.neutral[some], mean[some]
    ours, theirs = neutral.mean(axis=0), mean.mean(axis=0)
    stretch = neutral.std(axis=0) / np.maximum(mean.std(axis=0), 1e-6)
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(stretch)
    matrix[:3, 3] = ours - stretch * theirs
    return (face.coefficients.pose @ matrix).astype(np.float32)
