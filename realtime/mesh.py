"""One face's mesh in one frame, from the coefficients of its fit."""

from __future__ import annotations

from dataclasses import dataclass

from engines.face_model.model import MorphableModel
from realtime.camera import picture_vertices
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


def make_mesh(model: MorphableModel, neutral: Array, fit: Fit, camera: Camera) -> Mesh:
    """The mesh of a fit; `neutral` is `model.neutral(fit.identity)`, (V, 3) mm."""
    shape = model.vertices(fit.identity, fit.expression, neutral)
    vertices = picture_vertices(shape, fit.pose, camera)
    return Mesh(
        vertices=vertices,
        neutral=neutral,
        normals=model.normals(shape) @ fit.pose[:3, :3].T,
        landmarks=model.landmarks(vertices[:, :2]),
        gaze=gaze_vectors(model.landmarks(shape), model.eye_centers_of(fit.identity), fit.pose),
    )
