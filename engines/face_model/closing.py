"""Brings two rims together: the lips of the mean face, the lids of a blink (build time only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from engines.face_model.unwrap import directed_edges

Points = NDArray[np.float64]
STEPS = 200  # points taken on a rim to measure distances to it


@dataclass(frozen=True)
class Rims:
    """An upper and a lower rim, each (N, 3) mm from the smallest to the largest x."""

    upper: Points
    lower: Points

    def gap(self, x: Points) -> Points:
        """(P,) mm: how much higher the upper rim lies at `x` (P,); negative where they cross, 0 beyond the corners."""
        above = np.interp(x, self.upper[:, 0], self.upper[:, 1])
        below = np.interp(x, self.lower[:, 0], self.lower[:, 1])
        inside = (x > self.upper[:, 0].min()) & (x < self.upper[:, 0].max())
        return np.where(inside, above - below, 0.0)


def split_loop(loop: Points) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the upper and of the lower half of a closed loop (N, 3), corner to corner by growing x."""
    left, right = int(loop[:, 0].argmin()), int(loop[:, 0].argmax())
    count = len(loop)
    one = (left + np.arange((right - left) % count + 1)) % count
    two = (right + np.arange((left - right) % count + 1)) % count
    halves = sorted((one, two[::-1]), key=lambda half: loop[half, 1].mean())
    return halves[1], halves[0]


def upper_side(
    vertices: Points, triangles: NDArray[np.int64], upper: NDArray[np.int64], lower: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(V,) whether the way over the mesh to the upper rim's vertices is shorter than to the lower's."""
    edges = directed_edges(triangles)
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1) + 1e-6
    graph = coo_matrix((lengths, edges.T), (len(vertices),) * 2).tocsr()
    above, below = (dijkstra(graph, False, indices=rim, min_only=True) for rim in (upper, lower))
    return above < below


def close(
    rest: Points, posed: Points, rims: Rims, posed_rims: Rims, above: NDArray[np.bool_], share: float, reach: float
) -> Points:
    """(V, 3) mm to add to `posed` (V, 3) so that its rims meet.

    Args:
        rest: (V, 3) mm where nothing is posed.
        posed: (V, 3) mm.
        rims: of `rest`.
        posed_rims: of `posed`.
        above: (V,) from `upper_side`.
        share: how much of the way the upper rim goes; the lower goes the rest.
        reach: mm from a rim over which the motion dies away.
    """
    to_upper, to_lower = (cKDTree(_dense(rim)).query(rest)[0] for rim in (rims.upper, rims.lower))
    gap = posed_rims.gap(posed[:, 0])
    down = -share * gap * np.exp(-((to_upper / reach) ** 2))
    up = (1 - share) * gap * np.exp(-((to_lower / reach) ** 2))
    offset = np.zeros_like(rest)
    offset[:, 1] = np.where(above, down, up)
    return offset


def _dense(rim: Points) -> Points:
    """(STEPS, 3) points along a rim."""
    steps = np.linspace(0, len(rim) - 1, STEPS)
    return np.stack([np.interp(steps, np.arange(len(rim)), rim[:, d]) for d in range(3)], 1)
