"""One face's mesh in one frame, from the coefficients of its fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.face_model.model import MorphableModel
from realtime.camera import NEAREST, picture_vertices
from realtime.fitting import Fit
from realtime.frames import Array, Camera
from realtime.gaze import gaze_vectors


@dataclass(frozen=True)
class Mesh:
    """One face's mesh in one frame."""

    vertices: Array  # (V, 3) px
    neutral: Array  # (V, 3) mm, head frame
    normals: Array  # (V, 3) unit, outward, camera frame
    landmarks: Array  # (478, 2) px
    gaze: Array  # (2, 3) unit, camera frame


def make_mesh(model: MorphableModel, neutral: Array, fit: Fit, camera: Camera, shifts: Array | None = None) -> Mesh:
    """The mesh of a fit.

    Args:
        model: the face model.
        neutral: (V, 3) mm, `model.neutral(fit.identity)`.
        fit: the coefficients.
        camera: the camera.
        shifts: (V, 2) mm by which the vertices are moved in the picture's plane, see `realtime.refinement`.
    """
    shape = model.vertices(fit.identity, fit.expression, neutral)
    vertices = picture_vertices(shape, fit.pose, camera)
    if shifts is not None:
        vertices[:, :2] += shifts * np.float32(camera.focal / max(float(fit.pose[2, 3]), NEAREST))
    return Mesh(
        vertices=vertices,
        neutral=neutral,
        normals=model.normals(shape) @ fit.pose[:3, :3].T,
        landmarks=model.landmarks(vertices[:, :2]),
        gaze=gaze_vectors(model.landmarks(shape), model.eye_centers_of(fit.identity), fit.pose),
    )
