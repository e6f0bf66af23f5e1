"""Bump maps of photographs: mid-level displacement that explains their shading over the fitted mesh.

Two readings of the same picture are balanced. Shape from shading: the change of brightness that a slope makes under
the estimated light is linear in the slope (for small ones). And, where the light falls straight on the skin so that
slopes make no difference: what is darker than around it lies deeper. Where neither says anything, the skin is smooth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from engines.training import labels
from engines.training.regression.heads import Picture
from engines.training.regression.pseudo_truth import SKIN, STORE_CAMERA, PseudoTruth
from engines.training.regression.raster import Relief, rasterize, relief_of
from engines.training.store import SIDE
from realtime.camera import picture_vertices, to_camera
from realtime.frames import Array, Image
from realtime.light import BAND_0, sh_basis, sh_gradient, to_linear

BUMP_SIDE = 160  # px of a bump map in the frame of the store
STEP = 1 / 60  # mm of one unit of a stored map
UNKNOWN = -128
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])

# px at BUMP_SIDE (1.8 mm): structures between these are mid-level; finer is pores, coarser is the mesh's own matter.
FINE, COARSE = 0.7, 5.0
DEEPEST_TONE = 0.35  # changes of log brightness beyond this are no folds
DARK_IS_DEEP = 2.0  # mm of depth per unit of log brightness
DEPTH_TRUST = 0.02  # of that reading, against shading
SMOOTHNESS = 0.02  # per mm of curvature
ITERATIONS = 25
LIMIT = 1.5  # mm
MOST_TURNED = 0.35  # cosine between normal and view below which a surface tells nothing
LEAST_SKIN = 200  # px
KNOWN_TRUST = 0.3  # from which on a map counts
# What is dark by its colour, widened by so many px: brows, eyes, lips, nostrils.
PAINTED = (labels.RIGHT_BROW, labels.LEFT_BROW, labels.RIGHT_EYE, labels.LEFT_EYE)
MOUTH = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
NOSTRILS = (98, 97, 2, 326, 327, 294, 278, 331, 1, 102, 48, 64)
WIDEN = 5
# Where the skin ends there is a shadow, hair or the background's colour: so many px are left out.
BORDER = 7


@dataclass(frozen=True)
class Reading:
    """What a fitted photograph shows at BUMP_SIDE, all (S, S)."""

    relief: Relief  # of the fitted mesh
    brightness: Array  # linear
    light: Array  # (9,) of that brightness
    trust: Array  # 0..1: skin of even colour that faces the camera


def read_photo(
    model: MorphableModel, image: Image, codes: Image, landmarks: Array, truth: PseudoTruth, index: int
) -> Reading | None:
    """The photograph as shape from shading wants it; arguments as for `fit_face`, and its pseudo-truth.

    None where hardly any skin is seen, or the face could not be fitted.
    """
    pose = truth.pose[index]
    scale = BUMP_SIDE / SIDE
    vertices = model.vertices(truth.identity[index], truth.expression[index])
    points = picture_vertices(vertices, pose, STORE_CAMERA)
    fragments = rasterize(points * np.float32(scale), model.triangles, BUMP_SIDE)
    albedo = model.albedo(truth.albedo[index])
    attributes = np.hstack([model.normals(vertices) @ pose[:3, :3].T, to_camera(vertices, pose), albedo])
    pixels = fragments.interpolate(model.triangles, attributes)
    relief = relief_of(pixels[..., 3:6], pixels[..., :3], fragments.covered)

    size = (BUMP_SIDE, BUMP_SIDE)
    trust = trusted_skin(cv2.resize(codes, size, interpolation=cv2.INTER_NEAREST), landmarks * scale)
    trust *= relief.valid & (relief.normals[..., 2] < -MOST_TURNED)
    if not np.isfinite(truth.residual[index]) or trust.sum() < LEAST_SKIN:
        return None
    color = pixels[..., 6:9].reshape(-1, 3)[trust.ravel() > 0.5].mean(0)
    weights = LUMINANCE * color / (LUMINANCE @ color)
    brightness = to_linear(cv2.resize(image, size, interpolation=cv2.INTER_AREA)) @ LUMINANCE
    return Reading(relief, brightness, (weights @ truth.light[index].reshape(3, 9)).astype(np.float32), trust)


def bump_target(reading: Reading | None) -> NDArray[np.int8]:
    """(BUMP_SIDE, BUMP_SIDE) quantised displacement of one photograph."""
    if reading is None:
        return np.full((BUMP_SIDE, BUMP_SIDE), UNKNOWN, np.int8)
    height = from_shading(reading.relief, reading.brightness, reading.light, reading.trust)
    return quantise(height, reading.trust > KNOWN_TRUST)


def without_relief(image: Image, reading: Reading | None) -> Image:
    """The photograph with its skin's mid-level shading taken out: a texture that holds no folds."""
    if reading is None:
        return image
    shade = shade_of(reading.relief.normals, reading.light)
    tone = np.clip(mid_tone(reading.brightness / shade, reading.trust), -DEEPEST_TONE, DEEPEST_TONE) * reading.trust
    # sRGB is close to the power 1 / 2.2 of linear light.
    factor = cv2.resize(np.exp(-tone / 2.2).astype(np.float32), image.shape[:2], interpolation=cv2.INTER_LINEAR)
    return np.clip(image * factor[..., None], 0, 255).astype(np.uint8)


def from_shading(relief: Relief, brightness: Array, light: Array, trust: Array) -> Array:
    """Displacement that explains the mid-level changes of brightness.

    Args:
        relief: the smooth surface, (S, S).
        brightness: (S, S) linear.
        light: (9,) of that brightness.
        trust: (S, S) 0..1: skin of even colour, not 0 everywhere.

    Returns:
        (S, S) float32 mm, 0 where nothing is trusted.
    """
    height = np.zeros(trust.shape, np.float32)
    rows, columns = np.flatnonzero(trust.any(1)), np.flatnonzero(trust.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    normals, trust = relief.normals[box], trust[box].astype(np.float32)
    flat = normals.reshape(-1, 3)
    shade = shade_of(normals, light)
    gradient = sh_gradient(flat, light).reshape(normals.shape)
    p = (-(gradient * relief.across[box]).sum(-1) / shade).astype(np.float32)
    q = (-(gradient * relief.down[box]).sum(-1) / shade).astype(np.float32)
    tone = mid_tone(brightness[box] / shade, trust)
    weight = trust * np.exp(-((tone / DEEPEST_TONE) ** 2))
    tone = np.clip(tone, -DEEPEST_TONE, DEEPEST_TONE)
    height[box] = _solve(p, q, tone, weight, DARK_IS_DEEP * tone)
    return height


def shade_of(normals: Array, light: Array) -> Array:
    """(S, S) light (9,) on (S, S, 3) normals, never quite dark."""
    shade = (sh_basis(normals.reshape(-1, 3)) @ light).reshape(normals.shape[:2])
    return np.maximum(shade, 0.1 * BAND_0 * light[0])


def mid_tone(brightness: Array, trust: Array) -> Array:
    """(S, S) the change of log brightness at mid-level, 0 where nothing is trusted."""
    return _band(np.log(np.maximum(brightness, 0.004)).astype(np.float32), trust)


def _band(values: Array, trust: Array) -> Array:
    """What of (S, S) values lies between FINE and COARSE, averages taken over what is trusted only."""

    def average(sigma: float) -> Array:
        share = cv2.GaussianBlur(trust, (0, 0), sigma)
        return cv2.GaussianBlur(values * trust, (0, 0), sigma) / np.maximum(share, 1e-3)

    return (average(FINE) - average(COARSE)) * (trust > 0)


def _solve(p: Array, q: Array, tone: Array, weight: Array, deep: Array) -> Array:
    """The height of least weight (p h_x + q h_y - tone)^2 + DEPTH_TRUST (h - deep)^2 + roughness."""

    def dx(h: Array) -> Array:
        out = np.zeros_like(h)
        out[:, 1:-1] = (h[:, 2:] - h[:, :-2]) / 2
        return out

    def dx_transposed(r: Array) -> Array:
        out = np.zeros_like(r)
        out[:, 2:] += r[:, 1:-1] / 2
        out[:, :-2] -= r[:, 1:-1] / 2
        return out

    def dy(h: Array) -> Array:
        return dx(h.T).T

    def dy_transposed(r: Array) -> Array:
        return dx_transposed(r.T).T

    pull = DEPTH_TRUST * (0.1 + weight)

    def normal(h: Array) -> Array:
        slope = weight * (p * dx(h) + q * dy(h))
        rough = cv2.Laplacian(cv2.Laplacian(h, cv2.CV_32F), cv2.CV_32F)
        return dx_transposed(p * slope) + dy_transposed(q * slope) + pull * h + SMOOTHNESS * rough

    right = dx_transposed(p * weight * tone) + dy_transposed(q * weight * tone) + DEPTH_TRUST * weight * deep
    height = np.zeros_like(right)
    residual = right
    direction = residual
    square = float((residual * residual).sum())
    for _ in range(ITERATIONS):
        if square < 1e-8:
            break
        product = normal(direction)
        step = square / float((direction * product).sum())
        height = height + step * direction
        residual = residual - step * product
        previous, square = square, float((residual * residual).sum())
        direction = residual + (square / previous) * direction
    return np.clip(height, -LIMIT, LIMIT).astype(np.float32)


def trusted_skin(codes: Image, landmarks: Array) -> Array:
    """(BUMP_SIDE, BUMP_SIDE) 0..1: skin of even colour; landmarks (478, 2) px at that size."""
    skin = np.isin(codes, SKIN).astype(np.uint8)
    fixed = np.round(landmarks[:, :2] * 16).astype(np.int32)
    painted = np.zeros_like(skin)
    for outline in (*PAINTED, MOUTH, NOSTRILS):
        cv2.fillConvexPoly(painted, cv2.convexHull(fixed[list(outline)]), 1, shift=4)
    painted = cv2.dilate(painted, np.ones((WIDEN, WIDEN), np.uint8))
    skin = cv2.erode(skin, np.ones((BORDER, BORDER), np.uint8))
    return cv2.blur((skin & (1 - painted)).astype(np.float32), (3, 3))


def skin_of(picture: Picture, reading: Reading) -> NDArray[np.bool_]:
    """(SIDE, SIDE) where a rendered head shows trusted skin of the photograph, read by `read_photo`."""
    where = np.nan_to_num(picture.source * np.float32(BUMP_SIDE / SIDE) - 0.5, nan=-9.0).astype(np.float32)
    return cv2.remap(reading.trust.astype(np.float32), where, None, cv2.INTER_LINEAR) > KNOWN_TRUST


def quantise(height: Array, known: NDArray[np.bool_]) -> NDArray[np.int8]:
    """mm -> int8 in units of STEP, UNKNOWN where it is not known."""
    return np.where(known, np.clip(np.round(height / STEP), -127, 127), UNKNOWN).astype(np.int8)


def dequantise(stored: NDArray[np.int8]) -> tuple[Array, Array]:
    """The inverse: mm (0 where unknown) and 0..1 known."""
    known = (stored != UNKNOWN).astype(np.float32)
    return stored.astype(np.float32) * np.float32(STEP) * known, known
