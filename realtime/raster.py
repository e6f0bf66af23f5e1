"""Which triangle of a mesh lies under each pixel of a small picture, in numpy.

The networks' crops are drawn here, on the thread that needs them: a GL context belongs to another one, and software
GL would compete for the same cores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.frames import Array


@dataclass(frozen=True)
class Hits:
    """The N pixels of a square picture that show the mesh."""

    pixels: NDArray[np.intp]  # (N,) indices into the flattened picture, each once
    corners: NDArray[np.intp]  # (3, N) the vertices around each
    shares: Array  # (3, N) their barycentric weights

    def mix(self, values: Array) -> Array:
        """(N,) or (C, N): values of the vertices, (V,) or (C, V), at the pixels' middles."""
        mixed = values.take(self.corners[0], axis=-1) * self.shares[0]
        mixed += values.take(self.corners[1], axis=-1) * self.shares[1]
        mixed += values.take(self.corners[2], axis=-1) * self.shares[2]
        return mixed


def rasterise(vertices: Array, triangles: NDArray, size: int) -> Hits:
    """Draws the front of a mesh into a (size, size) picture; the nearest surface wins.

    Args:
        vertices: (V, 3) px in the picture, z in px growing away from the camera.
        triangles: (T, 3) vertex indices, counter-clockwise from outside, so clockwise on the screen's y-down axes.
        size: of the picture; what lies outside is left out.
    """
    x, y, z = np.ascontiguousarray(vertices.T, np.float32)
    first, second, third = np.ascontiguousarray(triangles.T)
    ax, ay = x.take(first), y.take(first)
    bx, by = x.take(second) - ax, y.take(second) - ay
    cx, cy = x.take(third) - ax, y.take(third) - ay
    area = bx * cy - by * cx
    # Pixel i's middle lies at i + 1/2.
    left = np.clip(np.ceil(ax + np.minimum(np.minimum(bx, cx), 0) - 0.5), 0, size)
    right = np.clip(np.floor(ax + np.maximum(np.maximum(bx, cx), 0) - 0.5), -1, size - 1)
    top = np.clip(np.ceil(ay + np.minimum(np.minimum(by, cy), 0) - 0.5), 0, size)
    bottom = np.clip(np.floor(ay + np.maximum(np.maximum(by, cy), 0) - 0.5), -1, size - 1)
    front = np.flatnonzero((area < -1e-6) & (right >= left) & (bottom >= top))
    depth = (z.take(first) + z.take(second) + z.take(third)).take(front)
    front = front[np.argsort(-depth, kind="stable")]  # the nearest are written last

    left, top = left.take(front), top.take(front)
    width = right.take(front) - left + 1
    tried = (width * (bottom.take(front) - top + 1)).astype(np.int32)
    # Every pixel of every triangle's bounding box is tried, all at once; small numbers are exact in float32.
    which = np.repeat(np.arange(len(front), dtype=np.int32), tried)
    place = np.arange(len(which), dtype=np.float32) - (np.cumsum(tried) - tried).astype(np.float32).take(which)
    wide = width.take(which)
    row = np.floor((place + np.float32(0.5)) / wide)
    px, py = left.take(which) + (place - row * wide), top.take(which) + row
    # The second and the third corner's share are linear in the pixel's place.
    b_x, b_y, c_x, c_y = np.stack([cy, -cx, -by, bx]).take(front, axis=1) / area.take(front)
    dx, dy = px + (np.float32(0.5) - ax).take(front).take(which), py + (np.float32(0.5) - ay).take(front).take(which)
    b = dx * b_x.take(which) + dy * b_y.take(which)
    c = dx * c_x.take(which) + dy * c_y.take(which)
    inside = np.flatnonzero((b >= -1e-5) & (c >= -1e-5) & (b + c <= 1 + 1e-5))

    nearest = np.full(size * size, -1, np.int32)
    nearest[(py.take(inside) * size + px.take(inside)).astype(np.int32)] = inside.astype(np.int32)
    pixels = np.flatnonzero(nearest >= 0)
    chosen = nearest.take(pixels)
    triangle = front.take(which.take(chosen))
    b, c = b.take(chosen), c.take(chosen)
    return Hits(
        pixels,
        np.stack([first.take(triangle), second.take(triangle), third.take(triangle)]).astype(np.intp),
        np.stack([1 - b - c, b, c]).astype(np.float32),
    )
