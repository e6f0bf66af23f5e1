"""Label maps: what each pixel of a complete face is, from hand-made maps or from landmarks."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.face_landmarks import INNER_LIPS, LEFT_BROW, LEFT_EYE, OVAL, RIGHT_BROW, RIGHT_EYE
from realtime.frames import PART_NAMES, Array, Image

PART = {name: index for index, name in enumerate(PART_NAMES)}

# Codes beside the parts. In all three the loss of the part map is blind.
HEADWEAR = 253  # a real hat or the like in the photograph: foreign, so the mask is taught there
OUTSIDE = 254  # beyond the border of the photograph
UNKNOWN = 255

# CelebAMask-HQ's classes 0..18; its left and right are the person's own, as ours are.
CELEBA = (
    *("background", "skin", "nose", "eyeglasses", "left_eye", "right_eye", "left_brow", "right_brow", "ears", "ears"),
    *("inner_mouth", "upper_lip", "lower_lip", "hair", "HEADWEAR", "ears", "neck", "neck", "background"),
)
CELEBA_TO_PARTS = np.array([HEADWEAR if n == "HEADWEAR" else PART[n] for n in CELEBA], np.uint8)

# MediaPipe's landmarks around the parts that have no outline among its own.
NOSE = (168, 122, 196, 236, 198, 209, 49, 48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 429, 420, 456, 419, 351)
UPPER_LIP = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78)
LOWER_LIP = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78)

POLYGONS = (
    ("skin", OVAL),
    ("right_brow", RIGHT_BROW),
    ("left_brow", LEFT_BROW),
    ("right_eye", RIGHT_EYE),
    ("left_eye", LEFT_EYE),
    ("nose", NOSE),
    ("inner_mouth", INNER_LIPS),
    ("upper_lip", UPPER_LIP),
    ("lower_lip", LOWER_LIP),
)

SIDES = (("left_brow", "right_brow"), ("left_eye", "right_eye"))
SWAP = np.arange(256, dtype=np.uint8)
for _left, _right in SIDES:
    SWAP[[PART[_left], PART[_right]]] = PART[_right], PART[_left]


def from_celeba(classes: Image) -> Image:
    """CelebAMask-HQ's class indices (H, W) -> our codes (H, W); an index it does not know becomes UNKNOWN.

    One map in fifteen has left and right the other way round: they are put right by where eyes and brows lie.
    """
    table = np.full(256, UNKNOWN, np.uint8)
    table[: len(CELEBA_TO_PARTS)] = CELEBA_TO_PARTS
    codes = table[classes]
    return SWAP[codes] if is_swapped(codes) else codes


def is_swapped(codes: Image) -> bool:
    """Whether a map (H, W) of an upright face has the person's left at the picture's left; not where it cannot tell."""
    apart = 0.0
    for left, right in SIDES:
        columns = [np.nonzero(codes == PART[name])[1] for name in (left, right)]
        if all(len(column) for column in columns):
            apart += columns[0].mean() - columns[1].mean()
    return apart < 0


def from_landmarks(points: Array, size: int) -> Image:
    """Polygons through landmarks (478, 2) px -> codes (size, size).

    Hair, ears, neck and background cannot be told from landmarks: outside the face's oval all is UNKNOWN.
    """
    out = np.full((size, size), UNKNOWN, np.uint8)
    fixed = np.round(points[:, :2] * 16).astype(np.int32)
    for name, outline in POLYGONS:
        cv2.fillPoly(out, [fixed[list(outline)]], PART[name], shift=4)
    return out


def oval_mask(points: Array, size: int) -> Image:
    """(size, size) uint8, 1 inside the face's oval; points (478, 2) px."""
    out = np.zeros((size, size), np.uint8)
    cv2.fillPoly(out, [np.round(points[list(OVAL), :2] * 16).astype(np.int32)], 1, shift=4)
    return out


def mirror(labels: Image) -> Image:
    """The label map of the mirrored picture: the person's left becomes the right."""
    return SWAP[labels[:, ::-1]]
