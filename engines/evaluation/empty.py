"""Pictures without a face, textures and occluders alone: the program must find nothing in them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from engines.evaluation.pairs import SIDE
from engines.evaluation.score import read_result
from engines.training.sources import Sprite, data_folder, find_sprites, find_textures
from realtime.frames import Image

COUNT = 200
TEXTURES_ALONE = 0.4  # the share of pictures with nothing on them
PLAIN = 0.5  # the share of the others that lie on a plain colour
SIZES = (0.4, 1.0)  # an occluder's longer side, in sides of the picture


def write_empty(data: str | Path, folder: Path, seed: int = 0, count: int = COUNT) -> list[str]:
    """Writes the pictures as NAME.jpg; returns the names. The same seed and data give the same pictures."""
    data = data_folder(data)
    folder.mkdir(parents=True, exist_ok=True)
    textures = [image for _, image in find_textures(data)]
    sprites = find_sprites(data)[0]
    rng = np.random.default_rng(seed)
    names = []
    for number in range(count):
        ground = textures[rng.integers(len(textures))]
        if rng.random() < TEXTURES_ALONE:
            picture = cv2.resize(ground, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        else:
            if rng.random() < PLAIN:
                ground = np.full((SIDE, SIDE, 3), rng.integers(0, 256, 3), np.uint8)
            picture = lay(sprites[rng.integers(len(sprites))], ground, rng)
        names.append(f"empty_{number:03d}")
        cv2.imwrite(str(folder / f"{names[-1]}.jpg"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return names


def lay(sprite: Sprite, ground: Image, rng: np.random.Generator) -> Image:
    """(SIDE, SIDE, 3) an occluder somewhere on a picture, upright."""
    out = cv2.resize(ground, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    scale = SIDE * rng.uniform(*SIZES) / max(sprite.rgba.shape[:2])
    rgba = cv2.resize(sprite.rgba, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else 1)
    height, width = rgba.shape[:2]
    top, left = int(rng.integers(0, SIDE - height + 1)), int(rng.integers(0, SIDE - width + 1))
    alpha = rgba[..., 3:].astype(np.float32) / 255
    where = (slice(top, top + height), slice(left, left + width))
    out[where] = out[where] * (1 - alpha) + rgba[..., :3] * alpha
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def faces_found(names: list[str], dump: Path) -> list[str]:
    """Those pictures in which the program found a face."""
    return [name for name in names if read_result(dump / f"{name}.npz").landmarks is not None]
