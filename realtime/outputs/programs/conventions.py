"""Heads and eyes in the axes that other programs think in.

*ARKit* (iFacialMocap, Live Link): the head's axes are our own head frame's, x to the person's left, y up, z out of
the face; they are told relative to the camera's axes x to the picture's right, y up, z towards the viewer, so that a
face that looks straight into the camera is not rotated. Right-handed, metres. Apple describes it under
`ARFaceAnchor` and `ARCamera.transform`.

*Unity* (VMC): left-handed, x to the avatar's right, y up, z out of its face, metres. It is ARKit's mirrored in x, so
that positions lose the sign of x and rotations that of the quaternion's y and z. UniVRM mirrors z instead because a
VRM file looks along -z (https://vrm.dev/en/univrm/api/univrm_coordinate/); the avatar's own directions are the same.

Angles are radians, positive towards: pitch, looking down; yaw, the person's left; roll, the person's right shoulder.
The rotation is roll first, then pitch, then yaw, which is how Unity's `Quaternion.Euler` reads three angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.camera import FACING
from realtime.frames import FaceState
from realtime.smoothing import quaternion

METRES = 1e-3  # per millimetre


@dataclass(frozen=True)
class Head:
    """Where a head is and where it looks, in ARKit's axes."""

    rotation: NDArray  # (3, 3) the head's axes -> the camera's, both as above
    position: NDArray  # (3,) m: the head's origin
    eyes: NDArray  # (2, 2) pitch and yaw relative to the head, radians: right eye, left eye

    @property
    def angles(self) -> tuple[float, float, float]:
        """Pitch, yaw and roll in radians, pitch within a quarter turn."""
        m = self.rotation
        pitch = np.arcsin(np.clip(-m[1, 2], -1, 1))
        return float(pitch), float(np.arctan2(m[0, 2], m[2, 2])), float(np.arctan2(m[1, 0], m[1, 1]))


def head_of(face: FaceState) -> Head:
    """What is known of a face's head and eyes. What is not a number becomes 0: no receiver can use it."""
    pose = np.nan_to_num(np.asarray(face.coefficients.pose, np.float64))
    gaze = np.nan_to_num(np.asarray(face.gaze, np.float64)) @ pose[:3, :3]
    pitch = -np.arctan2(gaze[:, 1], np.hypot(gaze[:, 0], gaze[:, 2]))
    yaw = np.arctan2(gaze[:, 0], gaze[:, 2])
    return Head(FACING.T @ pose[:3, :3], FACING.T @ pose[:3, 3] * METRES, np.stack([pitch, yaw], 1))


def unity_position(position: NDArray) -> tuple[float, float, float]:
    """ARKit's (3,) m -> Unity's."""
    x, y, z = (float(value) for value in position)
    return -x, y, z


def unity_quaternion(rotation: NDArray) -> tuple[float, float, float, float]:
    """ARKit's (3, 3) rotation -> Unity's quaternion x, y, z, w."""
    w, x, y, z = (float(value) for value in quaternion(rotation))
    return x, -y, -z, w


def eye_rotation(pitch: float, yaw: float) -> NDArray:
    """(3, 3) rotation of an eye relative to its head, ARKit's axes: pitch first, then yaw."""
    cp, sp, cy, sy = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    return np.array([[cy, sy * sp, sy * cp], [0.0, cp, -sp], [-sy, cy * sp, cy * cp]])


def shapes_of(face: FaceState) -> list[float]:
    """The 52 blendshapes, each within 0..1."""
    return np.clip(np.nan_to_num(np.asarray(face.coefficients.expression, np.float64)), 0.0, 1.0).tolist()
