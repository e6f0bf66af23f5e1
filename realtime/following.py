"""Where a covered face went since the last look: what is seen of it is followed by optical flow.

The tracker is of little help here: a cover drags its landmarks along, most of all while it comes into view.
"""

from __future__ import annotations

import cv2
import numpy as np

from realtime.alignment import cut, to_crop, to_picture
from realtime.blending import grow
from realtime.frames import Array, Image
from realtime.seen import sample

EVERY = 4  # of the landmarks, every so many are followed
WINDOW, LEVELS = (13, 13), 2
CLEARANCE = 0.04  # of the crop's side, to what covers the face: a point's window must not show it
LEAST_POINTS = 12
LEAST_AGREEING = 0.5  # of the points that must move as one
TOLERANCE = 1.0  # px of the crop


def follow(image: Image, landmarks: Array, crop: Image, matrix: Array, hidden: Array | None) -> Array | None:
    """The landmarks in a newer picture, moved by the similarity that the seen ones show.

    Args:
        image: (H, W, 3) RGB, the newer picture.
        landmarks: (478, 3) px of the older picture.
        crop: (S, S, 3) RGB, of the older picture.
        matrix: (2, 3) its picture px -> crop px.
        hidden: (S, S) 0 or 1: what covers the face in the crop; None: nothing does.

    Returns:
        (478, 3) px of the newer picture; None where too little is seen, or it does not move as one.
    """
    side = crop.shape[0]
    points = to_crop(landmarks[::EVERY], matrix)
    inside = ((points > 2) & (points < side - 2)).all(1)
    if hidden is not None:
        inside &= sample(grow(hidden, CLEARANCE), points) == 0
    points = points[inside]
    if len(points) < LEAST_POINTS:
        return None
    older, newer = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (crop, cut(image, matrix, side).image))
    # OpenCV counts from the middle of the first pixel; a shift is the same either way.
    found, status, _ = cv2.calcOpticalFlowPyrLK(older, newer, points - 0.5, None, winSize=WINDOW, maxLevel=LEVELS)
    kept = status[:, 0] > 0
    if kept.sum() < LEAST_POINTS:
        return None
    move, agreeing = cv2.estimateAffinePartial2D(
        points[kept], found[kept] + np.float32(0.5), method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE
    )
    if move is None or agreeing.mean() < LEAST_AGREEING:
        return None
    out = landmarks.astype(np.float32).copy()
    out[:, :2] = to_picture(to_crop(to_crop(landmarks, matrix), move), matrix)
    return out
