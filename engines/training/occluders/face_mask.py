"""Face masks and scarves over nose and mouth: photographed templates and drawn ones in any cloth."""

from __future__ import annotations

import cv2
import numpy as np

from engines.training.occluders.fabric import colour, surface
from engines.training.occluders.scene import (
    Layer,
    Library,
    Rng,
    Scene,
    curve,
    layer_of,
    line,
    polygon,
    ramp,
    recolour,
    warp,
)
from realtime.frames import Array

# The jaw from the picture's left ear over the chin to the right one.
JAW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454)
CHIN = JAW.index(152)


def _template(scene: Scene, library: Library, rng: Rng) -> Layer | None:
    """A photographed mask, its six key points brought onto cheeks, nose bridge, jaw and chin."""
    sprite = library.pick(rng, "face_masks")
    if sprite is None:
        return None
    p, points = scene.points, sprite.keypoints
    height, width = sprite.rgba.shape[:2]
    if points is None:
        points = np.float32([[0, 0.15], [0.5, 0], [1, 0.15], [0.1, 0.7], [0.5, 1], [0.9, 0.7]]) * (width, height)
    up = -scene.down * scene.iod * rng.uniform(-0.06, 0.16)
    reach = rng.uniform(0.72, 1.0)
    target = np.array(
        [
            p[234] * reach + p[2] * (1 - reach) + up,
            p[6] * 0.35 + p[4] * 0.65 + up * 2,
            p[454] * reach + p[2] * (1 - reach) + up,
            p[172],
            p[152] + scene.down * scene.iod * rng.uniform(-0.02, 0.14),
            p[397],
        ]
    )
    target += rng.normal(0, 0.015 * scene.iod, target.shape)
    homography, _ = cv2.findHomography(points, target, 0)
    if homography is None:
        return None
    rgba = sprite.rgba.astype(np.float32)
    if rng.random() < 0.75:
        rgba[..., :3] = recolour(rgba[..., :3], rng)
    if rng.random() < 0.25:  # the same mask of printed cloth
        cloth = cv2.resize(surface(rng, library, 128), (width, height))
        grey = rgba[..., :3].mean(2, keepdims=True)
        rgba[..., :3] = np.clip(cloth * grey / max(1.0, float(grey[rgba[..., 3] > 128].mean())), 0, 255)
    return warp(rgba, homography, scene.size)


def _outline(scene: Scene, rng: Rng) -> tuple[Array, Array]:
    """The drawn mask's outline (N, 2) px, and its upper and lower corners (4, 2), left before right."""
    p, iod, down, right = scene.points, scene.iod, scene.down, scene.right
    start = int(rng.integers(0, 4))
    jaw = p[list(JAW[start : len(JAW) - start])].astype(np.float64)
    middle = p[2]
    inset, drop = rng.uniform(0.78, 1.06), rng.uniform(0.0, 0.16) * iod
    across = (jaw - middle) @ right
    along = (jaw - middle) @ down
    depth = np.clip(along / max(1.0, float(along.max())), 0, 1)
    jaw = middle + np.outer(across * inset, right) + np.outer(along + drop * depth, down)
    if rng.random() < 0.82:  # over the nose
        bridge = p[168] + (p[4] - p[168]) * rng.uniform(0.3, 0.95)
    else:  # worn below it
        bridge = p[2] + (p[13] - p[2]) * rng.uniform(0.0, 0.8)
    sag = rng.uniform(-0.05, 0.16) * iod * down
    left_top = curve([jaw[0], (jaw[0] + bridge) / 2 + sag, bridge], 10)
    right_top = curve([bridge, (bridge + jaw[-1]) / 2 + sag, jaw[-1]], 10)
    outline = np.vstack([left_top, right_top[1:], jaw[::-1][1:-1]])
    low = max(1, len(jaw) // 4)
    return outline, np.stack([jaw[0], jaw[-1], jaw[low], jaw[-1 - low]])


def _drawn(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    size, iod = scene.size, scene.iod
    outline, holds = _outline(scene, rng)
    cover = polygon(outline, size)
    if rng.random() < 0.4:  # round corners
        cover = np.clip((cv2.GaussianBlur(cover, (0, 0), size / 42) - 0.5) * 5 + 0.5, 0, 1)
    light = surface(rng, library, size)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    across = ((x - scene.points[2, 0]) * scene.right[0] + (y - scene.points[2, 1]) * scene.right[1]) / iod
    along = ((x - scene.points[2, 0]) * scene.down[0] + (y - scene.points[2, 1]) * scene.down[1]) / iod
    shade = ramp(size, rng, 0.65, 1.15) * (1 - rng.uniform(0.1, 0.5) * across**2)
    shade = shade * (
        1 + rng.uniform(0, 0.25) * np.exp(-((across / 0.2) ** 2)) * (along < 0.15)
    )  # the nose below the cloth
    if rng.random() < 0.45:  # pleats
        period = rng.uniform(0.1, 0.2)
        bent = along + rng.uniform(-0.1, 0.2) * across**2
        shade = shade * (
            1 - rng.uniform(0.08, 0.3) * np.clip(np.cos(2 * np.pi * bent / period), 0.6, 1) * (np.abs(bent) < 0.5)
        )
    if rng.random() < 0.4:  # a seam down the middle
        shade = shade * (1 - rng.uniform(0.1, 0.35) * np.exp(-((across / 0.02) ** 2)))
    if rng.random() < 0.4:  # a hem
        inner = cv2.erode(cover, np.ones((3, 3), np.uint8), iterations=max(1, size // 80))
        light = light + (colour(rng) - light) * (1 - inner[..., None]) * rng.uniform(0.3, 1)
    layers = [layer_of(light * shade[..., None], cover)]
    if rng.random() < 0.12:  # an exhalation valve
        spot = scene.at(rng.uniform(-0.35, 0.35), rng.uniform(0.35, 0.6))
        distance = np.hypot(x - spot[0], y - spot[1]) / iod
        disc = np.clip((rng.uniform(0.08, 0.14) - distance) * iod + 0.5, 0, 1) * cover
        layers.append(layer_of(colour(rng) * (0.8 + 0.3 * np.cos(60 * distance))[..., None], disc, shadow=0.0))
    ears = scene.points[[127, 356]] + np.outer([-1, 1], scene.right) * iod * rng.uniform(0.0, 0.15)
    ears = ears + scene.down * iod * rng.uniform(-0.05, 0.35)
    tint, width = (
        colour(rng) if rng.random() < 0.5 else np.full(3, rng.uniform(150, 250)),
        iod * rng.uniform(0.012, 0.05),
    )
    for i, hold in enumerate(holds):
        if rng.random() < 0.75:
            layers.append(layer_of(tint, line([hold, ears[i % 2]], width, size), shadow=0.3))
    return layers


def _scarf(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """Cloth from nose or mouth down to the crop's lower edge: scarf, towel, turtleneck, bandana."""
    size, p = scene.size, scene.points
    top = p[168] + (p[152] - p[168]) * rng.uniform(0.3, 0.85)
    wide = scene.iod * rng.uniform(0.75, 1.4)
    lift = scene.down * scene.iod * rng.uniform(-0.25, 0.15)
    edge = curve(
        [
            top - scene.right * wide + lift,
            top + scene.down * scene.iod * rng.uniform(-0.15, 0.2),
            top + scene.right * wide + lift,
        ]
    )
    edge = edge + rng.normal(0, 0.012 * scene.iod, edge.shape)
    far = scene.down * 2 * size
    spread = scene.right * scene.iod * rng.uniform(-0.7, 0.5)
    cover = polygon(np.vstack([edge, edge[-1] + far + spread, edge[0] + far - spread]), size)
    return [layer_of(surface(rng, library, size) * ramp(size, rng)[..., None], cover)]


def face_mask(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """Something worn over mouth and mostly nose."""
    kind = rng.random()
    if kind < 0.45:
        layer = _template(scene, library, rng)
        if layer is not None:
            return [layer]
    return _scarf(scene, library, rng) if kind > 0.88 else _drawn(scene, library, rng)
