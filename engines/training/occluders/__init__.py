"""Synthetic occluders: `occlude` lays some on a clean crop and says exactly what they hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engines.training.occluders.face_mask import face_mask
from engines.training.occluders.forehead import forehead
from engines.training.occluders.glasses import glasses
from engines.training.occluders.hand import hand
from engines.training.occluders.objects import objects
from engines.training.occluders.scene import Layer, Library, Rng, Scene
from engines.training.occluders.shapes import shape
from engines.training.sources import Sprite, find_sprites, find_textures
from engines.training.split import is_validation
from realtime.frames import Array, Image

# kind -> the function that places it; the first five are those the result is judged by.
KINDS = {
    "hand": hand,
    "face_mask": face_mask,
    "glasses": glasses,
    "forehead": forehead,
    "object": objects,
    "shape": shape,
}
JUDGED = tuple(KINDS)[:5]
CHANCES = np.array([0.26, 0.18, 0.2, 0.14, 0.17, 0.05])
COUNTS = np.array([0.12, 0.66, 0.18, 0.04])  # the chance of none, one, two, three occluders

OPAQUE = 0.3  # the opacity above which something counts as an occluder


@dataclass(frozen=True)
class Occlusion:
    """A crop with things in front of the face."""

    image: Image  # (S, S, 3) RGB
    opacity: Array  # (S, S) 0..1 of all layers together
    eyeglasses: Array  # (S, S) 0..1: how much of the pixel's colour is that of eyeglasses

    @property
    def mask(self) -> np.ndarray:
        """(S, S) bool: where an occluder counts."""
        return self.opacity > OPAQUE


def load_library(
    data: Path, validation: bool = False, without: str | None = None, more: Sequence[Sprite] = ()
) -> Library:
    """The occluder files of one part of the split.

    Args:
        data: the data folder.
        validation: which part.
        without: a kind that is never laid on by chance.
        more: sprites besides the files.
    """
    sprites: dict[str, list[Sprite]] = {}
    found, unreadable = find_sprites(data)
    if unreadable:
        print(f"{unreadable} occluder files are no RGBA pictures: skipped.")
    for sprite in (*(each for each in found if is_validation(each.name) == validation), *more):
        sprites.setdefault(sprite.kind, []).append(sprite)
    textures = [image for name, image in find_textures(data) if is_validation(name) == validation]
    return Library(sprites, textures, without)


def choose_kinds(rng: Rng, without: str | None = None) -> list[str]:
    """Which kinds cover a face: often one, sometimes none, sometimes several; never the kind `without`."""
    chances = CHANCES * [kind != without for kind in KINDS]
    return list(rng.choice(list(KINDS), size=rng.choice(len(COUNTS), p=COUNTS), p=chances / chances.sum()))


def compose(image: Image, layers: Sequence[Layer], rng: Rng) -> Occlusion:
    """Lays the layers over the picture, the first lowest, each with a soft shadow on what is below it."""
    out = image.astype(np.float32)
    size = image.shape[0]
    opacity, eyeglasses = np.zeros((2, size, size), np.float32)
    for layer in layers:
        if rng.random() < 0.6 and layer.shadow > 0:
            across, along = rng.normal(0, size / 50, 2)
            move = np.array([[1, 0, across], [0, 1, along + size / 60]], np.float32)
            shade = cv2.warpAffine(layer.alpha, move, (size, size), borderMode=cv2.BORDER_REPLICATE)
            shade = cv2.blur(shade, (1 + int(rng.integers(size // 40, size // 10)),) * 2)
            out *= 1 - np.float32(layer.shadow * rng.uniform(0.05, 0.45)) * shade[..., None]
        clear = 1 - layer.alpha
        out *= clear[..., None]
        out += layer.light
        opacity = 1 - (1 - opacity) * clear
        eyeglasses = eyeglasses * clear + (layer.alpha if layer.eyeglasses else 0)
    return Occlusion(np.clip(out, 0, 255).astype(np.uint8), opacity, eyeglasses)


def occlude(image: Image, points: Array, library: Library, rng: Rng, kinds: Sequence[str] | None = None) -> Occlusion:
    """Covers a face.

    Args:
        image: (S, S, 3) RGB, the clean crop.
        points: (478, 2) px in the crop.
        library: the sprites and textures to draw from.
        rng: decides everything; the same state gives the same picture.
        kinds: which of `KINDS`, the first lowest; chosen by chance unless given.
    """
    scene = Scene(image, np.asarray(points, np.float32))
    chosen = choose_kinds(rng, library.without) if kinds is None else kinds
    return compose(image, [layer for kind in chosen for layer in KINDS[kind](scene, library, rng)], rng)
