"""Hands and fingers, in any skin tone, with or without a forearm."""

from __future__ import annotations

import cv2
import numpy as np

from engines.training.occluders.fabric import surface
from engines.training.occluders.scene import ALIKE, Layer, Library, Rng, Scene, placing, ramp, skin_tone, warp
from realtime.frames import Array

RENDERED, PIXEL = "rendered_hands", 1.225  # the kind of the sprites of `rendered_hands`, and mm that a px of them is
RENDERED_SHARE = 0.4  # of the hands, where there are rendered ones
RENDERED_ALIKE = 0.8  # of these, how many are of the face's own colour: the hands that are hard to tell from it
EYES = 90.0  # mm between the outer eye corners


def _with_forearm(rgba: Array, rng: Rng) -> Array:
    """Continues a hand that is cut at the wrist: the lowest rows go on as an arm."""
    if (rgba[-1, :, 3] > 128).mean() < 0.15:
        return rgba
    length = int(rgba.shape[0] * rng.uniform(0.2, 1.5))
    arm = cv2.resize(rgba[-3:].mean(0, keepdims=True), (rgba.shape[1], length), interpolation=cv2.INTER_NEAREST)
    arm[..., :3] *= np.linspace(1, rng.uniform(0.8, 1.15), length)[:, None, None]
    return np.vstack([rgba, arm])


def _sprite_hand(scene: Scene, library: Library, rng: Rng) -> Layer | None:
    rendered = RENDERED in library.sprites and rng.random() < RENDERED_SHARE
    sprite = library.pick(rng, RENDERED if rendered else "hands")
    if sprite is None:
        return None
    rgba = sprite.rgba.astype(np.float32)
    opaque = rgba[..., 3] > 128
    own = np.median(rgba[opaque][:, :3], 0)
    tone = skin_tone(scene, rng, RENDERED_ALIKE if rendered else ALIKE) / np.maximum(own, 1)
    contrast = rng.uniform(0.7, 1.3)
    rgba[..., :3] = np.clip(((rgba[..., :3] - own) * contrast + own) * tone, 0, 255)
    height = rgba.shape[0]
    if rng.random() < 0.1:  # a glove
        cloth = cv2.resize(surface(rng, library, 128), (rgba.shape[1], height))
        rgba[..., :3] = np.clip(
            cloth * (rgba[..., :3].mean(2) / max(1.0, float((own * tone).mean())))[..., None], 0, 255
        )
    if rendered or rng.random() < 0.5:
        rgba = _with_forearm(rgba, rng)
    if rng.random() < 0.5:
        rgba = rgba[:, ::-1]
    # A photographed one is sized by how it was cut, a rendered one, which may be a fist, by the hand that it is.
    size = np.exp(rng.normal(0.05, 0.2)) * PIXEL / EYES if rendered else rng.uniform(0.9, 2.3) / height
    scale = scene.iod * size * rng.uniform(0.85, 1.15, 2)
    # The palm lies on the face wherever the arm comes from; arms come from below more often than from above.
    angle = rng.normal(0, 1.2) if rng.random() < 0.7 else rng.uniform(-np.pi, np.pi)
    center = scene.at(rng.uniform(-0.9, 0.9), rng.uniform(-0.8, 1.0))
    return warp(rgba, placing(rgba.shape, center, scale, angle, (0.5, 0.45 * height / rgba.shape[0])), scene.size)


def _drawn_fingers(scene: Scene, library: Library, rng: Rng) -> Layer:
    """One to four fingers that reach into the face from somewhere, as shaded capsules with nails."""
    size = scene.size
    y, x = np.mgrid[:size, :size].astype(np.float32)
    tone = skin_tone(scene, rng)
    tip = scene.at(rng.uniform(-0.7, 0.7), rng.uniform(-0.6, 0.9))
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    radius = scene.iod * rng.uniform(0.09, 0.16)
    colour, alpha = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
    for i in range(rng.integers(1, 5)):
        side = np.array([-direction[1], direction[0]]) * radius * (2.0 * i + rng.normal(0, 0.2))
        end = tip + side + direction * radius * rng.normal(0, 1.2)
        bent = direction + rng.normal(0, 0.12, 2)
        across, along = x - end[0], y - end[1]
        reach = np.maximum(0, across * bent[0] + along * bent[1])
        distance = np.hypot(across - reach * bent[0], along - reach * bent[1]) / radius
        cover = np.clip((1 - distance) * radius + 0.5, 0, 1)
        round_ = np.sqrt(np.clip(1 - distance**2, 0, 1))
        shade = rng.uniform(0.45, 0.7) + rng.uniform(0.3, 0.5) * round_
        shade = shade * (1 - 0.15 * np.exp(-(((reach / radius) % 3.5 - 1.7) ** 2) * 6))  # the joints' creases
        part = np.clip(tone * rng.uniform(0.92, 1.08) * shade[..., None], 0, 255)
        if rng.random() < 0.6:
            nail = np.clip((0.55 - np.hypot(distance, reach / radius - 0.3)) * radius, 0, 1)[..., None]
            paint = tone * 0.4 + np.array([150, 110, 105]) if rng.random() < 0.7 else rng.uniform(0, 255, 3)
            part = part * (1 - nail) + np.clip(paint, 0, 255) * nail
        colour = colour * (1 - cover[..., None]) + part * cover[..., None]
        alpha = np.maximum(alpha, cover)
    return Layer(colour.astype(np.float32), alpha.astype(np.float32))


def hand(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """One hand, sometimes both, sometimes only fingers."""
    layers = []
    for _ in range(2 if rng.random() < 0.15 else 1):
        layer = _sprite_hand(scene, library, rng) if rng.random() < 0.85 else None
        layer = layer or _drawn_fingers(scene, library, rng)
        light = ramp(scene.size, rng)[..., None]
        layers.append(Layer(np.clip(layer.light * light, 0, 255 * layer.alpha[..., None]), layer.alpha))
    return layers
