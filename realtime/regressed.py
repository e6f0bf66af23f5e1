"""From what the regression network says of a crop to the frames of reference of the picture, and back.

The network describes the head as a camera sees it whose picture is the crop: a pinhole `CROP_FOCAL` crop
widths in front of its picture's centre. Its nine pose numbers are the first two columns of the rotation
head -> crop camera (six numbers, orthonormalised here), the scale at the head's origin in crop widths per
100 mm, and where the origin falls, in crop widths from the crop's centre. Its light is in the frame of
the same camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.alignment import invert, to_crop, to_picture
from realtime.camera import make_pose, unproject
from realtime.frames import Array, Camera

# In crop widths: a crop is some 215 mm of head across, so this camera stands 0.7 m away.
CROP_FOCAL = 3.3
# The head's scale is bounded (crop widths per 100 mm): a network may say anything.
SCALES = (0.05, 5.0)


@dataclass(frozen=True)
class CropPose:
    """Where the head is in the camera of its crop."""

    rotation: NDArray[np.float64]  # (3, 3) head -> crop camera
    scale: float  # crop widths per 100 mm at the head's origin
    origin: NDArray[np.float64]  # (2,) crop widths from the crop's centre

    @classmethod
    def from_vector(cls, vector: Array) -> CropPose:
        """From the network's nine numbers."""
        vector = np.asarray(vector, np.float64)
        first = vector[:3] / max(float(np.linalg.norm(vector[:3])), 1e-9)
        second = vector[3:6] - (vector[3:6] @ first) * first
        second = second / max(float(np.linalg.norm(second)), 1e-9)
        rotation = np.stack([first, second, np.cross(first, second)], 1)
        return cls(rotation, float(np.clip(vector[6], *SCALES)), vector[7:9])

    def vector(self) -> Array:
        """(9,) the network's nine numbers."""
        columns = [self.rotation[:, 0], self.rotation[:, 1]]
        return np.concatenate([*columns, [self.scale], self.origin]).astype(np.float32)

    def pose(self) -> Array:
        """(4, 4) head -> crop camera, mm."""
        depth = 100 * CROP_FOCAL / self.scale
        return make_pose(self.rotation, depth * np.append(self.origin / CROP_FOCAL, 1.0))


def crop_camera(size: float) -> Camera:
    """The camera whose picture is a crop of `size` px."""
    return Camera(focal=CROP_FOCAL * size, center=(size / 2, size / 2))


def camera_pose(pose: CropPose, matrix: Array, size: int, camera: Camera) -> Array:
    """The head in front of the picture's camera.

    What the crop shows of the head is kept: its rotation against the line of sight to its origin, its
    size and its place. Only the strength of the perspective changes with the camera.

    Args:
        pose: the head in the crop.
        matrix: (2, 3) picture px -> crop px.
        size: the crop's side in px.
        camera: the picture's camera.

    Returns:
        (4, 4) float32 head -> camera, mm.
    """
    place = to_picture(((pose.origin + 0.5) * size)[None], matrix)[0].astype(np.float64)
    depth = 100 * camera.focal * _scale(matrix) / (pose.scale * size)
    ray = unproject(place[None], np.ones(1), camera)[0]
    rotation = _towards(ray) @ _roll(_angle(invert(matrix))) @ _towards(_crop_ray(pose.origin)).T @ pose.rotation
    return make_pose(rotation, depth * ray)


def crop_pose(pose: Array, matrix: Array, size: int, camera: Camera) -> CropPose:
    """The inverse of `camera_pose`; arguments as there, `pose` (4, 4) head -> camera with the head in front."""
    pose = np.asarray(pose, np.float64)
    ray = pose[:3, 3] / pose[2, 3]
    place = np.asarray(camera.center) + camera.focal * ray[:2]
    origin = to_crop(place[None], np.asarray(matrix, np.float64))[0].astype(np.float64) / size - 0.5
    rotation = _towards(_crop_ray(origin)) @ _roll(_angle(matrix)) @ _towards(ray).T @ pose[:3, :3]
    return CropPose(rotation, 100 * camera.focal * _scale(matrix) / (pose[2, 3] * size), origin)


def light_in_picture(light: Array, matrix: Array) -> Array:
    """(27,) light from the crop camera's frame to the picture camera's; `matrix` (2, 3) picture px -> crop px."""
    return turn_light(light, _angle(invert(matrix)))


def turn_light(light: Array, angle: float) -> Array:
    """(27,) light after the frame's picture is turned by `angle` (radians, x towards y) about the line of sight."""
    out = np.array(light, np.float32).reshape(3, 9)
    cos, sin = np.cos(angle), np.sin(angle)
    cos2, sin2 = np.cos(2 * angle), np.sin(2 * angle)
    # Pairs that turn like x and y, and the pair x^2-y^2, 2xy that turns twice as fast.
    for x, y, c, s in ((3, 1, cos, sin), (7, 5, cos, sin), (8, 4, cos2, sin2)):
        out[:, x], out[:, y] = c * out[:, x] - s * out[:, y], s * out[:, x] + c * out[:, y]
    return out.ravel()


def _scale(matrix: Array) -> float:
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _angle(matrix: Array) -> float:
    return float(np.arctan2(matrix[1, 0], matrix[0, 0]))


def _roll(angle: float) -> NDArray[np.float64]:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _crop_ray(origin: NDArray) -> NDArray[np.float64]:
    return np.append(np.asarray(origin, np.float64) / CROP_FOCAL, 1.0)


def _towards(ray: NDArray) -> NDArray[np.float64]:
    """The smallest rotation that takes the line of sight (0, 0, 1) to a ray with positive z."""
    x, y, z = ray / np.linalg.norm(ray)
    k = 1 / (1 + z)
    return np.array([[1 - k * x * x, -k * x * y, x], [-k * x * y, 1 - k * y * y, y], [-x, -y, z]])
