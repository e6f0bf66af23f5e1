"""Moves the landmark points over the mesh to where a real tracker puts them on photographs (build time only)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engines.face_model.landmarks import FACE_LANDMARKS
from engines.face_model.model import MorphableModel
from engines.face_model.photos import TrackedPhoto, fitted, in_picture
from engines.face_model.surface import Surface

Points = NDArray[np.float64]
ROUNDS = 4
STEP = 0.8  # of the measured shift taken in a round
ROBUST = 2.0  # mm, residuals beyond count less
OPEN = {"jawOpen": 0.5, "mouthUpperUpLeft": 0.5, "mouthUpperUpRight": 0.5}  # parts the lips: no point can cross over
ABSORBED = 1.0  # mm of the tracker's error that the fit takes up in its coefficients, so that it cannot be measured
MEDIAN_TO_SIGMA = 1 / 1.1774  # of the length of a two-dimensional normal error


def calibrate(model: MorphableModel, photos: list[TrackedPhoto]) -> MorphableModel:
    """The model with its 468 face landmarks where the tracker sees them, and sigma as it was measured."""
    for round_ in range(ROUNDS):
        shift, sigma = _measure(model, photos, f"calibrating landmarks {round_ + 1}/{ROUNDS}")
        print(f"median sigma {np.median(sigma):.2f} mm, median shift {np.median(np.linalg.norm(shift, axis=1)):.2f} mm")
        model = replace(_moved(model, STEP * shift), landmark_sigma=np.hypot(sigma, ABSORBED).astype(np.float32))
    return model


def _measure(model: MorphableModel, photos: list[TrackedPhoto], title: str) -> tuple[Points, Points]:
    """(478, 3) mm how the tracked points lie off ours on average, in the head frame; (478,) mm their spread.

    A photograph shows two coordinates of the error only: the shift is the one that explains all photographs best.
    """
    matrix, vector = np.zeros((478, 3, 3)), np.zeros((478, 3))
    lengths = []
    for photo, fit, vertices in fitted(model, photos, title):
        ours = in_picture(model.landmarks(vertices), fit, photo.camera)
        scale = fit.pose[2, 3] / photo.camera.focal  # mm per px at the head's origin
        error = (photo.landmarks[:, :2] - ours[:, :2]) * scale
        length = np.linalg.norm(error, axis=1)
        weight = 1 / np.maximum(1, length / ROBUST)
        across = fit.pose[:2, :3].astype(np.float64)  # head frame -> the picture's two axes
        matrix += weight[:, None, None] * (across.T @ across)
        vector += weight[:, None] * (error @ across)
        lengths.append(length)
    shift = np.linalg.solve(matrix + 0.02 * matrix.mean(0), vector[..., None])[..., 0]
    return shift, np.median(lengths, 0) * MEDIAN_TO_SIGMA


def _moved(model: MorphableModel, shift: Points) -> MorphableModel:
    """The model with its face landmarks moved by `shift` (478, 3) mm along the surface, both sides alike."""
    weights = np.array([OPEN.get(name, 0.0) for name in model.expression_names])
    vertices = model.vertices(np.zeros(1), weights)
    triangles = model.triangles[(model.triangles < skin_end(model)).all(1)].astype(np.int64)
    surface = Surface(
        vertices.astype(np.float64), triangles
    )  # the mesh begins with the skin: indices are the model's own
    places = model.landmarks(vertices)[:FACE_LANDMARKS]
    twin = np.linalg.norm((places * [-1, 1, 1])[:, None] - places[None], axis=2).argmin(1)
    target = places + shift[:FACE_LANDMARKS]
    mutual = twin[twin] == np.arange(FACE_LANDMARKS)
    target[mutual] = (target + target[twin] * [-1, 1, 1])[mutual] / 2
    normals = surface.triangle_normals[model.landmark_triangle[:FACE_LANDMARKS]]
    triangle, barycentric, _ = surface.closest(target, normals, 0.2)
    found = triangle >= 0
    landmark_triangle, landmark_barycentric = model.landmark_triangle.copy(), model.landmark_barycentric.copy()
    landmark_triangle[:FACE_LANDMARKS][found] = triangle[found]
    landmark_barycentric[:FACE_LANDMARKS][found] = barycentric[found]
    return replace(model, landmark_triangle=landmark_triangle, landmark_barycentric=landmark_barycentric)


def skin_end(model: MorphableModel) -> int:
    """One past the last vertex of the skin, which comes first in the mesh."""
    inside = [model.mesh_part_names.index(name) for name in ("inner_mouth", "teeth", "tongue", "left_eye", "right_eye")]
    return int(np.flatnonzero(np.isin(model.parts, inside))[0])
