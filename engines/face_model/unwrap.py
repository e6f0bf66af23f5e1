"""Flattens a disc-like patch of a triangle mesh into a circle: no flips, no overlaps, little stretch (build time only).

Tutte's embedding with positive weights is one-to-one whenever the boundary is convex. After Yoshizawa, Belyaev and
Seidel ("A fast and simple stretch-minimizing mesh parameterization", 2004) the weights are divided by the local
stretch and the system is solved again, which keeps the guarantee and evens the resolution out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, diags, eye
from scipy.sparse.linalg import spsolve

Triangles = NDArray[np.int64]
Points = NDArray[np.float64]


def directed_edges(triangles: Triangles) -> Triangles:
    """(T, 3) -> (3T, 2): every side in the triangle's own direction."""
    return np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])


def boundary_loops(triangles: Triangles) -> list[list[int]]:
    """The closed loops of sides that only one triangle has, longest first, in the triangles' direction."""
    sides = {(int(a), int(b)) for a, b in directed_edges(triangles)}
    following = {a: b for a, b in sides if (b, a) not in sides}
    loops = []
    while following:
        start, loop = next(iter(following)), []
        vertex = start
        while vertex in following:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(loop)
    return sorted(loops, key=len, reverse=True)


def unwrap(vertices: Points, triangles: Triangles, start: int, importance: Points, rounds: int = 12) -> Points:
    """Flatten a patch onto the unit disc.

    Args:
        vertices: (N, 3) all used by `triangles`.
        triangles: (T, 3) one outer boundary (the longest); other holes are bridged.
        start: the boundary vertex that goes to the top of the circle.
        importance: (N,) above 1 where the picture should have more resolution than elsewhere.
        rounds: how often the weights are adapted to the stretch.

    Returns:
        (N, 2) in the unit disc, counter-clockwise triangles staying counter-clockwise.
    """
    outer, *holes = boundary_loops(triangles)
    first = outer.index(start)
    outer = outer[first:] + outer[:first]
    bridged = np.concatenate([triangles, *(_fan(hole, len(vertices) + k) for k, hole in enumerate(holes))])
    points = np.concatenate([vertices, *(vertices[hole].mean(0, keepdims=True) for hole in holes)])
    lengths = np.linalg.norm(vertices[outer] - vertices[np.roll(outer, -1)], axis=1)
    angle = np.pi / 2 + 2 * np.pi * np.concatenate([[0], np.cumsum(lengths)[:-1]]) / lengths.sum()
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)

    weights = _mean_value_weights(points, bridged)
    for _ in range(rounds):
        flat = _solve(weights, outer, circle)[: len(vertices)]
        stretch = _vertex_stretch(vertices, triangles, flat) * importance
        # A hub has no surface of its own: without its rim's factor the rim would fall into it.
        factor = np.concatenate([stretch, [stretch[hole].mean() for hole in holes]]) / np.median(stretch)
        weights = weights @ diags(1 / np.sqrt(factor))
    return _solve(weights, outer, circle)[: len(vertices)]


def _fan(hole: list[int], hub: int) -> Triangles:
    """Triangles from a hole's rim to a new vertex in its middle."""
    rim = np.array(hole)
    return np.stack([np.roll(rim, -1), rim, np.full(len(rim), hub)], 1)


def _mean_value_weights(points: Points, triangles: Triangles) -> coo_matrix:
    """(N, N) Floater's mean value coordinates, all positive."""
    rows, columns, values = [], [], []
    for corner in range(3):
        a, b, c = (triangles[:, (corner + k) % 3] for k in range(3))
        to_b, to_c = points[b] - points[a], points[c] - points[a]
        length_b, length_c = (np.maximum(np.linalg.norm(v, axis=1), 1e-6) for v in (to_b, to_c))
        cosine = np.clip((to_b * to_c).sum(1) / (length_b * length_c), -0.9999, 0.9999)
        half_tangent = np.sqrt((1 - cosine) / (1 + cosine))
        rows += [a, a]
        columns += [b, c]
        values += [half_tangent / length_b, half_tangent / length_c]
    matrix = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (len(points),) * 2)
    return matrix.tocsr()


def _solve(weights: coo_matrix, outer: list[int], circle: Points) -> Points:
    """Put every inner vertex at the weighted mean of its neighbours."""
    count = weights.shape[0]
    normalised = diags(1 / np.asarray(weights.sum(1)).ravel()) @ weights
    inner = np.ones(count)
    inner[outer] = 0
    target = np.zeros((count, 2))
    target[outer] = circle
    return spsolve((eye(count) - diags(inner) @ normalised).tocsc(), target)


def _vertex_stretch(vertices: Points, triangles: Triangles, flat: Points) -> Points:
    """(N,) how much the picture is magnified on the surface around a vertex: mm per unit, root mean square."""
    (p0, p1, p2), (q0, q1, q2) = (vertices[triangles].swapaxes(0, 1), flat[triangles].swapaxes(0, 1))
    (a, b), (c, d) = (q1 - q0).T, (q2 - q0).T
    determinant = a * d - b * c
    determinant = np.sign(determinant) * np.maximum(np.abs(determinant), 1e-12)
    along_u = ((p1 - p0) * d[:, None] - (p2 - p0) * b[:, None]) / determinant[:, None]
    along_v = ((p2 - p0) * a[:, None] - (p1 - p0) * c[:, None]) / determinant[:, None]
    squared = ((along_u**2).sum(1) + (along_v**2).sum(1)) / 2
    area = np.linalg.norm(np.cross(p1 - p0, p2 - p0), axis=1) + 1e-9
    total, weight = np.zeros(len(vertices)), np.zeros(len(vertices))
    for corner in range(3):
        np.add.at(total, triangles[:, corner], area * squared)
        np.add.at(weight, triangles[:, corner], area)
    return np.sqrt(total / np.maximum(weight, 1e-12))
