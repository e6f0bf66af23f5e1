"""Where the teeth stand behind the lips (build time only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from engines.face_model.unwrap import directed_edges

# MakeHuman's rows meet edge to edge where the lips do, so that hardly any tooth shows between parted lips. Upper front
# teeth really show two to four mm below a relaxed upper lip, and bite before the lower ones.
LONGER = 3.2  # mm that upper front teeth reach farther down; their roots stay
LOWER, BACK = 0.6, 1.5  # mm that the lower row is moved


def bite(mean: NDArray, triangles: NDArray, teeth: NDArray[np.bool_]) -> NDArray:
    """(V, 3) mm the mean with its teeth one row before the other; arguments as for `rows`."""
    low, high = rows(mean, triangles, teeth)
    moved = mean.copy()
    height = mean[high, 1]
    moved[high, 1] -= LONGER * (height.max() - height) / np.ptp(height)
    moved[low] -= np.array([0, LOWER, BACK], mean.dtype)
    return moved


def rows(mean: NDArray, triangles: NDArray, teeth: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """Indices of the lower and of the upper teeth's vertices.

    Args:
        mean: (V, 3) mm.
        triangles: (T, 3).
        teeth: (V,) which vertices are teeth: two rows that do not hang together.
    """
    edges = directed_edges(triangles[teeth[triangles].all(1)])
    _, row = connected_components(coo_matrix((np.ones(len(edges)), edges.T), (len(mean), len(mean))), directed=False)
    found = [np.flatnonzero(teeth & (row == r)) for r in np.unique(row[teeth])]
    if len(found) != 2:
        raise ValueError(f"expected two rows of teeth, found {len(found)}")
    low, high = sorted(found, key=lambda vertices: mean[vertices, 1].mean())
    return low, high
