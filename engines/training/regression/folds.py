"""Random mid-level displacement of a face in UV: folds where faces fold, and an uneven skin; no pores."""

from __future__ import annotations

import cv2
import numpy as np

from engines.face_model.model import MorphableModel
from engines.training.regression.pseudo_truth import of_parts
from engines.training.regression.raster import rasterize
from realtime.frames import Array

Rng = np.random.Generator

SIDE = 256  # px of a displacement map in UV; row 0 is v = 1
# Each fold follows these of MediaPipe's landmarks; a pair stands for the middle between two. The right side of
# the face; `_MIDDLE` folds cross to the other side, the others are mirrored.
_SIDES = (
    (129, 203, 206, 216, 212),  # nose to mouth
    (57, 43, 204),  # corner of the mouth to the chin
    (233, 232, 231, 230, 229),  # under the eye
    (130, 35),  # crow's feet
    (130, 143),
    (113, 156),
    ((107, 9), (55, 8)),  # between the brows
    (205, 207, 214),  # cheek
)
_MIDDLE = (
    (104, 69, 108, 151, 337, 299, 333),  # forehead, from low to high
    ((104, 103), (69, 67), (108, 109), (151, 10), (337, 338), (299, 297), (333, 332)),
    (103, 67, 109, 10, 338, 297, 332),
    (43, 106, 182, 83, 18, 313, 406, 335, 273),  # under the lower lip
)
# Parts of the mesh that keep still, and those that move half as much.
_STILL = ("left_eye", "right_eye", "teeth", "tongue", "inner_mouth")
_HALF = ("upper_lip", "lower_lip", "eyelids")
LIMIT = 2.0  # mm
UNEVEN = 0.007  # mm of unevenness per mm between its bumps


class FoldMaker:
    """Draws displacement maps for one face model."""

    def __init__(self, model: MorphableModel) -> None:
        self.mm = _mm_per_uv(model)
        landmarks = model.landmarks(model.uv)
        sides = [_distance(_polyline(landmarks, fold)) for fold in _SIDES]
        self._right = np.stack(sides) * self.mm
        self._left = np.ascontiguousarray(self._right[:, :, ::-1])
        self._middle = np.stack([_distance(_polyline(landmarks, fold)) for fold in _MIDDLE]) * self.mm
        self.strength = _strength(model)

    def draw(self, rng: Rng, age: float | None = None) -> Array:
        """(SIDE, SIDE) float32 mm along the normal, largely alike on both sides of the face.

        Args:
            rng: decides everything.
            age: 0..1 how wrinkled; None: any.
        """
        age = float(rng.beta(1.2, 1.5)) if age is None else age  # wrinkles come together
        height = np.zeros((SIDE, SIDE), np.float32)
        for right, left in zip(self._right, self._left, strict=True):
            if rng.random() < 0.3 + 0.65 * age:
                depth, width = _depth(rng, age), rng.uniform(1.3, 3.5)
                uneven = np.exp(rng.normal(0, 0.15, 2))
                height += _fold(right, depth * uneven[0], width) + _fold(left, depth * uneven[1], width)
        for middle in self._middle:
            if rng.random() < 0.2 + 0.7 * age:
                height += _fold(middle, _depth(rng, age), rng.uniform(1.3, 3.0))
        height = _bend(height, rng)
        for spacing in (6.0, 14.0):  # mm
            noise = self._unevenness(rng, spacing)
            alike = rng.uniform(0.5, 1.0)
            noise = alike * (noise + noise[:, ::-1]) / np.sqrt(2) + (1 - alike) * noise
            height += np.float32(rng.gamma(2.0, UNEVEN * spacing * (0.6 + age))) * noise
        return LIMIT * np.tanh(height * self.strength / LIMIT)

    def _unevenness(self, rng: Rng, spacing: float) -> Array:
        """(SIDE, SIDE) smooth noise of unit strength with bumps some `spacing` mm apart."""
        cells = max(4, int(self.mm / spacing))
        noise = cv2.resize(
            rng.standard_normal((cells, cells), dtype=np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC
        )
        return noise / noise.std()


def _depth(rng: Rng, age: float) -> float:
    return float(rng.uniform(0.15, 0.4 + 2.2 * age))


def _fold(distance: Array, depth: float, width: float) -> Array:
    """A valley with raised flanks along a curve, `distance` (SIDE, SIDE) mm from it."""
    valley = np.exp(-0.5 * (distance / width) ** 2)
    flank = np.exp(-0.5 * ((distance - 2.2 * width) / (1.3 * width)) ** 2)
    return np.float32(depth) * (0.4 * flank - valley)


def _polyline(landmarks: Array, fold: tuple) -> Array:
    return np.stack([landmarks[list(p) if isinstance(p, tuple) else [p]].mean(0) for p in fold])


def to_pixels(uv: Array, side: int = SIDE) -> Array:
    """(N, 2) UV -> px of a (side, side) map."""
    return np.stack([uv[:, 0], 1 - uv[:, 1]], 1) * side


def _distance(curve: Array) -> Array:
    """(SIDE, SIDE) distance from a polyline (N, 2), all in UV."""
    drawn = np.full((SIDE, SIDE), 255, np.uint8)
    points = np.round(to_pixels(curve) * 16 - 8).astype(np.int32)
    cv2.polylines(drawn, [points], False, 0, 1, shift=4)
    return cv2.distanceTransform(drawn, cv2.DIST_L2, 5) / SIDE


def _bend(height: Array, rng: Rng) -> Array:
    """The map with its folds shifted by some mm, smoothly: no two faces fold along the same lines."""
    shift = rng.normal(0, 3.0, (6, 6, 2)).astype(np.float32)
    shift = cv2.resize(shift, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    half = shift[:, : SIDE // 2]
    shift[:, SIDE // 2 :] = half[:, ::-1] * np.float32([-1, 1])  # alike on both sides
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return cv2.remap(height, columns + shift[..., 0], rows + shift[..., 1], cv2.INTER_LINEAR)


def _mm_per_uv(model: MorphableModel) -> float:
    """How many mm of skin one unit of UV is, on average."""
    skin = of_parts(model, ("skin",))[model.triangles].all(1)
    triangles = model.triangles[skin]
    a, b, c = (model.mean[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()
    p, q, r = (np.pad(model.uv[triangles[:, k]], ((0, 0), (0, 1))) for k in range(3))
    return float(np.sqrt(area / np.linalg.norm(np.cross(q - p, r - p), axis=1).sum()))


def _strength(model: MorphableModel) -> Array:
    """(SIDE, SIDE) 0..1: how far the skin may move."""
    share = np.ones(len(model.parts), np.float32)
    for names, value in ((_STILL, 0.0), (_HALF, 0.5)):
        share[of_parts(model, names)] = value
    points = np.column_stack([to_pixels(model.uv), np.zeros(len(model.uv))])
    fragments = rasterize(points, model.triangles, SIDE)
    return cv2.blur(fragments.interpolate(model.triangles, share[:, None])[..., 0], (3, 3))
