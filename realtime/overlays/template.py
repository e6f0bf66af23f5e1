"""The UV template: the mesh laid out flat, as a picture to paint over."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.frames import Array, Image
from realtime.overlays.anchors import landmark_points

SIDE = 2048
FINE = 4  # fractional bits of OpenCV's drawing: sixteenths of a pixel
LINE_COLOR, DOT_COLOR, TEXT_COLOR = (90, 110, 130, 110), (20, 120, 220, 255), (10, 60, 120, 255)
PART_ALPHA = 90
# Landmarks worth a name: they are where things are anchored.
NAMED = (
    *(10, 151, 9, 168, 6, 195, 4, 2, 0, 17, 152, 70, 105, 336, 334, 300, 55, 285, 33, 133, 362, 263, 159, 386),
    *(145, 374, 127, 356, 234, 454, 93, 323, 172, 397, 50, 280, 205, 425, 61, 291, 129, 358, 162, 389),
)


def uv_template(model: MorphableModel, side: int = SIDE) -> Image:
    """(side, side, 4) RGBA on nothing: parts in pale colours, the mesh's edges, landmarks by their numbers.

    Row 0 is v = 1, and the person's left side lies on the right: the face as one meets it.
    """
    image = np.zeros((side, side, 4), np.uint8)
    corners = _pixels(model.uv, side)[model.triangles]
    hues = np.linspace(0, 180, len(model.mesh_part_names), endpoint=False).astype(np.uint8)
    pale = cv2.cvtColor(np.stack([hues, np.full_like(hues, 60), np.full_like(hues, 245)], -1)[None], cv2.COLOR_HSV2RGB)
    for triangle, part in zip(corners, model.parts[model.triangles[:, 0]], strict=True):
        cv2.fillConvexPoly(image, triangle, (*pale[0, part].tolist(), PART_ALPHA), cv2.LINE_8, FINE)
    cv2.polylines(image, list(corners), True, LINE_COLOR, 1, cv2.LINE_8, FINE)
    for number in NAMED:
        _label(image, landmark_points(model.uv, (number,), model)[0], str(number))
    return image


def _label(image: Image, uv: Array, text: str) -> None:
    x, y = (_pixels(uv[None], len(image))[0] >> FINE).tolist()
    scale = len(image) / SIDE
    cv2.circle(image, (x, y), max(1, round(5 * scale)), DOT_COLOR, -1, cv2.LINE_8)
    place = (x + round(9 * scale), y - round(7 * scale))
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.8 * scale, TEXT_COLOR, max(1, round(2 * scale)))


def _pixels(uv: Array, side: int) -> NDArray[np.int32]:
    """(N, 2) where UV points lie on the picture, in 1 / 2**FINE px; pixel middles lie on whole numbers."""
    xy = np.stack([uv[..., 0], 1 - uv[..., 1]], -1) * side - 0.5
    return np.rint(xy * (1 << FINE)).astype(np.int32)
