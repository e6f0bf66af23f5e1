"""What the occluder modules share: the face they are laid on, the layer they return, and sprites warped into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from engines.training.sources import Sprite
from realtime.frames import Array, Image

Rng = np.random.Generator

# Cheeks, nose bridge and forehead: where a face shows its skin's colour.
SKIN_POINTS = (50, 280, 5, 151, 205, 425)
ALIKE = 0.6  # how many hands are of the face's own colour
# Skin from light to dark, RGB.
TONES = np.array([(250, 218, 196), (236, 188, 152), (214, 160, 116), (180, 124, 80), (128, 82, 52), (76, 48, 34)])


@dataclass(frozen=True)
class Scene:
    """A clean crop and where the face lies in it; all in px of the crop."""

    image: Image  # (S, S, 3) RGB
    points: Array  # (478, 2)

    @property
    def size(self) -> int:
        """The crop's side."""
        return self.image.shape[0]

    @cached_property
    def iod(self) -> float:
        """The distance of the outer eye corners: the unit in which occluders are sized."""
        return max(self.size / 8, float(np.hypot(*(self.points[263] - self.points[33]))))

    @cached_property
    def right(self) -> Array:
        """Unit vector along the eye line, to the picture's right."""
        across = self.points[263] - self.points[33]
        return across / max(1e-6, float(np.hypot(*across)))

    @property
    def down(self) -> Array:
        """Unit vector from the eyes to the mouth, square to `right`."""
        return np.array([-self.right[1], self.right[0]])

    @cached_property
    def center(self) -> Array:
        """Between eyes and mouth."""
        return self.points[[33, 263, 61, 291]].mean(0)

    def at(self, across: float, along: float) -> Array:
        """The point that many IOD to the right of and below the centre."""
        return self.center + self.iod * (across * self.right + along * self.down)

    @property
    def angle(self) -> float:
        """Radians by which the face leans in the picture."""
        return float(np.arctan2(self.right[1], self.right[0]))

    @cached_property
    def tone(self) -> Array:
        """(3,) the face's own skin colour, RGB 0..255."""
        x, y = self.points[list(SKIN_POINTS)].astype(int).clip(0, self.size - 1).T
        return np.median(self.image[y, x].astype(np.float32), axis=0)


@dataclass(frozen=True)
class Layer:
    """One thing in front of the face."""

    light: Array  # (S, S, 3) float32 0..255, multiplied by alpha
    alpha: Array  # (S, S) float32 0..1
    eyeglasses: bool = False
    shadow: float = 1.0  # how strongly it may darken the face beneath it


@dataclass(frozen=True)
class Library:
    """The sprites and textures that a training or a validation run may use."""

    sprites: dict[str, list[Sprite]] = field(default_factory=dict)  # by kind
    textures: list[Image] = field(default_factory=list)
    without: str | None = None  # a kind of occluder that must not occur

    def pick(self, rng: Rng, kind: str) -> Sprite | None:
        """One of a kind, or None where there is none."""
        found = self.sprites.get(kind)
        return found[rng.integers(len(found))] if found else None


def layer_of(colour: Array, alpha: Array, **options) -> Layer:
    """A layer from straight (not multiplied) colour (S, S, 3) or (3,) and alpha (S, S) 0..1."""
    alpha = np.ascontiguousarray(alpha, np.float32)
    colour = np.clip(np.asarray(colour, np.float32), 0, 255)
    return Layer(colour * alpha[..., None], alpha, **options)


def recolour(rgb: Array, rng: Rng, strength: float = 1.0) -> Array:
    """Another exposure, contrast and tint of (H, W, 3) float32 0..255; sometimes other hues altogether."""
    if rng.random() < 0.25 * strength:
        rgb = rgb[..., rng.permutation(3)]
    gain = np.exp(strength * (rng.normal(-0.1, 0.3) + rng.normal(0, 0.15, 3))).astype(np.float32)
    return np.clip(rgb * gain + np.float32(strength * rng.normal(0, 15)), 0, 255)


def skin_tone(scene: Scene, rng: Rng, alike: float = ALIKE) -> Array:
    """(3,) a hand's colour: by the chance `alike` that of the face, else anybody's."""
    if rng.random() < alike:
        return scene.tone * np.exp(rng.normal(0.0, 0.18) + rng.normal(0, 0.04, 3))
    place = rng.uniform(0, len(TONES) - 1)
    low = min(int(place), len(TONES) - 2)
    tone = TONES[low] + (place - low) * (TONES[low + 1] - TONES[low])
    return tone * np.exp(rng.normal(-0.1, 0.2) + rng.normal(0, 0.05, 3))


def ramp(size: int, rng: Rng, low: float = 0.6, high: float = 1.2) -> Array:
    """(S, S) light that falls off across the picture in some direction."""
    angle, ends = rng.uniform(0, 2 * np.pi), rng.uniform(low, high, 2)
    steps = np.linspace(-0.7, 0.7, size, dtype=np.float32)
    along = np.cos(angle) * steps[None] + np.sin(angle) * steps[:, None] + 0.5
    return (ends[0] + (ends[1] - ends[0]) * np.clip(along, 0, 1)).astype(np.float32)


def placing(shape: tuple[int, ...], center: Array, scale: Array | float, angle: float, anchor=(0.5, 0.5)) -> Array:
    """(2, 3) sprite px -> crop px: turns, scales, and puts the anchor (shares of the sprite's sides) on a point."""
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) * np.broadcast_to(scale, 2)
    return np.column_stack([linear, center - linear @ (np.array(anchor) * (shape[1], shape[0]))])


def warp(rgba: Array, matrix: Array, size: int, **options) -> Layer:
    """A sprite as a layer.

    Args:
        rgba: (H, W, 4) straight colours and alpha, 0..255.
        matrix: (2, 3) or (3, 3), sprite px -> crop px.
        size: the crop's side.
    """
    matrix = np.vstack([matrix, [0, 0, 1]]) if len(matrix) == 2 else np.asarray(matrix, np.float64)
    premultiplied = rgba.astype(np.float32)
    premultiplied[..., :3] *= premultiplied[..., 3:] / 255
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if 0 < shrink < 0.6:  # the warp has no area filter
        height, width = rgba.shape[:2]
        small = (max(2, int(width * shrink * 1.2)), max(2, int(height * shrink * 1.2)))
        premultiplied = cv2.resize(premultiplied, small, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([width / small[0], height / small[1], 1])
    warped = cv2.warpPerspective(premultiplied, matrix, (size, size), flags=cv2.INTER_LINEAR)
    return Layer(warped[..., :3], warped[..., 3] / 255, **options)


def polygon(points: Array, size: int) -> Array:
    """(S, S) float32 0..1, anti-aliased, inside a polygon (N, 2) px."""
    out = np.zeros((size, size), np.uint8)
    cv2.fillPoly(out, [np.round(np.asarray(points) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return out.astype(np.float32) / 255


def line(points: Array, width: float, size: int) -> Array:
    """(S, S) float32 0..1, anti-aliased, along a polyline (N, 2) px."""
    out = np.zeros((size, size), np.uint8)
    path = [np.round(np.asarray(points) * 16).astype(np.int32)]
    cv2.polylines(out, path, False, 255, max(1, round(width)), cv2.LINE_AA, 4)
    return out.astype(np.float32) / 255 * min(1.0, max(width, 0.4))


def curve(points: Array, count: int = 24) -> Array:
    """A smooth curve (count, 2) through the three points of a quadratic Bezier's polygon."""
    a, b, c = np.asarray(points, np.float64)
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
