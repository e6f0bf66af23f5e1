"""One face in one frame as the networks see it: what covers it, and how far it is to be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from engines.engine import COMPLETION_SIZE
from realtime.alignment import to_crop
from realtime.blending import blend, grow, seam
from realtime.face_landmarks import (
    INNER_LIPS,
    IRISES,
    LEFT_BROW,
    LEFT_EYE,
    LIPS,
    NOSE,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
)
from realtime.frames import PART_NAMES, Array, Image, TrackedFace
from realtime.recall import Recalled

# The parts of the face itself, by which it is judged whether anything covers it; eyeglasses lie on it.
OTHER_PARTS = ("background", "hair", "ears", "neck")
FACE_PARTS = [index for index, name in enumerate(PART_NAMES) if name not in OTHER_PARTS]
OFF_HEAD = [PART_NAMES.index(name) for name in ("background", "neck")]
OFF_FACE = [*OFF_HEAD, PART_NAMES.index("hair")]
GLASSES = PART_NAMES.index("eyeglasses")
# What it takes to believe in a face: the overlap of mesh and part map, how sure the part map is, the share in view.
# Faces whose covers hid them from the tracker reach 0.70, 0.871 and 0.43; of 200 pictures of things, those that come
# nearest reach 0.75, 0.867 and 0.43, or 0.81 and 0.79 of the first two.
LEAST_AGREEMENT, LEAST_CERTAINTY, LEAST_SEEN = 0.58, 0.87, 0.4
GOOD_AGREEMENT = 0.83  # makes up for a certainty down to the next
LEAST_KEPT_CERTAINTY = 0.77  # for a face that was there a moment ago, too
LIPS_SHARE = 0.97  # of a spot that must lie within the lips for it to be the mouth's inside
# What the fit should believe of a hidden landmark, found on a painted face: next to nothing, since it was painted where
# the fit of the frame before had it. At 0.1 both drifted along together.
HIDDEN_WEIGHT = 0.02
# The tracker finds eyes, brows, nose and lips by their edges and lays the rest between them, hidden or not: where much
# is hidden, and painted, the rest is believed this much less.
SMOOTH_DOUBTED = 0.7
EDGES = (*RIGHT_EYE, *LEFT_EYE, *IRISES, *RIGHT_BROW, *LEFT_BROW, *NOSE, *LIPS, *INNER_LIPS)
ON_EDGES = np.isin(np.arange(478), EDGES)
# So far, in shares of the crop's side (a standard deviation), what is hidden drags its neighbours along. It varies so
# smoothly that a mask of so many times fewer pixels a side tells it.
NEAR, SMALLER = 0.03, 4
FULL_DOUBT = 0.4  # the share of the face that is hidden, by other things than eyeglasses, when doubt is full
BARE = 0.02  # the share of a face that may be covered by other things than eyeglasses while it counts as bare
GLASSES_GROWN = 0.025  # of the crop's side: the seam of their own edge belongs to eyeglasses
MASK_GROWN = 0.012  # of the crop's side: pixels this near to the occluder may hold some of it


@dataclass(frozen=True)
class Filled:
    """What the completion network made of a crop, carried along since."""

    image: Image  # (S, S, 3) RGB
    mask: Array  # (S, S) 0..1: what it painted, the rest is as the camera saw it
    age: int = 0  # frames since it ran


@dataclass(frozen=True)
class Seen:
    """One face in one frame: what covers it and what is behind. Crop-sized arrays are `COMPLETION_SIZE` px."""

    face: TrackedFace  # with the corrected landmarks
    matrix: Array  # (2, 3) picture px -> crop px
    crop: Image  # (S, S, 3) RGB, as the camera saw it
    parts: Array  # (14, CONTOUR_SIZE, CONTOUR_SIZE) probabilities of the parts of the complete face
    visible: float  # the share of the face that is in view
    mask: Array | None = None  # (S, S) float32, 0 or 1; None: nothing covers the face
    margin: Array | None = None  # (S, S) float32, above 0 under the mask: where exactly its edge runs
    alpha: Array | None = None  # (S, S) 0..1: how much of each pixel of the picture is painted; None: none is
    painting: Image | None = None  # (S, S, 3) RGB; None while `alpha` is
    weights: Array | None = None  # (478,) 0..1, how far each landmark is to be believed; None: all fully
    recalled: Recalled | None = None  # what of the painting is remembered; None: nothing is
    filled: Filled | None = None  # what of it is the completion network's
    doubted: Array | None = None  # (S, S) float32, 0 or 1: where the least thing may be in front; None: nowhere
    lowered: float = 0.0  # by what share of its side the crop lies lower on the face than usual
    fresh: bool = True  # False: the contour network rested; all but `face` is from a frame before

    @property
    def certainty(self) -> float:
        """How sure the part map is, 0..1, on average over the face in view: low where there is no face."""
        small = face_probability(self.parts)
        if self.mask is not None:
            small = small * (1 - cv2.resize(self.mask, small.shape, interpolation=cv2.INTER_AREA))
        return float((self.parts.max(0) * small).sum() / max(float(small.sum()), 1e-6))

    @property
    def agreement(self) -> float:
        """How well landmarks and part map describe one face, 0..1: the overlap of what either takes for it."""
        face = face_probability(self.parts)
        oval = self._oval(face.shape[0])
        shared = float((face * oval).sum())
        return shared / max(float(face.sum() + oval.sum()) - shared, 1e-6)

    def off_head(self) -> Array:
        """(P, P) 0..1 that a pixel lies beside or below the head; the neck does not belong to it."""
        return _off(self.parts, OFF_HEAD)

    def off_face(self) -> Array:
        """(P, P) 0..1 that a pixel shows no part of the face, as far as it lies beside the landmarks' outline, too."""
        return _off(self.parts, OFF_FACE) * (1 - self._oval(self.parts.shape[1]))

    def _oval(self, side: int) -> Array:
        """(side, side) uint8, 1 within the outline of the landmarks."""
        oval = np.zeros((side, side), np.uint8)
        outline = to_crop(self.face.landmarks, self.matrix)[list(OVAL)] * (side / COMPLETION_SIZE)
        cv2.fillPoly(oval, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
        return oval

    @cached_property  # asked several times a frame
    def is_bare(self) -> bool:
        """Whether nothing but eyeglasses covers the face."""
        if self.mask is None:
            return True
        others = self.mask * (1 - eyeglasses(self.parts, self.mask.shape[0]))
        return share_hidden(others, self.parts) < BARE

    def uncovered(self, points: Array) -> Array:
        """(N,) 1 where nothing is in front of points (N, 2 or more) px of the picture, 0 where something is."""
        if self.mask is None:
            return np.ones(len(points), np.float32)
        return 1 - sample(grow(self.mask, MASK_GROWN), to_crop(points, self.matrix))

    @property
    def complete(self) -> Image:
        """(S, S, 3) RGB: the crop with the face completed."""
        if self.mask is None or self.painting is None:
            return self.crop
        return blend(self.crop, self.painting, seam(self.mask))


def is_face(seen: Seen, least_certainty: float = LEAST_CERTAINTY) -> bool:
    """Whether what was seen is a face, by the contour network's judgement."""
    agreement = seen.agreement
    certainty = LEAST_KEPT_CERTAINTY if agreement > GOOD_AGREEMENT else least_certainty
    return agreement > LEAST_AGREEMENT and seen.certainty > certainty and seen.visible > LEAST_SEEN


def face_probability(parts: Array) -> Array:
    """(P, P) that a pixel belongs to the face or to eyeglasses on it; `parts` (14, P, P) probabilities."""
    return parts[FACE_PARTS].sum(0)


def eyeglasses(parts: Array, side: int) -> Array:
    """(side, side) 0 or 1: what the part map (14, P, P) takes for eyeglasses, a little widened."""
    probability = cv2.resize(parts[GLASSES], (side, side), interpolation=cv2.INTER_LINEAR)
    return grow((probability > 0.5).astype(np.float32), GLASSES_GROWN)


def _off(parts: Array, others: Sequence[int]) -> Array:
    """(P, P) how likely one of some parts is; `parts` (14, P, P) probabilities. Eyeglasses say nothing of it."""
    return parts[list(others)].sum(0) / np.maximum(1 - parts[GLASSES], 1e-3)


def share_hidden(mask: Array, parts: Array) -> float:
    """The share of the face that lies under the mask (S, S) 0..1; `parts` (14, P, P) probabilities."""
    face = face_probability(parts)
    small = cv2.resize(mask, face.shape[::-1], interpolation=cv2.INTER_AREA)
    return float((small * face).sum() / max(float(face.sum()), 1e-6))


def inside_mouth(mask: Array, points: Array) -> Array:
    """(S, S) bool: the spots of the mask that lie wholly within the lips.

    They are the mouth itself, wide open: a thing that is put into it sticks out.

    Args:
        mask: (S, S) 0 or 1.
        points: (478, 2) px of the crop: landmarks that were found on the uncompleted face.
    """
    lips = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(lips, [np.round(points[list(LIPS)] * 16).astype(np.int32)], 1, shift=4)
    if not (mask * lips).any():
        return np.zeros(mask.shape, bool)
    count, spots = cv2.connectedComponents(mask.astype(np.uint8))
    size = np.bincount(spots.ravel(), minlength=count)
    within = np.bincount(spots.ravel(), lips.ravel(), count)
    is_mouth = within >= LIPS_SHARE * size
    is_mouth[0] = False
    return is_mouth[spots]


def landmark_weights(landmarks: Array, matrix: Array, mask: Array, doubt: float = 0.0) -> Array:
    """(478,) 1 where a landmark is in view, `HIDDEN_WEIGHT` under the mask.

    Args:
        landmarks: (478, 2 or more) px in the picture.
        matrix: (2, 3) picture px -> crop px.
        mask: (S, S) 0..1.
        doubt: 0..1, how far landmarks are doubted that the tracker places by what lies around them, be it painted:
            those near to the mask, those on no edge, and the hidden ones themselves, which then count for nothing.
    """
    grown, points = grow(mask, MASK_GROWN), to_crop(landmarks, matrix)
    weights = 1 - (1 - HIDDEN_WEIGHT) * sample(grown, points)
    if doubt > 0:
        side = len(mask) // SMALLER
        near = cv2.GaussianBlur(cv2.resize(grown, (side, side), interpolation=cv2.INTER_AREA), (0, 0), NEAR * side)
        weights *= (1 - doubt * sample(near, points / SMALLER)) ** 2
        weights *= np.where(ON_EDGES, np.float32(1), np.float32(1 - doubt * SMOOTH_DOUBTED))
    return weights


def held(seen: Seen, landmarks: Array) -> Seen:
    """The same with its hidden landmarks taken from elsewhere, (478, 2 or more) px of the picture."""
    own = seen.face.landmarks.copy()
    own[:, :2] += (1 - seen.uncovered(own))[:, None] * (landmarks[:, :2] - own[:, :2])
    return replace(seen, face=replace(seen.face, landmarks=own))


def shift_in_view(before: Seen, after: Seen) -> float:
    """The mean distance, in crop widths, by which the landmarks in view moved; 0 where none is."""
    first, second = (to_crop(seen.face.landmarks, before.matrix) for seen in (before, after))
    visible = before.uncovered(before.face.landmarks) > 0.5
    return float(np.hypot(*(second - first)[visible].T).mean()) / COMPLETION_SIZE if visible.any() else 0.0


def sample(values: Array, points: Array) -> Array:
    """(N,) the nearest values of (S, S) at points (N, 2) px; 0 outside."""
    side = values.shape[0]
    x, y = np.floor(points[:, :2]).astype(np.int64).T
    inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    return np.where(inside, values[y.clip(0, side - 1), x.clip(0, side - 1)], 0).astype(np.float32)
