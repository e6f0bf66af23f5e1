"""A small z-buffer renderer for pictures of the model (build time only: numba)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.floating]
BACKGROUND = -1


@dataclass(frozen=True)
class Fragments:
    """What each pixel sees."""

    triangle: NDArray[np.int32]  # (H, W), BACKGROUND where nothing is
    barycentric: NDArray[np.float32]  # (H, W, 3) perspective-correct

    @property
    def covered(self) -> NDArray[np.bool_]:
        """(H, W) where something is."""
        return self.triangle != BACKGROUND

    def interpolate(self, values: Points, triangles: NDArray[np.integer]) -> Points:
        """(V, C) at the vertices -> (P, C) at the covered pixels, in reading order."""
        corners = values[triangles[self.triangle[self.covered]]]
        return np.einsum("pcd,pc->pd", corners, self.barycentric[self.covered])


def rasterize(points: Points, depth: Points, triangles: NDArray[np.integer], height: int, width: int) -> Fragments:
    """Find the nearest triangle at every pixel's centre.

    Args:
        points: (V, 2) px, x right, y down, the origin at the picture's corner.
        depth: (V,) distance along the view axis, positive.
        triangles: (T, 3); both faces are drawn.
        height: of the picture.
        width: of the picture.
    """
    triangle = np.full((height, width), BACKGROUND, np.int32)
    barycentric = np.zeros((height, width, 3), np.float32)
    nearest = np.zeros((height, width))
    _fill(
        np.ascontiguousarray(points, np.float64),
        np.ascontiguousarray(1 / depth, np.float64),
        np.ascontiguousarray(triangles, np.int64),
        triangle,
        barycentric,
        nearest,
    )
    return Fragments(triangle, barycentric)


@njit(cache=True)
def _fill(points, inverse_depth, triangles, triangle, barycentric, nearest):  # pragma: no cover (compiled)
    height, width = triangle.shape
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        xa, ya = points[a]
        xb, yb = points[b]
        xc, yc = points[c]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if abs(area) < 1e-12:
            continue
        for y in range(max(int(min(ya, yb, yc)), 0), min(int(max(ya, yb, yc)) + 1, height)):
            for x in range(max(int(min(xa, xb, xc)), 0), min(int(max(xa, xb, xc)) + 1, width)):
                px, py = x + 0.5, y + 0.5
                v = ((px - xa) * (yc - ya) - (xc - xa) * (py - ya)) / area
                w = ((xb - xa) * (py - ya) - (px - xa) * (yb - ya)) / area
                u = 1.0 - v - w
                if u < -1e-9 or v < -1e-9 or w < -1e-9:
                    continue
                u, v, w = u * inverse_depth[a], v * inverse_depth[b], w * inverse_depth[c]
                closeness = u + v + w
                if closeness > nearest[y, x]:
                    nearest[y, x] = closeness
                    triangle[y, x] = t
                    barycentric[y, x, 0] = u / closeness
                    barycentric[y, x, 1] = v / closeness
                    barycentric[y, x, 2] = w / closeness


# The way to each light and how strong it is: from the upper right, from the left, and from behind.
LIGHTS = (((0.45, 0.55, 0.7), 0.85), ((-0.7, 0.1, 0.5), 0.25), ((0.1, 0.9, -0.4), 0.2))


@dataclass(frozen=True)
class View:
    """A perspective camera that looks at the origin from +z, and a soft light."""

    rotation: Points  # (3, 3) turns the object first
    center: Points  # (3,) the object's point that comes to the middle
    size: int = 360  # px, square
    distance: float = 700.0  # mm
    field: float = 260.0  # mm across, in the middle's plane
    oversampling: int = 3
    background: tuple[float, float, float] = (0.16, 0.17, 0.19)  # linear RGB
    gloss: float = 0.06  # of the first light
    ambient: float = 0.28
    lights: Sequence[tuple[ArrayLike, float]] = LIGHTS


def shade(
    view: View, vertices: Points, triangles: NDArray[np.integer], normals: Points, albedo: Points
) -> NDArray[np.float32]:
    """(size, size, 4) sRGB and alpha, 0..1: the object in soft light; `albedo` (V, 3) is linear."""
    turned = (vertices - view.center) @ view.rotation.T
    depth = view.distance - turned[:, 2]
    side = view.size * view.oversampling
    focal = side / view.field * view.distance
    points = np.stack([side / 2 + focal * turned[:, 0] / depth, side / 2 - focal * turned[:, 1] / depth], 1)
    seen = rasterize(points, depth, triangles, side, side)
    normal = seen.interpolate(normals @ view.rotation.T, triangles)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    light = view.ambient + 0.12 * normal[:, 1]
    directions = [np.asarray(way) / np.linalg.norm(way) for way, _ in view.lights]
    for direction, (_, strength) in zip(directions, view.lights, strict=True):
        light = light + strength * np.clip(normal @ direction, 0, None)
    half = directions[0] + [0, 0, 1]
    gloss = view.gloss * np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 18
    color = np.empty((side, side, 4))
    color[..., :3], color[..., 3] = view.background, seen.covered
    color[seen.covered, :3] = seen.interpolate(albedo, triangles) * light[:, None] + gloss[:, None]
    color = color.reshape(view.size, view.oversampling, view.size, view.oversampling, 4).mean((1, 3))
    color[..., :3] = linear_to_srgb(color[..., :3])
    return color.astype(np.float32)


def cut_out(shaded: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 4) of `shade` over black, 0..1 -> RGBA bytes, straight alpha.

    The renderer averaged with black where the object is not: undone, edges keep the object's colour.
    """
    alpha = shaded[..., 3:]
    straight = linear_to_srgb(srgb_to_linear(shaded[..., :3]) / np.maximum(alpha, 1e-3))
    return (np.concatenate([straight, alpha], 2) * 255 + 0.5).astype(np.uint8)


def linear_to_srgb(linear: Points) -> Points:
    """Linear light 0..1 -> sRGB 0..1, clipped."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def srgb_to_linear(srgb: Points) -> Points:
    """The inverse of `linear_to_srgb`."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def turn(yaw: float, pitch: float = 0.0) -> Points:
    """(3, 3) the rotation by `yaw` and then `pitch` degrees: positive turns the face to its left, and up."""
    y, p = np.radians([yaw, -pitch])
    around_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    return around_x @ around_y
