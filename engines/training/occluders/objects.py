"""Things held before the face: photographed ones, and drawn phones, cups, microphones, bottles, cards and sticks."""

from __future__ import annotations

import cv2
import numpy as np

from engines.training.occluders.fabric import colour, surface
from engines.training.occluders.hand import hand
from engines.training.occluders.scene import Layer, Library, Rng, Scene, placing, ramp, recolour, warp
from realtime.frames import Array

HEIGHT, WIDTH = 160, 120  # px of a drawn thing's canvas


def _canvas(cover: Array, rgb: Array) -> Array:
    return np.dstack([np.clip(rgb, 0, 255), cv2.GaussianBlur(cover, (3, 3), 0)]).astype(np.float32)


def _cloth(library: Library, rng: Rng) -> Array:
    return cv2.resize(surface(rng, library, 128), (WIDTH, HEIGHT))


def _rounded(left: float, top: float, right: float, bottom: float, radius: float) -> Array:
    """(HEIGHT, WIDTH) 0 or 255 inside a rectangle with round corners."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    across = np.abs(x - (left + right) / 2) - (right - left) / 2 + radius
    along = np.abs(y - (top + bottom) / 2) - (bottom - top) / 2 + radius
    distance = np.hypot(np.maximum(across, 0), np.maximum(along, 0)) + np.minimum(np.maximum(across, along), 0)
    return np.where(distance < radius, 255, 0).astype(np.float32)


def _barrel(left: float, right: float, rng: Rng) -> Array:
    """(1, WIDTH, 1) light across an upright cylinder, with a highlight."""
    u = np.clip((np.arange(WIDTH) - left) / (right - left), 0, 1)
    light = 0.5 + 0.7 * np.sin(np.pi * u) ** rng.uniform(0.4, 1.2)
    light = light + rng.uniform(0, 0.6) * np.exp(-(((u - rng.uniform(0.2, 0.8)) / 0.06) ** 2))
    return light[None, :, None]


def phone(library: Library, rng: Rng) -> Array:
    """A telephone from the front or the back: dark glass, or a case with cameras."""
    wide = rng.uniform(34, 48)
    box = (60 - wide, 5, 60 + wide, 155)
    cover = _rounded(*box, rng.uniform(2, 16))
    rgb = np.broadcast_to(colour(rng), (HEIGHT, WIDTH, 3)) * rng.uniform(0.9, 1.1)
    if rng.random() < 0.55:  # its back: plain or a printed case, with cameras
        if rng.random() < 0.4:
            rgb = _cloth(library, rng)
        rgb = np.ascontiguousarray(rgb, np.float32)
        x, y = 60 - wide + rng.uniform(10, 22), rng.uniform(16, 30)
        for i in range(rng.integers(1, 4)):
            cv2.circle(
                rgb,
                (int(x + 14 * (i % 2)), int(y + 14 * (i // 2))),
                int(rng.uniform(4, 7)),
                (20, 20, 25),
                -1,
                cv2.LINE_AA,
            )
    else:  # its screen
        bezel = rng.uniform(2, 9)
        screen = (
            _rounded(box[0] + bezel, box[1] + bezel * 1.5, box[2] - bezel, box[3] - bezel * 1.5, 3)[..., None] / 255
        )
        picture = _cloth(library, rng) * 1.2 if rng.random() < 0.6 else np.full((HEIGHT, WIDTH, 3), rng.uniform(0, 40))
        rgb = rgb * (1 - screen) + picture * screen
    return _canvas(cover, rgb)


def _cup(library: Library, rng: Rng) -> Array:
    top, bottom = rng.uniform(34, 50), rng.uniform(24, 50)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    share = np.clip((y - 25) / 120, 0, 1)
    half = top + (bottom - top) * share
    bulge = 10 * (1 - ((x - 60) / half) ** 2).clip(0)
    cover = np.where((np.abs(x - 60) < half) & (y > 22 - bulge * 0.5) & (y < 140 + bulge), 255, 0).astype(np.float32)
    rgb = (_cloth(library, rng) if rng.random() < 0.5 else np.broadcast_to(colour(rng), (HEIGHT, WIDTH, 3))) * _barrel(
        60 - top, 60 + top, rng
    )
    rgb = np.ascontiguousarray(rgb, np.float32)
    if rng.random() < 0.6:
        lid = tuple(float(v) for v in colour(rng))
        cv2.ellipse(rgb, (60, 26), (int(top), 9), 0, 0, 360, lid, -1, cv2.LINE_AA)
        cv2.ellipse(cover, (60, 26), (int(top), 9), 0, 0, 360, 255, -1, cv2.LINE_AA)
    if rng.random() < 0.5:
        cv2.ellipse(
            cover,
            (int(60 + top), 80),
            (14, int(rng.uniform(18, 34))),
            0,
            -90,
            90,
            255,
            int(rng.uniform(5, 11)),
            cv2.LINE_AA,
        )
    return _canvas(cover, rgb)


def _microphone(library: Library, rng: Rng) -> Array:
    cover = np.zeros((HEIGHT, WIDTH), np.float32)
    radius = int(rng.uniform(18, 34))
    rgb = np.broadcast_to(colour(rng), (HEIGHT, WIDTH, 3)) * _barrel(45, 75, rng)
    rgb = np.ascontiguousarray(rgb, np.float32)
    handle = int(rng.uniform(8, 14))
    cv2.fillPoly(
        cover,
        [np.int32([[60 - handle, 45], [60 + handle, 45], [60 + handle // 2 + 2, 159], [60 - handle // 2 - 2, 159]])],
        255,
    )
    cv2.circle(cover, (60, 42), radius, 255, -1, cv2.LINE_AA)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    ball = (np.hypot(x - 60, y - 42) <= radius + 1)[..., None]
    mesh = (
        0.6 + 0.3 * (np.sin(x * rng.uniform(0.8, 2)) * np.sin(y * rng.uniform(0.8, 2))) if rng.random() < 0.6 else 1.0
    )
    light = np.clip(1.25 - np.hypot(x - 52, y - 34) / (1.6 * radius), 0.2, 1.3) * mesh
    rgb = np.where(ball, colour(rng) * light[..., None], rgb)
    return _canvas(cover, rgb)


def _bottle(library: Library, rng: Rng) -> Array:
    body, neck, shoulder = rng.uniform(18, 34), rng.uniform(6, 12), rng.uniform(35, 70)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    half = neck + (body - neck) / (1 + np.exp(-(y - shoulder) / 4.0))
    cover = np.where((np.abs(x - 60) < half) & (y > 3) & (y < 157), 255, 0).astype(np.float32)
    rgb = np.broadcast_to(colour(rng), (HEIGHT, WIDTH, 3)) * np.ones((1, 1, 1))
    label = ((y > rng.uniform(75, 95)) & (y < rng.uniform(110, 145)))[..., None]
    rgb = np.where(label, _cloth(library, rng), rgb)
    rgb = np.where((y < rng.uniform(8, 22))[..., None], colour(rng), rgb)
    return _canvas(cover, rgb * _barrel(60 - body, 60 + body, rng))


def _card(library: Library, rng: Rng) -> Array:
    """Card, sheet, book, sign, tablet."""
    wide, tall = rng.uniform(20, 58), rng.uniform(20, 76)
    rgb = np.ascontiguousarray(
        _cloth(library, rng) if rng.random() < 0.5 else np.broadcast_to(colour(rng), (HEIGHT, WIDTH, 3)), np.float32
    )
    if rng.random() < 0.4:  # lines of print
        ink = tuple(float(v) for v in colour(rng))
        for y in range(int(84 - tall), int(76 + tall), int(rng.integers(5, 12))):
            cv2.line(
                rgb, (int(64 - wide), y), (int(60 + wide * rng.uniform(0.2, 0.9)), y), ink, int(rng.integers(1, 4))
            )
    return _canvas(_rounded(60 - wide, 80 - tall, 60 + wide, 80 + tall, rng.uniform(0.5, 6)), rgb)


def _stick(library: Library, rng: Rng) -> Array:
    """Pen, brush, spoon, flower, lollipop."""
    thick = rng.uniform(2, 9)
    cover = _rounded(60 - thick, 6, 60 + thick * rng.uniform(0.4, 1), 159, thick)
    rgb = np.ascontiguousarray(
        np.broadcast_to(colour(rng), (HEIGHT, WIDTH, 3)) * _barrel(60 - thick, 60 + thick, rng), np.float32
    )
    if rng.random() < 0.6:
        axes = (int(rng.uniform(8, 26)), int(rng.uniform(8, 26)))
        cv2.ellipse(cover, (60, 28), axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
        cv2.ellipse(rgb, (60, 28), axes, 0, 0, 360, tuple(float(v) for v in colour(rng)), -1, cv2.LINE_AA)
    return _canvas(cover, rgb)


DRAWN = (phone, phone, _cup, _microphone, _bottle, _card, _stick)


def objects(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """One thing, sometimes with the hand that holds it."""
    sprite = library.pick(rng, "objects" if rng.random() < 0.85 else "scarves") if rng.random() < 0.45 else None
    if sprite is not None:
        rgba = sprite.rgba.astype(np.float32)
        if rng.random() < 0.75:
            rgba[..., :3] = recolour(rgba[..., :3], rng)
    else:
        rgba = DRAWN[rng.integers(len(DRAWN))](library, rng)
    if rng.random() < 0.5:
        rgba = rgba[:, ::-1]
    scale = scene.iod * rng.uniform(0.8, 2.2) / max(rgba.shape[:2]) * rng.uniform(0.8, 1.2, 2)
    angle = rng.normal(0, 0.5) if rng.random() < 0.6 else rng.uniform(-np.pi, np.pi)
    place = scene.at(rng.uniform(-0.9, 0.9), rng.uniform(-0.8, 1.0))
    matrix = np.vstack([placing(rgba.shape, place, scale, angle), [0, 0, 1]])
    if rng.random() < 0.3:  # seen aslant
        matrix[2, :2] = rng.normal(0, 0.0012, 2)
    layer = warp(rgba, matrix, scene.size)
    light = ramp(scene.size, rng)[..., None]
    layers = [Layer(np.clip(layer.light * light, 0, 255 * layer.alpha[..., None]), layer.alpha)]
    if rng.random() < 0.25 and library.without != "hand":
        layers += hand(scene, library, rng)[:1]
    return layers
