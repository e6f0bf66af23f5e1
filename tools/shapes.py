"""Tubes, rings and curves as triangle meshes: vertices (N, 3) mm and triangles (T, 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Shape = tuple[NDArray, NDArray]


def grid_triangles(rows: int, columns: int, rows_closed: bool = False, columns_closed: bool = False) -> NDArray:
    """Triangles of a (rows, columns) grid of vertices; they face where columns x rows points."""
    row, column = np.mgrid[: rows - (not rows_closed), : columns - (not columns_closed)]
    below, right = (row + 1) % rows, (column + 1) % columns
    a, b, c, d = (r * columns + k for r, k in ((row, column), (below, column), (row, right), (below, right)))
    return np.stack([a, c, b, c, d, b], -1).reshape(-1, 3)


def outward(vertices: NDArray, triangles: NDArray) -> NDArray:
    """The triangles of a closed mesh, turned so that its volume is positive."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    return triangles if np.einsum("ij,ij->", a, np.cross(b, c)) > 0 else triangles[:, ::-1]


def join(*shapes: Shape) -> Shape:
    """Several meshes as one."""
    firsts = np.cumsum([0] + [len(vertices) for vertices, _ in shapes])
    triangles = [triangles + first for (_, triangles), first in zip(shapes, firsts, strict=False)]
    return np.concatenate([vertices for vertices, _ in shapes]), np.concatenate(triangles)


def curve(points: NDArray, steps: int) -> NDArray:
    """(steps, 3) a smooth way (Catmull-Rom) through `points`."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    where = np.linspace(0, len(points) - 1 - 1e-9, steps)
    first, t = where.astype(int), (where % 1)[:, None]
    a, b, c, d = (padded[first + k] for k in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def tube(path: NDArray, radii: NDArray, up: tuple[float, float, float], closed: bool = False, sides: int = 10) -> Shape:
    """A tube along `path` (N, 3); `radii` (N, 2) across and along `up`. Open ends are capped by a point."""
    if not closed:  # the caps: the same ends again, of no width
        path, radii = path[[0, *range(len(path)), -1]], np.vstack([[1e-3, 1e-3], radii, [1e-3, 1e-3]])
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    if not closed:
        ahead[:2], ahead[-2:] = path[2] - path[0], path[-1] - path[-3]
    across = np.cross(ahead, np.asarray(up, float))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    other = np.cross(across, ahead)
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
    ring = across[:, None] * np.cos(angle) * radii[:, None, :1] + other[:, None] * np.sin(angle) * radii[:, None, 1:]
    vertices = (path[:, None] + ring).reshape(-1, 3)
    return vertices, outward(vertices, grid_triangles(len(path), sides, closed, True))
