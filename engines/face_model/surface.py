"""Closest points on a triangle mesh, and vertex normals (build time only: numba and scipy)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]
NEAREST_CENTERS = 24  # triangles looked at per point; the meshes here are even enough for this to find the closest


@dataclass(frozen=True)
class Surface:
    """Triangles in space."""

    vertices: Points  # (N, 3)
    triangles: NDArray[np.int64]  # (T, 3) counter-clockwise from outside

    @cached_property
    def triangle_normals(self) -> Points:
        """(T, 3) unit normals."""
        a, b, c = self.vertices[self.triangles].swapaxes(0, 1)
        normals = np.cross(b - a, c - a)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)

    @cached_property
    def vertex_normals(self) -> Points:
        """(N, 3) area-weighted unit normals."""
        a, b, c = self.vertices[self.triangles].swapaxes(0, 1)
        faces = np.cross(b - a, c - a)
        normals = np.zeros_like(self.vertices)
        for corner in range(3):
            np.add.at(normals, self.triangles[:, corner], faces)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)

    @cached_property
    def _centers(self) -> cKDTree:
        return cKDTree(self.vertices[self.triangles].mean(1))

    def closest(
        self, points: Points, normals: Points | None = None, min_cosine: float = 0.0
    ) -> tuple[NDArray[np.int64], Points, Points]:
        """The closest point of the surface to every point.

        Args:
            points: (P, 3).
            normals: (P, 3) if given, only triangles that face the same way are looked at.
            min_cosine: how much the same way.

        Returns:
            triangle (P,), -1 where none faces the same way; barycentric (P, 3); distance (P,).
        """
        _, near = self._centers.query(points, k=NEAREST_CENTERS)
        if normals is None:
            allowed = np.ones(near.shape, bool)
        else:
            allowed = np.einsum("pkd,pd->pk", self.triangle_normals[near], normals) > min_cosine
        triangle = np.full(len(points), -1)
        barycentric = np.zeros((len(points), 3))
        distance = np.full(len(points), np.inf)
        corners = np.ascontiguousarray(self.vertices[self.triangles])
        _closest(np.ascontiguousarray(points), near.astype(np.int64), allowed, corners, triangle, barycentric, distance)
        return triangle, barycentric, distance

    def at(self, triangle: NDArray[np.int64], barycentric: Points) -> Points:
        """(P, 3) the points with these barycentric coordinates."""
        return np.einsum("pcd,pc->pd", self.vertices[self.triangles[triangle]], barycentric)


@njit(cache=True)
def _closest(points, near, allowed, corners, triangle, barycentric, distance):  # pragma: no cover (compiled)
    for i in range(len(points)):
        for j in range(near.shape[1]):
            if not allowed[i, j]:
                continue
            t = near[i, j]
            u, v, w = _barycentric(points[i], corners[t, 0], corners[t, 1], corners[t, 2])
            squared = 0.0
            for d in range(3):
                gap = u * corners[t, 0, d] + v * corners[t, 1, d] + w * corners[t, 2, d] - points[i, d]
                squared += gap * gap
            if squared < distance[i] ** 2:
                distance[i] = np.sqrt(squared)
                triangle[i] = t
                barycentric[i, 0], barycentric[i, 1], barycentric[i, 2] = u, v, w


@njit(cache=True)
def _barycentric(p, a, b, c):  # pragma: no cover (compiled)
    """Weights of the point of triangle abc that is closest to p: inside, else on the best of the three sides."""
    ab, ac, ap = b - a, c - a, p - a
    d00, d01, d11 = (ab * ab).sum(), (ab * ac).sum(), (ac * ac).sum()
    d20, d21 = (ap * ab).sum(), (ap * ac).sum()
    determinant = d00 * d11 - d01 * d01
    if determinant > 1e-20:
        v = (d11 * d20 - d01 * d21) / determinant
        w = (d00 * d21 - d01 * d20) / determinant
        if v >= 0 and w >= 0 and v + w <= 1:
            return 1 - v - w, v, w
    s = _along(p, a, b)
    best = ((a + s * ab - p) ** 2).sum()
    weights = (1 - s, s, 0.0)
    s = _along(p, a, c)
    gap = ((a + s * ac - p) ** 2).sum()
    if gap < best:
        best, weights = gap, (1 - s, 0.0, s)
    s = _along(p, b, c)
    if ((b + s * (c - b) - p) ** 2).sum() < best:
        weights = (0.0, 1 - s, s)
    return weights


@njit(cache=True)
def _along(p, a, b):  # pragma: no cover (compiled)
    """Where on the side from a to b the closest point lies, 0..1."""
    side = b - a
    length = (side * side).sum()
    if length < 1e-20:
        return 0.0
    return min(1.0, max(0.0, ((p - a) * side).sum() / length))
