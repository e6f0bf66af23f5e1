"""Clips of a face over which a hand, a face mask and a phone pass: composited, so that the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engines.training.occluders import compose
from engines.training.occluders.face_mask import face_mask
from engines.training.occluders.objects import phone
from engines.training.occluders.scene import Layer, Library, Scene, placing, warp
from realtime.errors import UserError
from realtime.frames import Array, Image
from realtime.sources.demo import HAND, SIZE, Demo, Hand, hand_path

SIDE = 480  # px: pictures are scaled to this height
RATE = 30.0  # frames a second, of all clips
CLEAR, COVERED, AFTER = 36, 42, 12  # frames: more than a second of clear view, the cover, clear view again
FRAMES = CLEAR + COVERED + AFTER
OPAQUE = 0.3  # the opacity from which on a pixel is hidden

# Where the hand's and the phone's middle is as time goes from 0 to 1: (time, across, along) in interocular
# distances from the middle of the face. The first and the last are beside it.
HAND_PATH = (
    (0.0, -1.6, 2.6),
    (0.2, -0.1, 0.75),
    (0.45, 0.1, 0.55),
    (0.6, 0.4, -0.1),
    (0.75, -0.4, -0.2),
    (1, -2.6, 1.2),
)
PHONE_PATH = ((0.0, 2.6, 1.0), (0.2, 0.45, 0.5), (0.5, 0.1, 0.3), (0.75, -0.35, 0.45), (1, -2.7, 1.0))
MASK_PATH = ((0.0, 0.0, 2.6), (0.2, 0.0, 0.05), (0.5, 0.03, 0.0), (0.8, 0.0, 0.05), (1, 0.0, 2.6))
HAND_HEIGHT, PHONE_HEIGHT = 1.7, 1.9  # interocular distances

Cover = Callable[[Scene, float], Layer]  # the thing at a moment of its passage, 0..1


@dataclass(frozen=True)
class CoveredFrame:
    """One frame, as it was and with the thing in front."""

    clean: Image  # (H, W, 3) RGB
    covered: Image  # (H, W, 3) RGB; the same array where nothing is in front
    mask: np.ndarray  # (H, W) bool: what the thing hides


def read_clip(path: Path, count: int = FRAMES) -> list[Image]:
    """The first frames of a clip, (S, S, 3) RGB each: its middle square, `SIDE` px.

    Raises:
        UserError: there is no such clip, or it is too short.
    """
    capture = cv2.VideoCapture(str(path))
    images = []
    while len(images) < count:
        found, image = capture.read()
        if not found:
            raise UserError(f"{path} has {len(images)} frames, not {count}.", "Give the folder that holds video/.")
        height, width = image.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = cv2.resize(image[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        images.append(cv2.cvtColor(square, cv2.COLOR_BGR2RGB))
    return images


def cover_clip(images: Sequence[Image], landmarks: Sequence[Array], cover: Cover) -> list[CoveredFrame]:
    """The clip with a thing passing over the face from frame `CLEAR` on, for `COVERED` frames.

    Args:
        images: (S, S, 3) RGB each.
        landmarks: (478, 2) px each, of the clean face.
        cover: the thing.
    """
    frames = []
    for index, (image, points) in enumerate(zip(images, landmarks, strict=True)):
        moment = (index - CLEAR) / (COVERED - 1)
        if not 0 <= moment <= 1:
            frames.append(CoveredFrame(image, image, np.zeros(image.shape[:2], bool)))
            continue
        layer = cover(Scene(image, points), moment)
        # A shadow on what is not hidden would make the truth of it disputable.
        laid = compose(image, [Layer(layer.light, layer.alpha, shadow=0.0)], np.random.default_rng(0))
        frames.append(CoveredFrame(image, laid.image, laid.opacity > OPAQUE))
    return frames


def demo_clip() -> list[CoveredFrame]:
    """The demonstration: a hand stays before a face that keeps its expression and turns, for five seconds."""
    demo, hand = Demo(), Hand(HAND, shadow=0.0)
    hand.layer[..., :3] = hand.layer[..., 3:]  # white: laid on black it is its own opacity
    frames = []
    for index in range(demo.count):
        phase = index / demo.count
        opacity = np.zeros((*SIZE[::-1], 3), np.uint8)
        path = hand_path(phase)
        if path is not None:
            hand.lay(opacity, *path)
        mask = opacity[..., 0] > OPAQUE * 255
        frames.append(CoveredFrame(demo.picture(phase, with_hand=False), demo.picture(phase), mask))
    return frames


def along(path: Sequence[Sequence[float]], moment: float) -> Array:
    """Where a path (time, across, along) is at a moment 0..1."""
    times, *places = np.array(path).T
    return np.array([np.interp(moment, times, place) for place in places])


def passing_hand(library: Library, rng: np.random.Generator) -> Cover:
    """A real hand of about the face's own colour, turning a little as it goes."""
    sprite = library.pick(rng, "hands")
    if sprite is None:
        raise UserError("There are no hands among the occluders.", "Give the folder that holds occluders/ with --data.")
    rgba = sprite.rgba.astype(np.float32)
    own = np.maximum(np.median(rgba[rgba[..., 3] > 128][:, :3], 0), 1)
    tint, lean = np.exp(rng.normal(-0.1, 0.1)), rng.normal(0, 0.4)

    def cover(scene: Scene, moment: float) -> Layer:
        coloured = np.dstack([np.clip(rgba[..., :3] * (scene.tone * tint / own), 0, 255), rgba[..., 3]])
        return _placed(coloured, scene, HAND_PATH, moment, HAND_HEIGHT, lean + 0.5 * np.sin(5 * moment))

    return cover


def passing_phone(library: Library, rng: np.random.Generator) -> Cover:
    """A drawn phone."""
    rgba, lean = phone(library, rng), rng.normal(0, 0.3)

    def cover(scene: Scene, moment: float) -> Layer:
        return _placed(rgba, scene, PHONE_PATH, moment, PHONE_HEIGHT, lean + 0.3 * moment)

    return cover


def passing_mask(library: Library, rng: np.random.Generator) -> Cover:
    """A face mask that is put on from below, moves with the face and is taken off again."""
    seed = int(rng.integers(1 << 31))

    def cover(scene: Scene, moment: float) -> Layer:
        across, down = along(MASK_PATH, moment)
        shifted = scene.points + scene.iod * (across * scene.right + down * scene.down)
        layers = face_mask(Scene(scene.image, shifted.astype(np.float32)), library, np.random.default_rng(seed))
        return layers[0]

    return cover


COVERS = {"hand": passing_hand, "mask": passing_mask, "phone": passing_phone}


def _placed(
    rgba: Array, scene: Scene, path: Sequence[Sequence[float]], moment: float, height: float, angle: float
) -> Layer:
    scale = scene.iod * height / rgba.shape[0]
    return warp(rgba, placing(rgba.shape, scene.at(*along(path, moment)), scale, scene.angle + angle), scene.size)
