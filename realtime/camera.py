"""The pinhole camera: where points of the head frame fall in the picture, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime.frames import Array, Camera

# Focal length in units of the picture's longer side. No source tells its focal length, so one is assumed: on portraits
# the fit's error is within 1 % of its least from 2.5 (a view of 23 degrees) to 4; 1.6 costs 7 % more error, 1.0 costs
# 27 %. The landmarks come from a tracker that itself thinks in weak perspective.
FOCAL_FACTOR = 2.5

# A point nearer to the camera's plane than this (mm) is moved there before the division by depth.
NEAREST = 1.0

# Head frame -> camera frame for a face that looks straight into the camera: both have x to the picture's
# right; y and z turn round.
FACING = np.diag([1.0, -1.0, -1.0])


def assumed_camera(width: int, height: int) -> Camera:
    """The camera that is assumed to have taken a picture of this size (px)."""
    return Camera(focal=FOCAL_FACTOR * max(width, height), center=(width / 2, height / 2))


def make_pose(rotation: NDArray, translation: NDArray) -> Array:
    """(4, 4) float32 head -> camera from a (3, 3) rotation and a (3,) translation in mm."""
    pose = np.eye(4, dtype=np.float32)
    pose[:3, :3] = rotation
    pose[:3, 3] = translation
    return pose


def to_camera(points: NDArray, pose: Array) -> NDArray:
    """(N, 3) mm from the head frame to the camera frame."""
    return points @ pose[:3, :3].T + pose[:3, 3]


def project(points: NDArray, camera: Camera) -> NDArray:
    """(N, 3) mm in the camera frame -> (N, 2) px: center + focal * (x, y) / z."""
    depth = np.maximum(points[:, 2:3], NEAREST)
    return camera.focal * points[:, :2] / depth + np.asarray(camera.center, points.dtype)


def unproject(pixels: NDArray, depth: NDArray, camera: Camera) -> NDArray:
    """(N, 2) px and (N,) mm of depth -> (N, 3) mm in the camera frame: the inverse of `project`."""
    depth = np.asarray(depth).reshape(-1, 1)
    return np.hstack([(pixels - np.asarray(camera.center)) / camera.focal * depth, depth])


def picture_vertices(vertices: NDArray, pose: Array, camera: Camera) -> Array:
    """Where the head's points fall in the picture.

    Args:
        vertices: (V, 3) mm, head frame.
        pose: (4, 4) head -> camera.
        camera: the camera.

    Returns:
        (V, 3) float32 px; z in px too (at the scale of the head's origin), growing away from the camera,
        0 at the depth of the head's origin.
    """
    # Coordinates one after the other: numpy is many times slower along rows of three.
    x, y, z = pose[:3, :3] @ np.asarray(vertices, np.float32).T + pose[:3, 3:]
    origin = max(float(pose[2, 3]), NEAREST)
    scale = np.float32(camera.focal) / np.maximum(z, np.float32(NEAREST))
    across, down = np.float32(camera.center[0]), np.float32(camera.center[1])
    depth = (z - np.float32(origin)) * np.float32(camera.focal / origin)
    return np.stack([x * scale + across, y * scale + down, depth], axis=1)


def rotation_from_vector(vector: NDArray) -> NDArray:
    """(3,) axis times angle in radians -> (3, 3) rotation (Rodrigues)."""
    x, y, z = np.asarray(vector, np.float64)
    angle = float(np.sqrt(x * x + y * y + z * z))
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    if angle < 1e-8:
        return np.eye(3) + cross
    return np.eye(3) + np.sin(angle) / angle * cross + (1 - np.cos(angle)) / angle**2 * (cross @ cross)


def nearest_rotation(matrix: NDArray) -> NDArray:
    """The rotation nearest to a (3, 3) matrix (polar decomposition, never a reflection)."""
    u, _, vt = np.linalg.svd(matrix)
    u[:, -1] *= np.sign(np.linalg.det(u @ vt))
    return u @ vt
