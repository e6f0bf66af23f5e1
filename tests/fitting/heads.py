"""Heads of known shape and pose, seen by a known camera."""

from __future__ import annotations

import functools

import numpy as np

from engines.face_model.model import MorphableModel
from realtime.camera import FACING, make_pose, project, rotation_from_vector, to_camera
from realtime.frames import Camera
from realtime.smoothing import angle_between, quaternion

CAMERA = Camera(focal=1600.0, center=(320.0, 240.0))


@functools.lru_cache(maxsize=1)
def model() -> MorphableModel:
    return MorphableModel.load()


def rotation(yaw: float = 0, pitch: float = 0, roll: float = 0) -> np.ndarray:
    """Head -> camera, degrees; all zero looks straight into the camera."""
    turn = rotation_from_vector([0, np.radians(yaw), 0]) @ rotation_from_vector([np.radians(pitch), 0, 0])
    return rotation_from_vector([0, 0, np.radians(roll)]) @ turn @ FACING


def pose(yaw: float = 0, pitch: float = 0, roll: float = 0, at=(30.0, -20.0, 1500.0)) -> np.ndarray:
    return make_pose(rotation(yaw, pitch, roll), np.array(at))


def landmarks(where: np.ndarray, identity=None, expression=None, camera: Camera = CAMERA) -> np.ndarray:
    """(478, 2) px of a head's landmarks; the mean head at rest unless told."""
    face = model()
    identity = np.zeros(len(face.identity_basis)) if identity is None else identity
    expression = np.zeros(52) if expression is None else expression
    points = face.landmarks(face.vertices(identity, expression))
    return project(to_camera(points, where), camera).astype(np.float32)


def expression(**values: float) -> np.ndarray:
    out = np.zeros(52, np.float32)
    for name, value in values.items():
        out[model().expression_names.index(name)] = value
    return out


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(angle_between(quaternion(a[:3, :3]), quaternion(b[:3, :3]))))


def eye_distance(points: np.ndarray) -> float:
    """px between the outer corners of the eyes."""
    return float(np.linalg.norm(points[33, :2] - points[263, :2]))
