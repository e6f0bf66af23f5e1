"""The last millimetres: the fitted mesh is bent, smoothly and a little, onto the landmarks that are in view.

A morphable model cannot be every face: where its best fit still lies beside the landmarks, the difference is read as a
smooth field of shifts in the picture's plane and added to the vertices. The field is a Gaussian process over the mean
face (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2.2) in its strongest modes. So it follows what
many landmarks agree on and hardly what one says alone, and dies away where nothing is seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.frames import Array

MODES = 96  # of the field that are kept
LENGTH = 14.0  # mm, within which shifts are alike
SPREAD = 2.0  # mm, standard deviation of the shifts
NOISE = 1.2  # mm, of one landmark in full view; neighbours err together, so it is more than the tracker's own
FARTHEST = 6.0  # mm that any vertex may be moved along either axis


class Refiner:
    """Fields of shifts for one face model; holds nothing of any face."""

    def __init__(self, model: MorphableModel) -> None:
        points = model.landmarks(model.mean)
        values, modes = np.linalg.eigh(_kernel(points, points))
        # Each mode is scaled so that its coefficient's prior is N(0, 1).
        root = modes[:, -MODES:] / np.sqrt(values[-MODES:])
        self._at_vertices = (SPREAD * _kernel(model.mean, points) @ root).astype(np.float32)  # (V, K)
        self._at_landmarks = model.landmarks(self._at_vertices)  # (478, K)

    def solve(self, missed: Array, weights: Array | None = None) -> Array:
        """The field that explains what the mesh misses the landmarks by.

        Args:
            missed: (478, 2) mm in the picture's plane, the tracked landmarks minus the fitted mesh's.
            weights: (478,) 0..1, how far each landmark is to be believed; None: all fully.

        Returns:
            (K, 2) the field's coefficients, standard deviations.
        """
        known = np.isfinite(missed).all(1)
        certainty = known * np.float32(NOISE**-2) * (1 if weights is None else np.asarray(weights, np.float32))
        left = np.where(known[:, None], missed, 0)
        weighted = self._at_landmarks * certainty[:, None]
        matrix = weighted.T @ self._at_landmarks
        matrix[np.diag_indices_from(matrix)] += 1
        return np.linalg.solve(matrix, weighted.T @ left.astype(np.float32))

    def shifts(self, field: Array) -> Array:
        """(V, 2) mm by which a field (K, 2) moves the vertices in the picture's plane."""
        return np.clip(self._at_vertices @ field, -FARTHEST, FARTHEST)


def _kernel(a: Array, b: Array) -> NDArray[np.float64]:
    """(A, B) how alike the shifts are of points (A, 3) and (B, 3) mm."""
    square = ((a[:, None].astype(np.float64) - b[None]) ** 2).sum(-1)
    return np.exp(-0.5 * square / LENGTH**2)
