"""The figures of a covered clip: pure functions of what was found, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.evaluation.clip_scene import CoveredFrame
from engines.evaluation.metrics import MESH_POINTS, drift, face_region, hidden_points, interocular, mask_iou, psnr
from realtime.frames import Array, Image

# Recovered: the landmarks are this near, % of the interocular distance, to those of the clean clip.
RECOVERED_DRIFT = 1.0

Found = Array | None  # (478, 2) px; None: no face was found


@dataclass(frozen=True)
class ClipRun:
    """What a system made of a clip, frame by frame."""

    landmarks: Sequence[Found]
    complete: Sequence[Image] = ()  # (H, W, 3) RGB: the frame with the face completed; trackers make none
    cpu_ms: Sequence[float] = ()  # milliseconds of processor time
    masks: Sequence[NDArray[np.bool_]] = ()  # (H, W) what was found to cover the face


def hidden_psnr(frames: Sequence[CoveredFrame], truth: Sequence[Array], run: ClipRun) -> float:
    """dB over the hidden pixels of the face, the mean over the frames that have some.

    Args:
        frames: the clip.
        truth: (478, 2) px each: the clean face's landmarks, for where the face is.
        run: with the completed pictures.
    """
    values = [
        psnr(complete, frame.clean, frame.mask & face_region(points, frame.mask.shape))
        for frame, points, complete in zip(frames, truth, run.complete, strict=True)
    ]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def found_share(frames: Sequence[CoveredFrame], truth: Sequence[Array], run: ClipRun) -> float:
    """Intersection over union of the masks inside the face, the mean over the frames in which it is covered.

    Arguments as for `hidden_psnr`; the run with its masks.
    """
    values = [
        mask_iou(found, frame.mask, face_region(points, frame.mask.shape))
        for frame, points, found in zip(frames, truth, run.masks, strict=True)
        if frame.mask.any()
    ]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def hidden_drift(frames: Sequence[CoveredFrame], truth: Sequence[Array], clean: ClipRun, covered: ClipRun) -> float:
    """How far the hidden landmarks lie from the same system's own on the clean clip, % of the interocular distance.

    Args:
        frames: the clip.
        truth: (478, 2) px each: they say which landmarks are hidden, and the unit.
        clean: the system on the clean clip.
        covered: the system on the covered clip; a lost face counts as `LOST_DRIFT`.
    """
    values = []
    for frame, points, own, found in zip(frames, truth, clean.landmarks, covered.landmarks, strict=True):
        hidden = hidden_points(points, frame.mask)
        values.append(drift(found, own, interocular(points))[hidden])
    joined = np.concatenate(values)
    return float(joined.mean()) if len(joined) else float("nan")


def flicker(frames: Sequence[CoveredFrame], truth: Sequence[Array], clean: ClipRun, covered: ClipRun) -> float:
    """How much the hidden landmarks move from frame to frame beyond what they do on the clean clip.

    The mean length of the difference of the two motions, % of the interocular distance. Arguments as for
    `hidden_drift`; steps from or to a lost face count as `LOST_DRIFT`.
    """
    values = []
    for now in range(1, len(frames)):
        hidden = hidden_points(truth[now], frames[now].mask) & hidden_points(truth[now - 1], frames[now - 1].mask)
        if hidden.any():
            motions = _motion(clean.landmarks, now), _motion(covered.landmarks, now)
            values.append(drift(*motions, interocular(truth[now]))[hidden])
    joined = np.concatenate(values) if values else np.empty(0)
    return float(joined.mean()) if len(joined) else float("nan")


def frames_to_recover(
    frames: Sequence[CoveredFrame], truth: Sequence[Array], clean: ClipRun, covered: ClipRun
) -> float:
    """How many frames after the last with a hidden face point it takes until the landmarks are right again.

    1 is the first frame in clear view; infinite: they never are. Arguments as for `hidden_drift`.
    """
    hidden = [hidden_points(points, frame.mask).any() for frame, points in zip(frames, truth, strict=True)]
    last = max((index for index, some in enumerate(hidden) if some), default=None)
    if last is None:
        return np.inf
    for count, index in enumerate(range(last + 1, len(frames)), start=1):
        error = drift(covered.landmarks[index], clean.landmarks[index], interocular(truth[index]))
        if error.mean() <= RECOVERED_DRIFT:
            return float(count)
    return np.inf


def lost(run: ClipRun) -> int:
    """In how many frames no face was found."""
    return sum(found is None for found in run.landmarks)


def _motion(landmarks: Sequence[Found], now: int) -> Found:
    """(468, 2) px from the frame before to this one; None where either is lost."""
    here, before = landmarks[now], landmarks[now - 1]
    return None if here is None or before is None else here[:MESH_POINTS] - before[:MESH_POINTS]
