"""What is taken for true about photographs: the fit of the clean picture, and the light and albedo under it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from engines.training.labels import PART
from engines.training.store import MARGIN, SIDE, FaceStore
from realtime.camera import picture_vertices
from realtime.fitting import Fitter
from realtime.frames import Array, Camera, Image
from realtime.light import NEUTRAL, estimate_light, sample, sh_basis, to_linear
from realtime.regressed import CROP_FOCAL
from realtime.visibility import vertex_visibility

# The camera of a stored face: the networks' crop with a margin around it, seen from the same place.
STORE_CAMERA = Camera(focal=CROP_FOCAL * SIDE / MARGIN, center=(SIDE / 2, SIDE / 2))
# What of a label map shows the face's own skin; UNKNOWN is what landmarks alone cannot tell.
SKIN = [PART[name] for name in ("skin", "nose", "left_brow", "right_brow", "upper_lip", "lower_lip", "neck", "ears")]
# The same of the mesh.
FRONT = ("skin", "nose", "left_brow", "right_brow", "upper_lip", "lower_lip")
# Ridge of the albedo per component: its own N(0, 1) against colours that are this uncertain (linear RGB, relative).
COLOR_SIGMA = 0.12
# Independent colours among the vertices, for the balance against that prior: neighbours err together.
INDEPENDENT = 60
ROUNDS = 2


@dataclass(frozen=True)
class PseudoTruth:
    """N faces of a store, in its order."""

    identity: Array  # (N, K)
    expression: Array  # (N, 52)
    pose: Array  # (N, 4, 4) head -> camera of the stored cut-out
    albedo: Array  # (N, A)
    light: Array  # (N, 27)
    fitted: Array  # (N, 478, 2) px in the cut-out: the fitted mesh's own landmarks
    residual: Array  # (N,) mean distance of the fit's landmarks, % of the distance of the outer eye corners

    def __len__(self) -> int:
        return len(self.identity)


def fit_face(model: MorphableModel, fitter: Fitter, image: Image, codes: Image, landmarks: Array) -> tuple | None:
    """One row of `PseudoTruth` for a stored face; None where the landmarks fit no face.

    Args:
        model: the face model, and `fitter` made for it.
        fitter: see `model`.
        image: (SIDE, SIDE, 3) RGB.
        codes: (SIDE, SIDE) its label map.
        landmarks: (478, 2) px in the cut-out.
    """
    fit = fitter.fit(landmarks, STORE_CAMERA)
    if fit is None:
        return None
    vertices = model.vertices(fit.identity, fit.expression)
    points = picture_vertices(vertices, fit.pose, STORE_CAMERA)
    normals = model.normals(vertices) @ fit.pose[:3, :3].T
    weights = vertex_visibility(points, model.triangles, normals, STORE_CAMERA) * skin_weights(model, points, codes)
    albedo, light = solve_colors(model, image, points, normals, weights)
    fitted = model.landmarks(points[:, :2])
    away = np.linalg.norm(fitted[:468] - landmarks[:468], axis=1).mean()
    residual = 100 * away / max(float(np.linalg.norm(landmarks[33] - landmarks[263])), 1e-6)
    return fit.identity, fit.expression, fit.pose, albedo, light, fitted, np.float32(residual)


def of_parts(model: MorphableModel, names: Collection[str]) -> NDArray[np.bool_]:
    """(V,) whether a vertex belongs to one of these parts of the mesh."""
    return np.isin(model.parts, [i for i, name in enumerate(model.mesh_part_names) if name in names])


def skin_weights(model: MorphableModel, points: Array, codes: Image) -> Array:
    """(V,) 1 for vertices of the skin that the label map does not call something else."""
    skin = of_parts(model, FRONT)
    column, row = np.clip(points[:, :2].astype(int), 0, SIDE - 1).T
    inside = (points[:, :2] >= 0).all(1) & (points[:, :2] < SIDE).all(1)
    return (skin & inside & np.isin(codes[row, column], SKIN)).astype(np.float32)


def solve_colors(
    model: MorphableModel, image: Image, points: Array, normals: Array, weights: Array
) -> tuple[Array, Array]:
    """Albedo (A,) and light (27,) that explain the visible skin, solved in turns.

    Args:
        model: the face model.
        image: (H, W, 3) RGB.
        points: (V, 2 or more) px.
        normals: (V, 3) unit, camera frame.
        weights: (V,) 0..1: visible skin.
    """
    coefficients, light = np.zeros(len(model.albedo_basis), np.float32), NEUTRAL
    chosen = np.flatnonzero(weights > 0.3)
    if len(chosen) < 100:
        return coefficients, light.copy()
    seen = to_linear(sample(image, points[chosen]))
    basis = model.albedo_basis[:, chosen].reshape(len(coefficients), -1).T.astype(np.float64)
    mean = model.albedo_mean[chosen]
    for _ in range(ROUNDS):
        light = estimate_light(image, points, normals, model.albedo(coefficients), weights)
        shading = np.maximum(sh_basis(normals[chosen]) @ light.reshape(3, 9).T, 0.05)
        # Clipped pixels and deep shadow tell no colour.
        usable = weights[chosen, None] * ((seen > 0.005) & (seen < 0.97))
        precision = usable * (shading / (COLOR_SIGMA * np.maximum(shading * mean, 0.02))) ** 2
        precision = (precision * INDEPENDENT / max(float(usable.sum()) / 3, 1.0)).ravel()
        normal = (basis * precision[:, None]).T @ basis + np.eye(len(coefficients))
        right = basis.T @ (precision * (seen / shading - mean).ravel())
        coefficients = np.clip(np.linalg.solve(normal, right), -3, 3).astype(np.float32)
    return coefficients, estimate_light(image, points, normals, model.albedo(coefficients), weights)


def _fingerprint(model: MorphableModel, store: FaceStore) -> str:
    """Changes with the face model's shapes, landmarks and colours, and with the faces."""
    digest = hashlib.sha256("\n".join(store.names).encode())
    for array in (model.mean, model.identity_basis, model.expression_basis, model.landmark_barycentric):
        digest.update(np.ascontiguousarray(array).tobytes())
    for array in (model.landmark_triangle, model.albedo_mean, model.albedo_basis):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def open_pseudo_truth(
    store: FaceStore, path: Path, progress: Callable[[Iterable[int]], Iterable[int]] = lambda indices: indices
) -> PseudoTruth:
    """The pseudo-truth of a store; solved for first (minutes) unless `path` holds that of this model and these faces.

    A face that cannot be fitted has an infinite residual.
    """
    model = MorphableModel.load()
    fingerprint = _fingerprint(model, store)
    if path.exists():
        with np.load(path) as file:
            if str(file["fingerprint"]) == fingerprint:
                return PseudoTruth(**{name: file[name] for name in PseudoTruth.__dataclass_fields__})
    fitter = Fitter(model)
    nothing = np.zeros(len(model.identity_basis)), np.zeros(52), np.eye(4), np.zeros(len(model.albedo_basis)), NEUTRAL
    lost = (*nothing, np.zeros((478, 2)), np.inf)
    rows = [
        fit_face(model, fitter, store.images[i], store.labels[i], store.landmarks[i]) or lost
        for i in progress(range(len(store)))
    ]
    columns = (np.stack(column).astype(np.float32) for column in zip(*rows, strict=True))
    truth = PseudoTruth(*columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(truth, name) for name in PseudoTruth.__dataclass_fields__}
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, fingerprint=fingerprint, **arrays)
    temporary.replace(path)
    return truth
