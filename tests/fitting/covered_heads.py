"""Heads that something covers, as the networks would see them."""

from dataclasses import replace

import heads
import numpy as np

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE
from realtime.alignment import crop_matrix
from realtime.camera import assumed_camera
from realtime.frames import PART_NAMES, TrackedFace
from realtime.seen import Seen, landmark_weights

WIDTH, HEIGHT = 320, 240
CAMERA = assumed_camera(WIDTH, HEIGHT)


def points(**expression):
    return heads.landmarks(heads.pose(at=(0, 0, 1400.0)), expression=heads.expression(**expression), camera=CAMERA)


def seen_of(landmarks, covered=None, is_new=False):
    """What the networks see of a face; `covered` is a slice of the crop's rows."""
    face = TrackedFace(3, np.column_stack([landmarks, np.zeros(478)]).astype(np.float32), is_new)
    matrix = crop_matrix(landmarks, COMPLETION_SIZE)
    crop = np.full((COMPLETION_SIZE, COMPLETION_SIZE, 3), 128, np.uint8)
    parts = np.full((len(PART_NAMES), CONTOUR_SIZE, CONTOUR_SIZE), 1 / len(PART_NAMES), np.float32)
    seen = Seen(face, matrix, crop, parts, visible=1.0)
    if covered is None:
        return seen
    mask = np.zeros((COMPLETION_SIZE, COMPLETION_SIZE), np.float32)
    mask[covered] = 1
    return replace(seen, mask=mask, visible=0.5, weights=landmark_weights(landmarks, matrix, mask))


LOWER = np.s_[110:]
