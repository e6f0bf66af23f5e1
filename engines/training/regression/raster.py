"""A small z-buffer on the CPU: what lies in every pixel of a rendered head, and how displacement shades it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realtime.frames import Array
from realtime.light import sh_basis


@dataclass(frozen=True)
class Fragments:
    """What covers each pixel of an (S, S) picture."""

    triangle: NDArray[np.int32]  # (S, S), -1 where there is nothing
    barycentric: Array  # (S, S, 3)

    @property
    def covered(self) -> NDArray[np.bool_]:
        """(S, S)."""
        return self.triangle >= 0

    def interpolate(self, triangles: NDArray, values: Array) -> Array:
        """(V, D) values at the vertices -> (S, S, D), 0 where there is nothing."""
        values = np.ascontiguousarray(values, np.float32)
        out = np.zeros((*self.triangle.shape, values.shape[1]), np.float32)
        _interpolate(self.triangle, self.barycentric, np.asarray(triangles, np.int64), values, out)
        return out


@njit(cache=True)
def _interpolate(triangle, barycentric, triangles, values, out):  # pragma: no cover (compiled)
    for row in range(triangle.shape[0]):
        for column in range(triangle.shape[1]):
            f = triangle[row, column]
            if f < 0:
                continue
            for corner in range(3):
                v, share = triangles[f, corner], barycentric[row, column, corner]
                for d in range(values.shape[1]):
                    out[row, column, d] += share * values[v, d]


@njit(cache=True)
def _fill(points, triangles, size, triangle, barycentric, depth):  # pragma: no cover (compiled)
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        x0, y0, x1, y1 = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        x2, y2 = points[c, 0], points[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area > -1e-9:  # turned away: counter-clockwise from outside is negative where y points down
            continue
        left, right = max(int(min(x0, x1, x2) - 0.5), 0), min(int(max(x0, x1, x2) + 0.5), size - 1)
        top, bottom = max(int(min(y0, y1, y2) - 0.5), 0), min(int(max(y0, y1, y2) + 0.5), size - 1)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                x, y = column + 0.5, row + 0.5
                v = ((x - x0) * (y2 - y0) - (x2 - x0) * (y - y0)) / area
                w = ((x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)) / area
                u = 1 - v - w
                if u < -1e-6 or v < -1e-6 or w < -1e-6:
                    continue
                z = u * points[a, 2] + v * points[b, 2] + w * points[c, 2]
                if z < depth[row, column]:
                    depth[row, column] = z
                    triangle[row, column] = f
                    barycentric[row, column, 0] = u
                    barycentric[row, column, 1] = v
                    barycentric[row, column, 2] = w


def rasterize(points: Array, triangles: NDArray, size: int) -> Fragments:
    """What a picture of a mesh shows, back faces left out.

    Args:
        points: (V, 3) px, x right, y down, z growing away from the camera.
        triangles: (T, 3) counter-clockwise seen from outside.
        size: the picture's side in px.
    """
    triangle = np.full((size, size), -1, np.int32)
    barycentric = np.zeros((size, size, 3), np.float32)
    depth = np.full((size, size), np.inf)
    _fill(np.asarray(points, np.float64), np.asarray(triangles, np.int64), size, triangle, barycentric, depth)
    return Fragments(triangle, barycentric)


def _slopes(values: Array) -> tuple[Array, Array]:
    """Central differences of (S, S, D) along x and y."""
    dx, dy = np.zeros_like(values), np.zeros_like(values)
    dx[:, 1:-1] = (values[:, 2:] - values[:, :-2]) / 2
    dy[1:-1] = (values[2:] - values[:-2]) / 2
    return dx, dy


@dataclass(frozen=True)
class Relief:
    """How a height over a surface turns its normals, for every pixel: gradient = across * h_x + down * h_y."""

    normals: Array  # (S, S, 3) unit, camera frame, of the smooth surface
    across: Array  # (S, S, 3) surface gradient per mm of height gained from one pixel to the next to the right
    down: Array  # (S, S, 3) the same for the pixel below
    valid: NDArray[np.bool_]  # (S, S) a surface without a jump to its neighbours, not seen edge-on

    def normals_of(self, height: Array) -> Array:
        """(S, S, 3) unit normals with (S, S) mm of displacement on the surface."""
        dx, dy = _slopes(height[..., None])
        turned = self.normals - self.across * dx - self.down * dy
        turned /= np.maximum(np.linalg.norm(turned, axis=-1, keepdims=True), 1e-9)
        return np.where(self.valid[..., None], turned, self.normals)


def relief_of(positions: Array, normals: Array, covered: NDArray[np.bool_]) -> Relief:
    """The geometry that displacement needs (bump mapping after Blinn, with screen-space tangents).

    Args:
        positions: (S, S, 3) mm, camera frame: the surface behind each pixel.
        normals: (S, S, 3) of any length, camera frame, facing the camera where they count.
        covered: (S, S) where there is a surface.
    """
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    dx, dy = _slopes(positions)
    first, second = np.cross(dy, normals), np.cross(normals, dx)
    area = (dx * first).sum(-1)
    inner = covered.copy()
    inner[1:-1, 1:-1] &= covered[2:, 1:-1] & covered[:-2, 1:-1] & covered[1:-1, 2:] & covered[1:-1, :-2]
    inner[[0, -1]] = inner[:, [0, -1]] = False
    # A step in depth, or a surface turned far away, has a large area behind its pixel.
    pixel = np.median(np.abs(area[inner])) if inner.any() else 1.0
    valid = inner & (np.abs(area) > 1e-9) & (np.abs(area) < 5 * pixel)
    scale = np.where(valid, 1 / np.where(valid, area, 1), 0)[..., None]
    across, down = (first * scale).astype(np.float32), (second * scale).astype(np.float32)
    return Relief(normals.astype(np.float32), across, down, valid)


def shading(normals: Array, light: Array) -> Array:
    """(..., 3) normals and (27,) light -> (..., 3) linear RGB that an albedo of 1 sends back, never negative."""
    flat = sh_basis(normals.reshape(-1, 3)) @ light.reshape(3, 9).T
    return np.maximum(flat, 0).reshape(normals.shape).astype(np.float32)


def to_srgb(linear: Array) -> Array:
    """Linear 0..1 -> sRGB 0..255, float32; values beyond are clipped."""
    value = np.clip(linear, 0, 1)
    return 255 * np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055).astype(np.float32)
