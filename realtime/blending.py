"""The occlusion mask over time, and completed pixels back into the picture: pure functions of arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

from realtime.alignment import invert
from realtime.frames import Array, Image

# A pixel becomes covered above the upper probability and stays so down to the lower one; without a frame before,
# the middle decides. The gap is what a still occluder's edge flickers by.
HYSTERESIS = (0.35, 0.65)

# In shares of the crop's side.
GROW = 0.016  # painted beyond the mask: the mixed pixels of an occluder's edge belong to it
FEATHER = 0.010  # of the seam, standard deviation
JOINED = 0.04  # nearer than twice this to each other, pieces of the mask are one thing, a hand's thumb and fingers
RIM = 0.03  # along the crop's border, where what is painted fades into the picture: occluders reach beyond the crop

# Between these probabilities of being off it a head's outline runs: what is painted had better reach a little too far.
OUTLINE = (0.6, 0.95)
THINGS_SIDE = 64  # px: which thing is which, and where the head ends, need not be known more finely
WORN = 0.7  # how far a thing is its own mirror image, from which on it is worn: most masks reach 0.77, no hand 0.63
WIDE = 0.4  # of the crop's side: a face mask is as wide as the face; a cup, be it symmetric, is not
MOUTH = 0.62  # of the crop's side, from above: a face mask reaches higher, if it is not pulled down
BESIDE = 0.1  # the share of a thing that is on the head, below which it is taken to be beside it


@dataclass(frozen=True)
class Window:
    """Where a crop lies in a picture: the part of the picture that it can change."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.right - self.left, self.bottom - self.top


def whole(side: int) -> Window:
    """All of a crop."""
    return Window(0, 0, side, side)


def part_of(values: Array) -> Window:
    """The part of a crop (S, S) where the values are above 0, and the pixels next to it; it may be empty."""
    left, top, width, height = cv2.boundingRect((values > 0).astype(np.uint8))
    if not width:
        return Window(0, 0, 0, 0)
    side = len(values)
    return Window(max(left - 1, 0), max(top - 1, 0), min(left + width + 1, side), min(top + height + 1, side))


def window_of(matrix: Array, part: Window, shape: tuple[int, ...]) -> Window:
    """The part of a picture of this shape (H, W, ...) that a part of a crop covers; it may be empty."""
    x, y = (part.left, part.right), (part.top, part.bottom)
    corners = np.array([[i, j, 1] for i in x for j in y], np.float64) @ invert(matrix).T
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int) + 1
    height, width = shape[:2]
    left, top = np.clip(low, 0, (width, height))
    right, bottom = np.clip(high, (left, top), (width, height))
    return Window(int(left), int(top), int(right), int(bottom))


def to_window(crop: Array, matrix: Array, window: Window, interpolation: int = cv2.INTER_LINEAR) -> Array:
    """A crop (S, S, ...) as the picture sees it inside `window`; 0 outside the crop."""
    back = invert(matrix).astype(np.float64)
    back[:, 2] -= (window.left, window.top)
    return cv2.warpAffine(crop, back, window.size, flags=interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def between_crops(older: Array, newer: Array) -> Array:
    """(2, 3) older crop px -> newer crop px, of crops given by their picture px -> crop px."""
    square = np.vstack([invert(older), [0, 0, 1]]).astype(np.float64)
    return (np.asarray(newer, np.float64) @ square).astype(np.float32)


def carry(image: Array, matrix: Array) -> Array:
    """An array (S, S, ...) of the older crop moved into the newer one; `matrix` as of `between_crops`."""
    side = image.shape[0]
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def margin(probability: Array, before: Array | None) -> Array:
    """How clearly each pixel is covered, with hysteresis: the mask is where this is above 0.

    Args:
        probability: (S, S) 0..1, what the contour network says.
        before: (S, S) 0..1, the last mask carried along with the face; None: there was none.
    """
    low, high = HYSTERESIS
    threshold = np.float32((low + high) / 2) if before is None else high - np.float32(high - low) * before
    return probability - threshold


def seam(mask: Array) -> Array:
    """How much of each pixel is painted: 1 on the mask and a little beyond it, then falling to exactly 0.

    It falls to 0 along the crop's border too.

    Args:
        mask: (S, S) float32, 0 or 1.

    Returns:
        (S, S) float32 0..1.
    """
    side = mask.shape[0]
    grown = grow(mask, GROW + 2 * FEATHER)
    reach = 2 * int(np.ceil(2 * FEATHER * side)) + 1
    return cv2.GaussianBlur(grown, (reach, reach), FEATHER * side) * _rim(side)


@cache
def _rim(side: int) -> Array:
    """(S, S) 1 inside, falling to 0 at the border of a crop."""
    across = np.clip(np.minimum(np.arange(side), np.arange(side)[::-1]) / (RIM * side), 0, 1).astype(np.float32)
    return np.minimum(across[:, None], across[None])


@dataclass(frozen=True)
class Things:
    """The things that cover a face, told apart; `THINGS_SIDE` px."""

    mask: Array  # (P, P) bool
    labels: Array  # (P, P) int32: 0 for none, else the number of the thing; a little wider than the mask
    count: int  # of the numbers, 0 included

    @classmethod
    def of(cls, mask: Array) -> Things:
        """The things of a mask (S, S) float32, 0 or 1."""
        small = cv2.resize(mask, (THINGS_SIDE,) * 2, interpolation=cv2.INTER_AREA) > 0
        count, labels = cv2.connectedComponents(grow(small, JOINED).astype(np.uint8))
        return cls(small, labels, count)

    def on(self, where: Any) -> set[int]:
        """The numbers of the things that reach into some part of the picture (an index of `labels`)."""
        return set(self.labels[where].ravel().tolist()) - {0}  # a list: numpy's own iterator is slow

    def piece(self, number: int) -> Array:
        """(P, P) bool: the mask of one thing alone."""
        return (self.labels == number) & self.mask

    def is_worn(self, number: int) -> bool:
        """Whether a thing is wide and its own mirror image: the crop is upright, and the face in its middle."""
        piece = self.piece(number)
        other = piece[:, ::-1]
        is_wide = np.count_nonzero(piece.any(axis=0)) >= WIDE * THINGS_SIDE
        return is_wide and np.count_nonzero(piece & other) >= WORN * np.count_nonzero(piece | other)


def paintable(mask: Array, off_head: Array, off_face: Callable[[], Array]) -> Array:
    """Where a cover may be painted away.

    One that goes on beyond the crop cannot be removed whole, and an arm that ends somewhere, or a hat that floats, is
    no sight. An arm, which goes on beyond the sides or the lower border, stays wherever it is not before the head, as
    if the head were in front of it; so does what lies beside the head. A hat or a hood, which goes on above, stays
    wherever it is not before the face. All else is removed altogether, and a face mask that reaches down to the border.

    Args:
        mask: (S, S) float32, 0 or 1.
        off_head: (P, P) 0..1 that behind the cover there is no part of the head.
        off_face: tells (P, P) 0..1 that behind the cover there is no part of the face, but hair, say; it is asked only
            if something goes on above.

    Returns:
        (S, S) float32 0..1.
    """
    side = mask.shape[0]
    things = Things.of(mask)
    at_top, at_sides, at_bottom = (things.on(where) for where in (np.s_[0], np.s_[:, [0, -1]], np.s_[-1]))
    beside_head = _outside(off_head)
    by_head, by_face = np.zeros(things.count, bool), np.zeros(things.count, bool)
    by_face[list(at_top)] = True
    for number in range(1, things.count):
        goes_on = number in at_sides or (number in at_bottom and not things.is_worn(number))
        by_head[number] = goes_on or beside_head[things.piece(number)].mean() > 1 - BESIDE
    if not (by_head | by_face).any():
        return np.ones((side, side), np.float32)
    # Every pixel belongs to the nearest thing: the seam reaches beyond it.
    free = (things.labels == 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(free, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_CCOMP)
    number_of, inside = np.zeros(nearest.max() + 1, np.int32), things.labels > 0
    number_of[nearest[inside]] = things.labels[inside]
    thing = number_of[nearest]
    stays = by_head[thing] * beside_head
    if at_top:
        stays = np.maximum(stays, by_face[thing] * _outside(off_face()))
    return cv2.resize((1 - stays).astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)


def _outside(probability: Array) -> Array:
    """(`THINGS_SIDE`, `THINGS_SIDE`) 0..1: how far a pixel counts as outside of what (P, P) 0..1 says it is off."""
    small = cv2.resize(probability, (THINGS_SIDE,) * 2, interpolation=cv2.INTER_AREA)
    low, high = OUTLINE
    return np.clip((cv2.erode(small, np.ones((3, 3), np.uint8)) - low) / (high - low), 0, 1)


def reaches_down(mask: Array, lowered: float = 0.0) -> bool:
    """Whether something that is worn over the mouth, as a face mask is, goes on below the crop.

    Args:
        mask: (S, S) float32, 0 or 1.
        lowered: by what share of its side the crop has been lowered already, so that what was its end lies higher.
    """
    things = Things.of(mask)
    end = THINGS_SIDE - 1 - round(lowered * THINGS_SIDE)
    going_on = things.on(np.s_[end]) - things.on(np.s_[: end + 1, [0, -1]])
    mouth = round(MOUTH * THINGS_SIDE)
    return any(things.is_worn(number) and bool(things.piece(number)[:mouth].any()) for number in going_on)


def grow(mask: Array, share: float) -> Array:
    """The mask (S, S) of 0 and 1, float32, widened by a share of its side."""
    radius = max(1, round(share * mask.shape[0]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(np.float32)  # in uint8: twenty times as fast


def fade(before: Array, target: Array, step: float) -> Array:
    """The painted share (S, S) 0..1: it comes at once, but falls from `before` to `target` by at most `step`."""
    return np.maximum(target, before - np.float32(step))


def blend(image: Image, painting: Array, alpha: Array) -> Image:
    """The picture with the painting over it; where alpha is 0 the picture's bytes are untouched.

    Args:
        image: (H, W, 3) uint8.
        painting: (H, W, 3) 0..255.
        alpha: (H, W) float32 0..1.
    """
    out = image.copy()
    left, top, width, height = cv2.boundingRect((alpha > 0).astype(np.uint8))
    if width:
        where = (slice(top, top + height), slice(left, left + width))
        share = cv2.merge([alpha[where]] * 3)
        change = cv2.subtract(painting[where], image[where], dtype=cv2.CV_32F)
        out[where] = cv2.add(image[where], cv2.multiply(change, share), dtype=cv2.CV_8U)  # rounds and saturates
    return out
