"""The networks' own speed, one thread: part of `make bench`."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE, choose_engine, shipped_networks
from realtime.alignment import crop_matrix, cut
from realtime.blending import blend, part_of, seam, to_window, whole, window_of
from realtime.frames import Array
from realtime.grain import grained
from realtime.layers import SKIN, skin_in_view
from realtime.pixels import fill_image, read_image

RUNS, WARM_UP = 60, 8


def network_rows() -> list[tuple[str, str, str, str]]:
    """(what, precision, p50 ms, p95 ms) of every shipped network as it is chosen for video here, and of the warps."""
    rows = []
    for name in sorted(shipped_networks()):
        engine = choose_engine(name, "cpu")
        rows.append((name, engine.precision, *_milliseconds(engine.run)))
    rows.append(("warps and blending", "", *_milliseconds(warp_and_blend())))
    return rows


def warp_and_blend() -> Callable[[], object]:
    """What is done to the pixels of one covered face of a 640x480 frame besides the networks."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (480, 640, 3), np.uint8)
    landmarks = _face_like_landmarks()
    buffer = np.zeros((1, 3, COMPLETION_SIZE, COMPLETION_SIZE), np.float32)
    mask = np.zeros((COMPLETION_SIZE, COMPLETION_SIZE), np.float32)
    mask[80:150, 60:140] = 1
    labels = np.full((CONTOUR_SIZE, CONTOUR_SIZE), SKIN, np.uint8)

    def work() -> object:
        matrix = crop_matrix(landmarks, COMPLETION_SIZE)
        crop = cut(picture, matrix, COMPLETION_SIZE).image
        small = cv2.resize(crop, (CONTOUR_SIZE, CONTOUR_SIZE), interpolation=cv2.INTER_LINEAR)
        fill_image(buffer[:, :, :CONTOUR_SIZE, :CONTOUR_SIZE], small)
        fill_image(buffer, crop)
        painting = read_image(buffer)
        alpha = seam(mask)
        window, around = (window_of(matrix, part, picture.shape) for part in (part_of(alpha), whole(COMPLETION_SIZE)))
        share, painting = (to_window(layer, matrix, window) for layer in (alpha, painting))
        skin = skin_in_view(alpha, labels, matrix, around)
        painting = grained(painting, share > 0.5, picture[around.slices], skin, (window.left, window.top))
        return blend(picture[window.slices], painting, share)

    return work


def _face_like_landmarks() -> Array:
    """(478, 3) px of a face that fills half the frame's height."""
    from engines.face_model.model import MorphableModel

    model = MorphableModel.load()
    points = model.landmarks(model.mean) * np.array([1.2, -1.2, -1.2])
    return (points + np.array([320, 240, 0])).astype(np.float32)


def _milliseconds(work: Callable[[], object]) -> tuple[str, str]:
    for _ in range(WARM_UP):
        work()
    spent = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        spent.append((time.perf_counter() - start) * 1e3)
    p50, p95 = np.percentile(spent, (50, 95))
    return f"{p50:.1f}", f"{p95:.1f}"
