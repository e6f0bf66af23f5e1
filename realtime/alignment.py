"""The upright square crop of a face that every network sees, and the way back into the picture."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames import Array, Crop, Image

# MediaPipe landmarks of the corners that stay put when eyes close and the mouth opens.
RIGHT_EYE = (33, 133)
LEFT_EYE = (362, 263)
MOUTH = (61, 291)

# Half the crop's width in units of the face's size (below): about 215 mm of head across, so that the
# chin stays inside when the mouth opens and the hairline is seen.
HALF_WIDTH = 0.85


def crop_matrix(landmarks: Array, size: int) -> Array:
    """The similarity that brings a face upright into the middle of a square.

    The face's size is twice the distance between the eyes or 1.8 times the distance from the eyes to
    the mouth, whichever is larger, so that it holds in profile and when the head nods.

    Args:
        landmarks: (478, 2 or more) px in the picture, MediaPipe's order.
        size: the crop's side in px.

    Returns:
        (2, 3) float32, picture px -> crop px.

    Raises:
        ValueError: the landmarks coincide.
    """
    points = np.asarray(landmarks, np.float64)[:, :2]
    right, left, mouth = (points[list(pair)].mean(0) for pair in (RIGHT_EYE, LEFT_EYE, MOUTH))
    eyes = (right + left) / 2
    across, down = left - right, mouth - eyes
    # The eye line turned by the line to the mouth: neither alone is steady in profile.
    axis = across + np.array([down[1], -down[0]])
    length = float(np.hypot(*axis))
    extent = max(2.0 * float(np.hypot(*across)), 1.8 * float(np.hypot(*down)))
    if length < 1e-6 or extent < 1e-6:
        raise ValueError("the landmarks coincide: no crop can be laid around them")
    cos, sin = axis / length
    scale = size / (2 * HALF_WIDTH * extent)
    linear = scale * np.array([[cos, sin], [-sin, cos]])
    center = eyes + 0.3 * down
    offset = size / 2 - linear @ center
    return np.column_stack([linear, offset]).astype(np.float32)


def cut(image: Image, matrix: Array, size: int) -> Crop:
    """Cuts the crop out of a picture; what lies outside repeats the border.

    Args:
        image: (H, W, 3) RGB.
        matrix: (2, 3) picture px -> crop px.
        size: the crop's side in px.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    if scale < 0.5:
        # warpAffine has no area filter: shrink by whole steps first, or fine texture turns into noise.
        step = 2 ** int(np.floor(np.log2(1 / scale)))
        height, width = image.shape[:2]
        small = cv2.resize(image, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
        shrink = np.diag([width / small.shape[1], height / small.shape[0], 1.0])
        warp = (np.vstack([matrix, [0, 0, 1]]) @ shrink)[:2]
    else:
        small, warp = image, matrix
    out = cv2.warpAffine(small, warp, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Crop(image=out, matrix=np.asarray(matrix, np.float32))


def to_crop(points: Array, matrix: Array) -> Array:
    """Points (N, 2) from picture px to crop px."""
    return (np.asarray(points)[:, :2] @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def to_picture(points: Array, matrix: Array) -> Array:
    """Points (N, 2) from crop px to picture px: the inverse of `to_crop`."""
    return to_crop(points, invert(matrix))


def invert(matrix: Array) -> Array:
    """The (2, 3) crop px -> picture px of a (2, 3) picture px -> crop px."""
    return cv2.invertAffineTransform(np.asarray(matrix, np.float64)).astype(np.float32)


def rescale(matrix: Array, factor: float) -> Array:
    """The same crop at another resolution: `factor` times as many pixels across."""
    return (np.asarray(matrix, np.float64) * factor).astype(np.float32)


def landmarks_in_picture(points: Array, matrix: Array) -> Array:
    """(478, 3) from crop px to picture px, z scaled alike."""
    back = invert(matrix)
    scale = np.float32(np.hypot(back[0, 0], back[1, 0]))
    return np.column_stack([to_picture(points, matrix), points[:, 2] * scale]).astype(np.float32)
