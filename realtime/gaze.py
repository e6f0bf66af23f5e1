"""Where the eyes look, from the irises on the eyeballs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime.frames import Array

# MediaPipe's landmarks of each iris (its middle and four points of its rim): the right eye's, the left's.
IRISES = (slice(468, 473), slice(473, 478))


def gaze_vectors(landmarks: NDArray, eyes: NDArray, pose: Array) -> Array:
    """The direction from each eyeball's middle through its iris.

    The irises are the fitted mesh's own, so that gaze is as steady as the mesh and stays within what an
    eye can do.

    Args:
        landmarks: (478, 3) mm, head frame: the mesh's points.
        eyes: (2, 3) mm, head frame: the middles of the eyeballs, right eye first.
        pose: (4, 4) head -> camera.

    Returns:
        (2, 3) float32 unit vectors in the camera frame, right eye first.
    """
    irises = np.stack([landmarks[part].mean(0) for part in IRISES])
    out = (irises - eyes) @ pose[:3, :3].T
    return (out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)).astype(np.float32)
