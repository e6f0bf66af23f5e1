"""Learns how skin reflects light: unwrap photographs, divide the shading out, find components (build time only).

What a photograph shows is albedo times light, and one picture cannot tell dark skin in bright light from light skin in
dim light. So only the *pattern* of the light is taken from each photograph (spherical harmonics on the fitted mesh,
scaled to 1 on average over the face); its strength and colour are assumed alike for all, and what is left of them
becomes part of the albedo. Skin tone is thus kept, at the price of exposure differences counted as skin tone. Of a
face's tint, what tone predicts (melanin) is kept and half of the rest is taken for the colour of the light.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import spsolve
from tqdm import tqdm

from engines.face_model.calibrate import skin_end
from engines.face_model.model import MorphableModel
from engines.face_model.paint import SKIN
from engines.face_model.photos import TrackedPhoto, fitted, in_picture
from engines.face_model.registration import laplacian
from realtime.fitting import Fit
from realtime.frames import Array
from realtime.light import estimate_light, sample, sh_basis, to_linear
from realtime.visibility import vertex_visibility

COMPONENTS = 40
PASSES = 2  # the second divides by light that was estimated with the first one's mean albedo
MEAN_LUMINANCE = 0.27  # of the mean skin: photographs alone do not fix the scale between light and albedo
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
SHADING_LIMITS = (0.45, 1.8)  # of the face's average; beyond, a photograph tells little of albedo
SEEN = 0.35  # visibility from which a vertex takes part
# A vertex this many times darker or lighter than the face's skin is hair, a highlight or something in front.
# Scalp, ears and neck are covered more often than not and so have to look more like the face.
TONE_LIMITS = {"face": (0.12, 2.2), "outer": (0.6, 1.6)}
CHROMA_LIMITS = {"face": 0.16, "outer": 0.05}
OUTER_PARTS = ("scalp", "ears", "neck")
HAIRLINE = 42.0  # mm above the eyes: from here on hair is likelier than a dark patch of skin
TEMPLE = 56.0  # mm from the middle: beside it too
TINT_KEPT = 0.5  # of the tint that tone does not predict
SPARE = 8  # directions carried along, which speeds up the last components
ROUNDS = 24
SEED = 1
FEWEST_SEEN = 0.5  # share of the face's vertices


def learn_albedo(model: MorphableModel, photos: list[TrackedPhoto]) -> MorphableModel:
    """The model with the skin's mean and components of albedo; eyes and inner mouth keep their painted colours."""
    skin = np.arange(skin_end(model))
    fits = list(fitted(model, [photo for photo in photos if not photo.wears_glasses()], "fitting photographs"))
    for pass_ in range(PASSES):
        colors, seen = _unwrap(model, fits, f"unwrapping photographs {pass_ + 1}/{PASSES}")
        mean, basis = _components(model, colors, seen)
        albedo_mean, albedo_basis = model.albedo_mean.copy(), np.zeros((COMPONENTS, *model.mean.shape))
        albedo_mean[skin], albedo_basis[:, skin] = mean[skin], basis[:, skin]
        model = replace(model, albedo_mean=albedo_mean, albedo_basis=albedo_basis.astype(np.float32))
    return model


def _unwrap(
    model: MorphableModel, fits: list[tuple[TrackedPhoto, Fit, Array]], title: str
) -> tuple[Array, NDArray[np.bool_]]:
    """(P, S, 3) albedo of the skin's S vertices in every photograph, and (P, S) where it can be believed."""
    count = skin_end(model)
    outer = np.isin(model.parts, [model.mesh_part_names.index(name) for name in OUTER_PARTS])[:count]
    outer |= (model.mean[:count, 1] > HAIRLINE) | (np.abs(model.mean[:count, 0]) > TEMPLE)
    face = ~outer
    albedos, believed = [], []
    for photo, fit, vertices in tqdm(fits, desc=title):
        image = photo.image()
        points = in_picture(vertices, fit, photo.camera)
        normals = model.normals(vertices) @ fit.pose[:3, :3].T
        visible = vertex_visibility(points, model.triangles, normals, photo.camera)
        allowed = (visible > SEEN)[:count]
        skin_map = photo.skin()
        if skin_map is not None:
            allowed &= sample(np.repeat(skin_map[..., None], 3, 2), points[:count])[:, 0] > 200
        weights = np.zeros(len(points), np.float32)
        weights[:count] = visible[:count] * allowed * face
        light = estimate_light(image, points, normals, model.albedo(np.zeros(0)), weights).reshape(3, 9)
        shading = sh_basis(normals[:count]) @ light.T
        # Only the pattern: on average over the face it is 1 in every channel.
        shading /= np.maximum(np.average(shading, axis=0, weights=weights[:count] + 1e-9), 1e-3)
        brightness = shading @ LUMINANCE
        allowed &= (brightness > SHADING_LIMITS[0]) & (brightness < SHADING_LIMITS[1])
        albedo = to_linear(sample(_antialiased(image), points[:count])) / np.maximum(shading, 0.2)
        allowed &= _looks_like_skin(albedo, allowed & face, outer)
        if allowed[face].mean() > FEWEST_SEEN:
            albedos.append(albedo.astype(np.float32))
            believed.append(allowed)
    colors, seen = np.array(albedos), np.array(believed)
    tints = np.array([np.median(c[s & face], axis=0) for c, s in zip(colors, seen, strict=True)])
    colors *= _tint_correction(tints)[:, None]
    colors *= MEAN_LUMINANCE / float((colors[:, face][seen[:, face]] @ LUMINANCE).mean())
    return colors, seen


def _tint_correction(tints: Array) -> Array:
    """(P, 3) factors that take part of the light's colour out of the faces' median colours (P, 3)."""
    tone = np.log(np.maximum(tints @ LUMINANCE, 1e-3))
    ratios = np.log(np.maximum(tints, 1e-3)) - tone[:, None]
    system = np.stack([np.ones_like(tone), tone], 1)
    predicted = system @ np.linalg.lstsq(system, ratios, rcond=None)[0]
    return np.exp((TINT_KEPT - 1) * (ratios - predicted)).astype(np.float32)


def _antialiased(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture without what is finer than the mesh."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.7), np.uint8)


def _looks_like_skin(albedo: Array, reference: NDArray[np.bool_], outer: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(S,) whether a vertex's tone and chroma are possible for this face; brows, lips and beards are."""
    tone = albedo @ LUMINANCE
    chroma = albedo / np.maximum(albedo.sum(1, keepdims=True), 1e-3)
    if not reference.any():
        return np.zeros(len(albedo), bool)
    ratio = tone / max(float(np.median(tone[reference])), 1e-3)
    away = np.abs(chroma - np.median(chroma[reference], axis=0)).max(1)
    good = np.zeros(len(albedo), bool)
    for name, chosen in (("face", ~outer), ("outer", outer)):
        low, high = TONE_LIMITS[name]
        good |= chosen & (ratio > low) & (ratio < high) & (away < CHROMA_LIMITS[name])
    return good


def _components(model: MorphableModel, colors: Array, seen: NDArray[np.bool_]) -> tuple[Array, Array]:
    """(V, 3) mean and (40, V, 3) components per standard deviation, with every mirror image counted too."""
    count = colors.shape[1]
    mirror = model.mirror[:count]
    colors = np.concatenate([colors, colors[:, mirror]])
    seen = np.concatenate([seen, seen[:, mirror]])
    weight = seen[..., None].astype(np.float32)
    total = weight.sum(0)
    mean = (colors * weight).sum(0) / np.maximum(total, 1)
    mean = _filled(model, mean, total[:, 0] > 0.02 * len(colors))
    # Where a photograph shows nothing, the mean in the face's own tone is the first guess.
    tone = (colors * weight).sum(1) / np.maximum((mean * weight).sum(1), 1e-6)
    data = np.where(weight > 0, colors - mean, mean * (tone[:, None] - 1)).reshape(len(colors), -1)
    known = np.repeat(seen, 3, axis=1)
    # Then it is guessed from the components of what the photograph shows, over and over, while orthogonal
    # iteration turns a random subspace into the one of the components.
    directions = np.linalg.qr(np.random.default_rng(SEED).normal(size=(data.shape[1], COMPONENTS + SPARE)))[0]
    directions = directions.astype(np.float32)
    for _ in range(ROUNDS):
        directions = np.linalg.qr(data.T @ (data @ directions))[0]
        data = np.where(known, data, (data @ directions) @ directions.T)
    _, deviations, turned = np.linalg.svd(data @ directions, full_matrices=False)
    basis = (turned @ directions.T)[:COMPONENTS] * (deviations[:COMPONENTS, None] / np.sqrt(len(data)))
    basis = basis.reshape(COMPONENTS, count, 3)
    # A component's sign is arbitrary; this makes it the same in every build.
    basis *= np.sign(basis.sum((1, 2)))[:, None, None]
    every_mean, every_basis = np.tile(np.array(SKIN), (len(model.mean), 1)), np.zeros((COMPONENTS, len(model.mean), 3))
    every_mean[:count], every_basis[:, :count] = mean, basis
    return every_mean[model.weld].astype(np.float32), every_basis[:, model.weld].astype(np.float32)


def _filled(model: MorphableModel, values: Array, known: NDArray[np.bool_]) -> Array:
    """(S, 3) `values` where known, the smoothest continuation elsewhere."""
    triangles = model.triangles[(model.triangles < len(values)).all(1)].astype(np.int64)
    matrix = laplacian(triangles, len(values))
    filled = values.astype(np.float64)
    right = -(matrix[~known][:, known] @ filled[known])
    filled[~known] = spsolve(matrix[~known][:, ~known].tocsc(), right).reshape(-1, 3)
    return filled.astype(np.float32)
