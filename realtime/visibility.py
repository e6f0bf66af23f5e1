"""Which vertices of the mesh the camera sees: those that face it and that the head itself does not hide."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames import Array, Camera

# Cosine between normal and view at which a vertex begins to count, and from which it counts fully.
FACING_LIMITS = (0.05, 0.35)
# The depth buffer's cells across the longer side of the face.
CELLS = 48
# A point this far (in cells) behind the nearest surface of its cell is hidden; half of it is the soft edge.
# Surfaces that face the camera at 70 degrees fall by some three cells from one to the next.
DEPTH_TOLERANCE = (3.0, 4.5)


def facing(vertices: Array, normals: Array, camera: Camera) -> Array:
    """(V,) cosine between each vertex's normal and the direction to the camera.

    Args:
        vertices: (V, 2 or more) px.
        normals: (V, 3) unit, outward, camera frame.
        camera: the camera.
    """
    # Coordinates one after the other, as everywhere below: numpy is many times slower along rows of three.
    x, y, z = np.ascontiguousarray(normals.T)
    across = (vertices[:, 0] - np.float32(camera.center[0])) / np.float32(camera.focal)
    down = (vertices[:, 1] - np.float32(camera.center[1])) / np.float32(camera.focal)
    return -(x * across + y * down + z) / np.sqrt(1 + across * across + down * down)


def vertex_visibility(vertices: Array, triangles: NDArray, normals: Array, camera: Camera) -> Array:
    """How far the camera sees each vertex, for an otherwise empty scene.

    A coarse depth buffer takes the nearest of the vertices and triangle centres that fall into each cell.

    Args:
        vertices: (V, 3) px, z in px growing away from the camera.
        triangles: (T, 3) vertex indices.
        normals: (V, 3) unit, outward, camera frame.
        camera: the camera.

    Returns:
        (V,) float32, 0 hidden to 1 seen.
    """
    low, high = FACING_LIMITS
    seen = np.clip((facing(vertices, normals, camera) - low) / (high - low), 0, 1)

    x, y, z = points = np.ascontiguousarray(vertices.T, np.float32)
    left, top = x.min(), y.min()
    extent = max(float(x.max() - left), float(y.max() - top))
    if not np.isfinite(extent) or extent <= 0:
        return np.zeros(len(vertices), np.float32)
    # What turns away cannot be in front of everything: half of the triangles need not be looked at.
    first, second, third = np.ascontiguousarray(triangles[seen.take(triangles[:, 0]) > 0].T)
    centers = (points.take(first, 1) + points.take(second, 1) + points.take(third, 1)) * np.float32(1 / 3)
    x, y, z = np.concatenate([points, centers], axis=1)
    cells = np.float32((CELLS - 1) / extent)
    flat = ((y - top) * cells).astype(np.int32) * CELLS + ((x - left) * cells).astype(np.int32)
    z = z * cells
    nearest = np.full(CELLS * CELLS, np.inf, np.float32)
    np.minimum.at(nearest, flat, z)
    # Cells that no point happened to fall into take their neighbours' depth, if these agree that it is near.
    grid = nearest.reshape(CELLS, CELLS)
    closed = cv2.dilate(cv2.erode(grid, np.ones((3, 3), np.uint8)), np.ones((3, 3), np.uint8))
    nearest = np.minimum(grid, closed).ravel()

    near, far = DEPTH_TOLERANCE
    count = len(vertices)
    behind = z[:count] - nearest.take(flat[:count])
    return (seen * np.clip((far - behind) / (far - near), 0, 1)).astype(np.float32)
