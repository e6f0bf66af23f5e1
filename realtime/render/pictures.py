"""What lies under a view's faces: the frame, the completed frame, or what the networks saw in it."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames import PART_NAMES, SOURCE_NAMES, FrameResult, Image

TINT_STRENGTH = 0.55
MASK_COLOR = (255, 90, 60)
MASK_LINE_PX = 2
# Left and right of a pair differ, so that a swap is seen at once.
PART_COLORS = {
    "background": (0, 0, 0),
    "skin": (233, 178, 140),
    "left_brow": (140, 86, 60),
    "right_brow": (196, 140, 60),
    "left_eye": (60, 160, 235),
    "right_eye": (60, 220, 220),
    "nose": (250, 220, 110),
    "upper_lip": (230, 70, 110),
    "inner_mouth": (120, 20, 50),
    "lower_lip": (240, 120, 160),
    "hair": (110, 70, 160),
    "ears": (150, 200, 90),
    "neck": (190, 150, 200),
    "eyeglasses": (40, 90, 200),
}
SOURCE_COLORS = {
    "elsewhere": (0, 0, 0),
    "seen": (150, 150, 150),
    "memory": (70, 200, 110),
    "mirror": (70, 150, 240),
    "completion": (240, 120, 70),
}
_SOURCE_LUT = np.zeros((256, 1, 3), np.uint8)
_SOURCE_LUT[: len(SOURCE_NAMES), 0] = [SOURCE_COLORS[name] for name in SOURCE_NAMES]
_PART_LUT = np.zeros((256, 1, 3), np.uint8)
_PART_LUT[: len(PART_NAMES), 0] = [PART_COLORS[name] for name in PART_NAMES]


def frame_picture(result: FrameResult) -> Image:
    """(H, W, 3) the frame as it came."""
    return result.frame.image


def complete_picture(result: FrameResult) -> Image:
    """(H, W, 3) the frame with the faces completed; as it came where nothing was painted."""
    return result.frame.image if result.complete is None else result.complete


def mask_picture(result: FrameResult) -> Image:
    """(H, W, 3) the frame, what covers a face tinted and outlined."""
    if result.occlusion is None:
        return result.frame.image
    color = np.full_like(result.frame.image, MASK_COLOR)
    picture = _tinted(result.frame.image, color, result.occlusion)
    outlines, _ = cv2.findContours(result.occlusion, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, outlines, -1, MASK_COLOR, MASK_LINE_PX, cv2.LINE_AA)
    return picture


def parts_picture(result: FrameResult) -> Image:
    """(H, W, 3) the completed frame, each part of the complete face in a colour of its own."""
    picture = complete_picture(result)
    if result.parts is None:
        return picture
    color = np.asarray(cv2.LUT(cv2.merge([result.parts] * 3), _PART_LUT), np.uint8)
    return _tinted(picture, color, result.parts)


def source_picture(result: FrameResult) -> Image:
    """(H, W, 3) the face cut out of the completed frame, tinted by where each pixel comes from."""
    if result.source is None:
        return result.frame.image
    color = np.asarray(cv2.LUT(cv2.merge([result.source] * 3), _SOURCE_LUT), np.uint8)
    cut_out = np.asarray(cv2.copyTo(complete_picture(result), result.source), np.uint8)
    return _tinted(cut_out, color, result.source)


def _tinted(image: Image, color: Image, mask: Image) -> Image:
    """A copy of `image` with `color` mixed in where `mask` is not 0."""
    mixed = cv2.addWeighted(image, 1 - TINT_STRENGTH, color, TINT_STRENGTH, 0)
    return np.asarray(cv2.copyTo(mixed, mask, image.copy()), np.uint8)


PICTURES = {
    "frame": frame_picture,
    "complete": complete_picture,
    "mask": mask_picture,
    "parts": parts_picture,
    "source": source_picture,
}
