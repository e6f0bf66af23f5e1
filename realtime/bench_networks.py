"""The networks' own speed, one thread: part of `make bench`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE, choose_engine, shipped_networks
from realtime.alignment import crop_matrix, cut
from realtime.blending import paintable, seam
from realtime.frames import PART_NAMES, Array, TrackedFace
from realtime.layers import SKIN, paint
from realtime.pixels import fill_image, read_image, resized
from realtime.seen import Seen

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
    face = TrackedFace(0, _face_like_landmarks(), is_new=False)
    buffer, small = (np.zeros((1, 3, side, side), np.float32) for side in (COMPLETION_SIZE, CONTOUR_SIZE))
    mask = np.zeros((COMPLETION_SIZE, COMPLETION_SIZE), np.float32)
    mask[80:150, 60:140] = 1
    labels = np.full((CONTOUR_SIZE, CONTOUR_SIZE), SKIN, np.uint8)
    parts = np.zeros((len(PART_NAMES), CONTOUR_SIZE, CONTOUR_SIZE), np.float32)
    source = np.zeros(picture.shape[:2], np.uint8)

    def work() -> object:
        matrix = crop_matrix(face.landmarks, COMPLETION_SIZE)
        crop = cut(picture, matrix, COMPLETION_SIZE).image
        fill_image(small, resized(crop, CONTOUR_SIZE))
        fill_image(buffer, crop)
        seen = Seen(face, matrix, crop, parts, visible=0.8, painting=read_image(buffer))
        seen = replace(seen, alpha=seam(mask) * paintable(mask, seen.off_head(), seen.off_face))
        complete = picture.copy()
        paint(complete, picture, seen, labels, source)
        return complete

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
