"""Eyeglasses and sunglasses: photographed and drawn, clear and tinted, with reflections and temples."""

from __future__ import annotations

import cv2
import numpy as np

from engines.training.occluders.fabric import colour, surface
from engines.training.occluders.scene import Layer, Library, Rng, Scene, layer_of, line, placing, ramp, recolour, warp
from realtime.frames import Array

EYES = ((33, 133), (362, 263))  # corners, from the picture's left to its right
TEMPLES = (127, 356)


def _template(scene: Scene, library: Library, rng: Rng) -> Layer | None:
    sprite = library.pick(rng, "glasses")
    if sprite is None:
        return None
    rgba = sprite.rgba.astype(np.float32)
    if rng.random() < 0.8:
        rgba[..., :3] = recolour(rgba[..., :3], rng)
    if rng.random() < 0.3:  # lenses one can see through
        tinted = (rgba[..., 3] > 90)[..., None]
        bright = rgba[..., :3].mean(2, keepdims=True)
        limit = np.float32(rng.uniform(90, 255))
        rgba[..., 3:] = np.where(tinted & (bright > 40), np.minimum(rgba[..., 3:], limit), rgba[..., 3:])
    if rng.random() < 0.5:
        rgba = rgba[:, ::-1]
    left, right = scene.points[list(TEMPLES)]
    middle = (left + right) / 2 + scene.down * scene.iod * rng.normal(0.03, 0.06)
    scale = float(np.hypot(*(right - left))) / rgba.shape[1] * rng.uniform(0.88, 1.12)
    angle = scene.angle + rng.normal(0, 0.03)
    matrix = placing(rgba.shape, middle, (scale, scale * rng.uniform(0.85, 1.25)), angle, (0.5, 0.42))
    return warp(rgba, matrix, scene.size, eyeglasses=True, shadow=0.5)


def _reflections(scene: Scene, library: Library, rng: Rng) -> tuple[Array, Array]:
    """What the lenses mirror: colour (S, S, 3) and how strongly (S, S) 0..1."""
    size = scene.size
    if rng.random() < 0.3:  # surroundings
        return surface(rng, library, size) * 1.2, np.full((size, size), rng.uniform(0.1, 0.6), np.float32)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    angle, width = rng.uniform(0, np.pi), scene.iod * rng.uniform(0.03, 0.25)
    along = (x - scene.center[0]) * np.cos(angle) + (y - scene.center[1]) * np.sin(angle)
    strength = np.zeros((size, size), np.float32)
    for _ in range(rng.integers(1, 5)):
        offset = rng.normal(0, 0.5) * scene.iod
        strength = np.maximum(strength, rng.uniform(0.2, 0.95) * np.exp(-(((along - offset) / width) ** 2)))
    return np.full((size, size, 3), rng.uniform(170, 255), np.float32), strength


def _drawn(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    size, iod, p = scene.size, scene.iod, scene.points
    y, x = np.mgrid[:size, :size].astype(np.float32)
    sharpness, shear, tall = rng.uniform(1.8, 6), rng.normal(0, 0.12), rng.uniform(0.13, 0.3) * iod
    wide, thick = rng.uniform(0.75, 1.25), iod * rng.choice([rng.uniform(0.012, 0.03), rng.uniform(0.03, 0.09)])
    low = rng.normal(0.03, 0.05) + (rng.uniform(0.1, 0.25) if rng.random() < 0.1 else 0)  # sometimes down on the nose
    lenses, rims, edges = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32), []
    half_rim = rng.random() < 0.15
    for sign, eye in zip((-1, 1), EYES, strict=True):
        center = p[list(eye)].mean(0) + scene.down * iod * low
        half = max(float(np.hypot(*(p[eye[0]] - p[eye[1]]))) * wide * 0.85, 0.1 * iod)
        across = (x - center[0]) * scene.right[0] + (y - center[1]) * scene.right[1]
        along = (x - center[0]) * scene.down[0] + (y - center[1]) * scene.down[1] + sign * shear * across
        radius = ((np.abs(across) / half) ** sharpness + (np.abs(along) / tall) ** sharpness) ** (1 / sharpness)
        distance = (radius - 1) * min(half, tall)
        rim = np.clip(thick / 2 - np.abs(distance) + 0.5, 0, 1) * min(1.0, thick + 0.2)
        if half_rim:
            rim = rim * np.clip(0.5 - along, 0, 1)
        lenses, rims = np.maximum(lenses, np.clip(0.5 - distance, 0, 1)), np.maximum(rims, rim)
        edges.append((center - scene.right * half, center + scene.right * half))
    lift = -scene.down * tall * rng.uniform(0.0, 0.6)
    rims = np.maximum(rims, line([edges[0][1] + lift, edges[1][0] + lift], thick * rng.uniform(0.7, 1.4), size))
    for edge, temple in ((edges[0][0], p[TEMPLES[0]]), (edges[1][1], p[TEMPLES[1]])):
        end = temple + (temple - edge) * rng.uniform(0.0, 0.5)
        rims = np.maximum(rims, line([edge + lift, end + lift * 0.5], thick * rng.uniform(0.6, 1.3), size))
    if rng.random() < 0.12:
        rims = rims * 0.5  # rimless, or frames of clear plastic
    layers = []
    tinted = rng.random() < 0.55
    tint = colour(rng) * (rng.uniform(0.1, 0.6) if rng.random() < 0.6 else 1.0)
    if tinted:
        opacity = (
            rng.uniform(0.35, 1.0) * np.clip(ramp(size, rng, 0.6, 1.2), 0, 1)
            if rng.random() < 0.4
            else rng.uniform(0.4, 1.0)
        )
    else:
        opacity = rng.uniform(0.0, 0.2)
    layers.append(layer_of(np.broadcast_to(tint, (size, size, 3)), lenses * opacity, eyeglasses=True, shadow=0.2))
    if rng.random() < 0.6:
        mirrored, strength = _reflections(scene, library, rng)
        layers.append(layer_of(mirrored, lenses * strength * rng.uniform(0.3, 1), eyeglasses=True, shadow=0.0))
    if tinted or rng.random() < 0.97:
        frame = colour(rng) if rng.random() < 0.5 else np.full(3, rng.uniform(5, 60))
        material = frame * ramp(size, rng, 0.6, 1.3)[..., None]
        if rng.random() < 0.2:
            material = surface(rng, library, size)
        layers.append(layer_of(material, rims, eyeglasses=True, shadow=0.6))
    return layers


def glasses(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """Glasses of any kind on the nose."""
    if rng.random() < 0.55:
        layer = _template(scene, library, rng)
        if layer is not None:
            if rng.random() < 0.15:
                soft = cv2.GaussianBlur(np.dstack([layer.light, layer.alpha]), (0, 0), rng.uniform(0.4, 0.9))
                layer = Layer(soft[..., :3], soft[..., 3], True, layer.shadow)
            return [layer]
    return _drawn(scene, library, rng)
