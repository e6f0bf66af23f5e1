"""What is worn on the head and hides the forehead: hats, caps, beanies, headbands, turbans, hoods, towels."""

from __future__ import annotations

import cv2
import numpy as np

from engines.training.labels import OVAL
from engines.training.occluders.fabric import surface
from engines.training.occluders.scene import (
    Layer,
    Library,
    Rng,
    Scene,
    curve,
    layer_of,
    placing,
    polygon,
    ramp,
    recolour,
    warp,
)
from realtime.frames import Array

TEMPLES = (21, 251)
BROWS = (105, 334)


class _Head:
    """Coordinates of the head's upper half: u = -1..1 from temple to temple, v in IOD downwards from the brows."""

    def __init__(self, scene: Scene) -> None:
        left, right = scene.points[list(TEMPLES)].astype(np.float64)
        brows = scene.points[list(BROWS)].mean(0)
        self.scene = scene
        self.half = max(float(np.hypot(*(right - left))) / 2, 0.3 * scene.iod)
        middle = (left + right) / 2
        self.origin = middle + scene.down * float((brows - middle) @ scene.down)

    def at(self, u: Array | float, v: Array | float) -> Array:
        """Points (..., 2) px."""
        u, v = np.asarray(u, np.float64), np.asarray(v, np.float64)
        return (
            self.origin
            + (u * self.half)[..., None] * self.scene.right
            + (v * self.scene.iod)[..., None] * self.scene.down
        )


def _template(scene: Scene, library: Library, rng: Rng) -> Layer | None:
    sprite = library.pick(rng, "hats")
    if sprite is None:
        return None
    head = _Head(scene)
    rgba = sprite.rgba.astype(np.float32)
    if rng.random() < 0.85:
        rgba[..., :3] = recolour(rgba[..., :3], rng)
    if rng.random() < 0.2:
        cloth = cv2.resize(surface(rng, library, 128), rgba.shape[1::-1])
        grey = rgba[..., :3].mean(2, keepdims=True)
        rgba[..., :3] = np.clip(cloth * (grey / max(1.0, float(grey.mean()))), 0, 255)
    if rng.random() < 0.5:
        rgba = rgba[:, ::-1]
    scale = 2 * head.half * rng.uniform(1.15, 1.7) / rgba.shape[1]
    foot = head.at(rng.normal(0, 0.05), rng.uniform(-0.38, 0.1))
    matrix = placing(
        rgba.shape, foot, (scale, scale * rng.uniform(0.8, 1.3)), scene.angle + rng.normal(0, 0.06), (0.5, 1.0)
    )
    return warp(rgba, matrix, scene.size)


def _lower_edge(head: _Head, rng: Rng, wide: float) -> tuple[Array, float]:
    """A curve across the forehead, (N, 2) px, and the v of its middle."""
    v = rng.uniform(-0.42, 0.1)
    ends = v + rng.uniform(-0.15, 0.3)
    edge = curve([head.at(-wide, ends), head.at(rng.normal(0, 0.1), 2 * v - ends), head.at(wide, ends)])
    return edge, v


def _band(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """Headband, bandage, bandana, folded towel."""
    head = _Head(scene)
    edge, _ = _lower_edge(head, rng, rng.uniform(1.0, 1.35))
    height = scene.down * scene.iod * rng.uniform(0.1, 0.65)
    top = edge[::-1] - height * rng.uniform(0.9, 1.1)
    return [_cloth(scene, library, rng, np.vstack([edge, top]))]


def _cloth(scene: Scene, library: Library, rng: Rng, outline: Array) -> Layer:
    size = scene.size
    cover = polygon(outline + rng.normal(0, rng.choice([0, 0.01]) * scene.iod, outline.shape), size)
    if rng.random() < 0.4:
        cover = np.clip((cv2.GaussianBlur(cover, (0, 0), size / 50) - 0.5) * 5 + 0.5, 0, 1)
    return layer_of(surface(rng, library, size) * ramp(size, rng, 0.6, 1.15)[..., None], cover)


def _dome(head: _Head, edge: Array, wide: float, top: float) -> Array:
    """The outline of a crown over a lower edge."""
    angles = np.linspace(0, np.pi, 24)
    low = float((edge[0] - head.origin) @ head.scene.down) / head.scene.iod
    crown = head.at(wide * np.cos(angles), low + (top - low) * np.sin(angles) ** 0.8)
    return np.vstack([edge, crown])


def _cap(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """Beanie, cap, helmet, turban: a crown down to the forehead, with or without peak or turn-up."""
    head = _Head(scene)
    wide = rng.uniform(1.1, 1.4)
    edge, v = _lower_edge(head, rng, wide)
    layers = [_cloth(scene, library, rng, _dome(head, edge, wide, rng.uniform(-2.0, -1.1)))]
    extra = rng.random()
    if extra < 0.4:  # a peak
        reach = rng.uniform(0.7, 1.05)
        peak = np.vstack(
            [
                curve([head.at(-reach, v), head.at(0, v + rng.uniform(0.1, 0.65)), head.at(reach, v)]),
                curve([head.at(reach, v), head.at(0, v - rng.uniform(0.2, 0.5)), head.at(-reach, v)]),
            ]
        )
        layers.append(_cloth(scene, library, rng, peak))
    elif extra < 0.65:  # a turn-up
        layers.append(
            _cloth(scene, library, rng, np.vstack([edge, edge[::-1] - scene.down * scene.iod * rng.uniform(0.1, 0.4)]))
        )
    elif extra < 0.75:  # a brim
        flat = curve(
            [head.at(-wide * 1.4, v - 0.2), head.at(0, v + rng.uniform(0.05, 0.4)), head.at(wide * 1.4, v - 0.2)]
        )
        layers.append(_cloth(scene, library, rng, np.vstack([flat, head.at(0, v - 0.4)[None]])))
    return layers


def _hood(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """Hood, headscarf, balaclava: cloth all around an opening for the face."""
    size = scene.size
    oval = scene.points[list(OVAL)]
    center = oval.mean(0) + scene.down * scene.iod * rng.uniform(-0.05, 0.12)
    opening = center + (oval - center) * rng.uniform(0.78, 1.05)
    cover = polygon(center + (oval - center) * rng.uniform(1.35, 2.2), size)
    cover = np.clip(cover - cv2.GaussianBlur(polygon(opening, size), (0, 0), size / 100), 0, 1)
    if rng.random() < 0.5:  # down to the shoulders
        below = scene.points[152] + scene.down * scene.iod * rng.uniform(-0.05, 0.15)
        cover = np.maximum(
            cover,
            polygon(
                [below, below + scene.down * size + scene.right * size, below + scene.down * size - scene.right * size],
                size,
            ),
        )
    return [layer_of(surface(rng, library, size) * ramp(size, rng)[..., None], cover)]


def _towel(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """A cloth that hangs into the forehead, or a scarf laid over it."""
    sprite = library.pick(rng, "scarves")
    head = _Head(scene)
    if sprite is None or rng.random() < 0.3:
        tilt = rng.normal(0, 0.2)
        corners = head.at([-1.5, -1.5, 1.5, 1.5], [-2.2, -0.2 + tilt, -0.2 - tilt, -2.2])
        return [_cloth(scene, library, rng, corners)]
    rgba = sprite.rgba.astype(np.float32)
    rgba[..., :3] = recolour(rgba[..., :3], rng)
    if rgba.shape[0] > rgba.shape[1] and rng.random() < 0.8:
        rgba = np.ascontiguousarray(rgba.transpose(1, 0, 2))
    scale = (2 * head.half * rng.uniform(1.0, 1.5) / rgba.shape[1], scene.iod * rng.uniform(0.4, 1.2) / rgba.shape[0])
    foot = head.at(rng.normal(0, 0.1), rng.uniform(-0.45, 0.1))
    return [warp(rgba, placing(rgba.shape, foot, scale, scene.angle + rng.normal(0, 0.1), (0.5, 1.0)), scene.size)]


def forehead(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """Something worn on the head."""
    kind = rng.random()
    if kind < 0.32:
        layer = _template(scene, library, rng)
        if layer is not None:
            return [layer]
    if kind < 0.55:
        return _band(scene, library, rng)
    if kind < 0.82:
        return _cap(scene, library, rng)
    return _towel(scene, library, rng) if kind < 0.92 else _hood(scene, library, rng)
