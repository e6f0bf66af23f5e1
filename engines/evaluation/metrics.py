"""The figures by which a result is judged: pure functions of arrays."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.training.labels import OVAL
from realtime.frames import Array, Image

OUTER_EYE_CORNERS = (33, 263)
MESH_POINTS = 468  # MediaPipe's points without the irises
# What counts where no face was found: landmarks off by this much (% of the interocular distance).
LOST_DRIFT = 30.0
# Fewer pixels than these say nothing.
LEAST_UNION, LEAST_HOLE, LEAST_INNER = 50, 200, 100


def interocular(landmarks: Array) -> float:
    """The distance of the outer eye corners, px; landmarks (468+, 2) px."""
    right, left = OUTER_EYE_CORNERS
    return float(np.hypot(*(landmarks[right] - landmarks[left])))


def face_region(landmarks: Array, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) inside the face's oval; landmarks (468+, 2) px."""
    face = np.zeros(shape, np.uint8)
    cv2.fillPoly(face, [landmarks[list(OVAL)].astype(np.int32)], 1)
    return face > 0


def hidden_points(landmarks: Array, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(468,) which landmarks (468+, 2) px lie under the mask (H, W)."""
    height, width = mask.shape
    x, y = landmarks[:MESH_POINTS].astype(int).T
    return mask[y.clip(0, height - 1), x.clip(0, width - 1)]


def drift(found: Array | None, truth: Array | None, unit: float) -> NDArray[np.float64]:
    """(468,) distance of each landmark from the truth, % of `unit`.

    Args:
        found: (468+, 2) px; None: no face was found.
        truth: (468+, 2) px; None likewise.
        unit: px, the interocular distance.
    """
    if found is None or truth is None:
        return np.full(MESH_POINTS, LOST_DRIFT)
    off = np.asarray(found, np.float64)[:MESH_POINTS] - np.asarray(truth, np.float64)[:MESH_POINTS]
    return np.hypot(*off.T) / unit * 100


def mask_iou(found: NDArray[np.bool_], truth: NDArray[np.bool_], face: NDArray[np.bool_]) -> float | None:
    """Intersection over union of two masks inside the face; None where there is next to nothing to find."""
    union = int(((found | truth) & face).sum())
    return float((found & truth & face).sum()) / union if union > LEAST_UNION else None


def psnr(found: Image, truth: Image, where: NDArray[np.bool_]) -> float | None:
    """dB over the pixels `where`, colours 0..255; None where they are too few."""
    if where.sum() <= LEAST_HOLE:
        return None
    error = ((found[where].astype(np.float64) - truth[where]) ** 2).mean() / 255**2
    return float(-10 * np.log10(max(1e-9, error)))


def sharpness(found: Image, truth: Image, where: NDArray[np.bool_]) -> float | None:
    """Gradient magnitude well inside `where`, found over truth: 1 is as sharp; None where it is too small."""
    inner = cv2.erode(where.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if where.sum() <= LEAST_HOLE or inner.sum() <= LEAST_INNER:
        return None
    return _gradient(found, inner) / max(1e-6, _gradient(truth, inner))


def _gradient(image: Image, where: NDArray[np.bool_]) -> float:
    grey = image.astype(np.float64).mean(2)
    across, down = cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1)
    return float(np.hypot(across, down)[where].mean())
