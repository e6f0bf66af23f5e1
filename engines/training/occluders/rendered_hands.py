"""Hands of the face model's own kind in any pose, seen from anywhere, in any light: occluders that nobody photographed.

The photographed hands are of few people before one wall. A hand that is smooth and of the face's own colour, a finger
alone, the side of a palm are what they lack.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from engines.face_model.hand import FINGERS, HALF_CLOSED, MODEL, Hand, Points, albedo, pose, smooth_surface
from engines.face_model.raster import View, cut_out, shade, turn
from engines.training.occluders.hand import PIXEL, RENDERED
from engines.training.occluders.scene import Rng
from engines.training.sources import Sprite
from realtime.frames import Image

COUNT, SEED = 700, 50_000
SIZE = 208  # px of the square around a hand before it is cut tight
# How far the fingers of a hand are bent, degrees at the knuckle: straight, at ease, half closed, a fist.
BENDS, BEND_CHANCES = np.array([6.0, 24.0, 48.0, 78.0]), (0.4, 0.3, 0.15, 0.15)
JOINT_SHARES = np.array([1.0, 1.15, 0.75])  # the joints from the palm out
SLEEVE = 22.0  # mm below the wrist


def random_pose(hand: Hand, rng: Rng) -> Hand:
    """A hand as people hold theirs: all fingers alike, or some straight while the others are bent."""
    bends = np.full(FINGERS, rng.choice(BENDS, p=BEND_CHANCES))
    if rng.random() < 0.3:  # pointing, counting
        straight = rng.random(FINGERS) < 0.4
        bends = np.where(straight, BENDS[0], rng.choice(BENDS[2:]))
    bends = np.clip(bends + rng.normal(0, 7, FINGERS), 0, 90)
    bends[0] *= rng.uniform(0.1, 0.6)  # the thumb
    bend = bends[:, None] * JOINT_SHARES * np.clip(rng.normal(1, 0.12, (FINGERS, 3)), 0.6, 1.4)
    lean = HALF_CLOSED * rng.uniform(-0.3, 1.4) + rng.normal(0, 2, FINGERS)
    return pose(hand, bend, lean)


def random_side(rng: Rng) -> float:
    """Degrees by which a hand is turned about its arm: its back is seen more often than its palm or its edge."""
    chance = rng.random()
    return rng.normal(0, 30) if chance < 0.55 else rng.normal(180, 30) if chance < 0.8 else rng.uniform(0, 360)


def render_hand(hand: Hand, rng: Rng) -> Image:
    """(H, W, 4) RGBA, cut tight: the left hand, fingers up, its forearm or sleeve cut off below."""
    axes = hand.axes
    hand = random_pose(hand, rng)
    vertices, triangles, normals = smooth_surface(hand, 2)
    polish = rng.uniform(0, 0.8, 3) if rng.random() < 0.15 else None
    color = albedo(hand, vertices, triangles, normals, polish)
    color *= np.exp(rng.normal(0, 0.06) * np.array([1.0, -0.5, -0.5]))  # paler or redder knuckles and all
    wrist = hand.bones["wrist.L"][0]
    if rng.random() < 0.4:
        vertices, color = _sleeved(vertices, normals, color, -(vertices - wrist) @ axes[1], rng)
    key = np.array([*rng.normal(0, 1, 2), abs(rng.normal(0.4, 0.6))])
    view = View(
        rotation=turn(random_side(rng), rng.normal(0, 22)) @ axes,
        center=wrist + rng.uniform(60, 85) * axes[1],
        size=SIZE,
        distance=rng.uniform(350, 900),
        field=SIZE * PIXEL,
        background=(0.0, 0.0, 0.0),
        gloss=rng.uniform(0, 0.12),
        ambient=rng.uniform(0.2, 0.6),
        lights=((key, rng.uniform(0.4, 0.9)), (rng.normal(0, 1, 3), rng.uniform(0, 0.4))),
    )
    rgba = cut_out(shade(view, vertices, triangles, normals, color))
    left, top, width, height = cv2.boundingRect((rgba[..., 3] > 30).astype(np.uint8))
    return rgba[top : top + height, left : left + width]


def _sleeved(vertices: Points, normals: Points, color: Points, below: Points, rng: Rng) -> tuple[Points, Points]:
    """Vertices and colours (N, 3) with cloth around all that lies far enough `below` (N,) mm the wrist."""
    cloth = np.clip((below - SLEEVE - rng.uniform(-10, 30)) / 3, 0, 1)[:, None]
    vertices = vertices + cloth * normals * rng.uniform(2, 9)
    return vertices, (1 - cloth) * color + cloth * rng.uniform(0.02, 0.8) * rng.uniform(0.3, 1, 3)


def open_rendered_hands(folder: Path, progress: Callable[[Iterable], Iterable] = iter) -> list[Sprite]:
    """The hands that trainings lay on faces, rendered once and kept in `folder`.

    Args:
        folder: made if it is missing.
        progress: wraps what is gone through.
    """
    settings = f"{COUNT} {SEED} {SIZE} {PIXEL} {HALF_CLOSED} {BENDS} {BEND_CHANCES} {JOINT_SHARES} {SLEEVE}"
    path = folder / f"{hashlib.sha256(settings.encode() + MODEL.read_bytes()).hexdigest()[:12]}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        hand = Hand.load()
        made = {
            f"{RENDERED}/{i}.png": render_hand(hand, np.random.default_rng((SEED, i))) for i in progress(range(COUNT))
        }
        unfinished = path.with_suffix(".part.npz")
        np.savez_compressed(unfinished, **made)
        unfinished.replace(path)
    with np.load(path) as stored:
        return [Sprite(name, RENDERED, stored[name]) for name in stored.files]
