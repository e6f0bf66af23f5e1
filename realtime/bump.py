"""The bump map from shading: mid-level relief (wrinkles, folds) that the coarse mesh does not have.

Where the visible skin is darker or lighter than the coarse mesh under the estimated light should be, the
surface is taken to be tilted or sunken. Both are linear in the height h (mm along the normal, over UV):

    ln(seen / expected) = - (grad E / E) . grad h  +  DARK_IS_DEEP * h

with E the light over normals: a slope turns towards or away from the light, a hollow sees less of the sky.
The map minimises the square of the difference plus a penalty on slopes, within the band that is wanted.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.alignment import to_crop
from realtime.frames import Array, Image
from realtime.light import sample, sh_basis, sh_gradient, to_linear
from realtime.texels import TexelGrid

WORK_SIZE = 128  # at which shading is read: a texel is some 1.5 mm
SIZE = 256  # of the map that is handed on, and at which a network's is laid out
# The band, as sigmas of two blurs in texels: finer is pores and noise, coarser is the mesh's own business.
FINE, COARSE = 0.7, 3.0
LARGEST = 1.5  # mm
# Change of ln(light) per mm of height that hiding from the sky makes, at the band's scale.
DARK_IS_DEEP = 0.12
# Penalties on slope squared and height squared.
SMOOTHNESS = 0.005
FLATNESS = 0.004
# Conjugate gradient steps from nothing, and from the relief before.
ITERATIONS, WARM_ITERATIONS = 20, 6
# Detail beyond this is a mole or a highlight, not relief.
LARGEST_DETAIL = 0.2
# ln(seen / expected) from here (trusted) to there (not at all) away from the face's median is hair, or a
# shadow that the light knows nothing of; it is cut out with its surroundings, since its edges are no relief.
OUTLIER = (0.35, 0.6)
# Red light goes deepest into skin: moles and freckles show least in it.
LUMINANCE = np.array([0.65, 0.3, 0.05], np.float32)
# Parts of the mesh that are skin and of one colour; at their borders the relief fades.
SKIN_PARTS = ("skin", "nose")
FEATHER = 2.5  # texels
# Texels that are cut off these parts first, since brows and lips may be wider than the mesh's.
MARGIN = 3
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
# Texels of a network's map that fade at the skin's borders: it knows brows and lips, and needs no more.
GUESS_MARGIN = 2
# Minus the normal's z at which a bump map in a crop begins to count, and from which on it counts fully.
TURNED, FACING = 0.25, 0.6


def vertices_of(model: MorphableModel, parts: tuple[str, ...]) -> Array:
    """(V,) 1 where the mesh is one of these parts, else 0."""
    return np.isin(model.parts, [model.mesh_part_names.index(part) for part in parts]).astype(np.float32)


def skin_vertices(model: MorphableModel) -> Array:
    """(V,) 1 where the mesh is skin of one colour, else 0."""
    return vertices_of(model, SKIN_PARTS)


class BumpEstimator:
    """Reads the relief of one face after the other; holds only what depends on the model."""

    def __init__(self, model: MorphableModel) -> None:
        self.grid = TexelGrid(model, WORK_SIZE)
        skin = self._map_of(skin_vertices(model))
        # The hairline is no such border: it is each person's own, and hair gives itself away.
        inner = self._map_of(vertices_of(model, (*SKIN_PARTS, "scalp")))
        kernel = np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)
        core = cv2.erode((inner > 0.99).astype(np.float32), kernel, borderValue=0)
        self._region = cv2.GaussianBlur(core * (skin > 0.5), (0, 0), FEATHER) * (inner > 0.5)
        self._slopes = _slope_vectors(self.grid, model.mean)
        self._fine = TexelGrid(model, SIZE)
        skin = self._fine.to_map(self._fine.spread(skin_vertices(model)[None])[0])
        inner = cv2.erode((skin > 0.99).astype(np.float32), CROSS, iterations=GUESS_MARGIN, borderValue=0)
        self._fine_region = cv2.blur(inner, (2 * GUESS_MARGIN + 1,) * 2) * (skin > 0.99)

    def relief(
        self,
        image: Image,
        vertices: Array,
        normals: Array,
        rotation: NDArray,
        albedo: Array,
        light: Array,
        visibility: Array,
        start: Array | None = None,
    ) -> tuple[Array, Array, float]:
        """The relief that one picture shows.

        Args:
            image: (H, W, 3) RGB.
            vertices: (V, 2 or more) px.
            normals: (V, 3) unit, outward, camera frame.
            rotation: (3, 3) head -> camera.
            albedo: (V, 3) linear RGB.
            light: (27,) spherical harmonics.
            visibility: (V,) 0..1.
            start: (WORK_SIZE, WORK_SIZE) mm, the relief before; it makes this one converge sooner.

        Returns:
            Heights (WORK_SIZE, WORK_SIZE) mm, how far each texel was seen, 0..1, and how sharp it is to see: the
            mean of its finest detail, in ln(seen / expected).
        """
        height, width = image.shape[:2]
        grid = self.grid
        x, y, nx, ny, nz, seen, *color = grid.spread(
            np.concatenate([vertices[:, :2].T, normals.T, visibility[None], albedo.T])
        )
        seen = seen * ((x > 1) & (x < width - 1) & (y > 1) & (y < height - 1))
        normal = np.stack([nx, ny, nz], 1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)

        channels = np.asarray(light, np.float32).reshape(3, 9)
        shading = sh_basis(normal) @ channels.T  # (N, 3)
        expected = (shading * np.stack(color, 1)) @ LUMINANCE
        observed = to_linear(sample(image, np.stack([x, y], 1))) @ LUMINANCE
        # In deep shadow and where the picture is burnt out nothing can be read.
        seen = seen * (observed > 0.005) * (observed < 0.9) * (expected > 0.005)
        contrast = np.log(np.maximum(observed, 1e-3) / np.maximum(expected, 1e-3))

        weight = self._trusted(contrast, seen)
        contrasts = grid.to_map(contrast)
        detail = _band(contrasts, weight)
        main = LUMINANCE @ channels
        tilt = sh_gradient(normal, main) / np.maximum(sh_basis(normal) @ main, 0.05)[:, None]
        along = (tilt @ rotation.astype(np.float32)).T  # into the head frame, where the slopes are
        across = grid.to_map((along * self._slopes[0]).sum(0))
        down = grid.to_map((along * self._slopes[1]).sum(0))
        relief = solve_relief(detail, across, down, weight, start)
        return LARGEST * np.tanh(relief / LARGEST), weight, _sharpness(contrasts, weight)

    def from_crop(self, bump: Array, matrix: Array, vertices: Array, normals: Array) -> tuple[Array, Array]:
        """A bump map in a crop laid out over the face.

        Args:
            bump: (S, S) mm, in the crop.
            matrix: (2, 3) picture px -> crop px.
            vertices: (V, 2 or more) px of the picture.
            normals: (V, 3) unit, outward, camera frame.

        Returns:
            Heights (SIZE, SIZE) mm and how far each texel was seen, 0..1; what is turned away or lies outside the crop
            counts nothing.
        """
        side, grid = bump.shape[0], self._fine
        x, y, turned = grid.spread(np.concatenate([to_crop(vertices, matrix).T, normals[None, :, 2]]))
        inside = (x > 1) & (x < side - 1) & (y > 1) & (y < side - 1)
        facing = np.clip((-turned - TURNED) / (FACING - TURNED), 0, 1) * inside
        where = np.stack([grid.to_map(x), grid.to_map(y)], -1) - np.float32(0.5)
        heights = cv2.remap(bump, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        weight = grid.to_map(facing) * self._fine_region
        return LARGEST * np.tanh(heights / LARGEST) * (weight > 0), weight

    def _map_of(self, values: Array) -> Array:
        """(V,) values of the vertices -> (WORK_SIZE, WORK_SIZE)."""
        return self.grid.to_map(self.grid.spread(values[None])[0])

    def _trusted(self, contrast: Array, seen: Array) -> Array:
        """(WORK_SIZE, WORK_SIZE) 0..1: where contrast (N,) can be relief of skin; fading towards its edges."""
        region = self._region.ravel()[self.grid.covered]
        skin = contrast[(seen > 0.5) & (region > 0.5)]
        if len(skin) < 100:
            return np.zeros_like(self._region)
        # At the scale of the band's coarse end, so that a wrinkle is not taken for hair.
        off = np.abs(_blurred(self.grid.to_map(contrast), self.grid.to_map(seen), COARSE / 2) - np.median(skin))
        near, far = OUTLIER
        trusted = np.clip((far - off) / (far - near), 0, 1) * self.grid.to_map(seen)
        return cv2.GaussianBlur(cv2.erode(trusted, CROSS, iterations=3), (0, 0), FEATHER) * self._region


def solve_relief(detail: Array, across: Array, down: Array, weight: Array, start: Array | None = None) -> Array:
    """Heights whose shading is `detail`, by conjugate gradients on the normal equations.

    Args:
        detail: (S, S) ln(seen / expected), band-passed.
        across: (S, S) how ln(light) falls per mm of height gained from one texel to the next at its right.
        down: (S, S) the same for the texel below.
        weight: (S, S) 0..1 how far each texel is believed.
        start: (S, S) heights to begin with.

    Returns:
        (S, S) float32 mm.
    """

    def shade(h: Array) -> Array:
        return DARK_IS_DEEP * h - across * _right(h) - down * _below(h)

    def shade_transposed(r: Array) -> Array:
        return DARK_IS_DEEP * r - _right_transposed(across * r) - _below_transposed(down * r)

    def normal(h: Array) -> Array:
        smooth = _right_transposed(_right(h)) + _below_transposed(_below(h))
        return shade_transposed(weight * shade(h)) + SMOOTHNESS * smooth + FLATNESS * h

    heights = np.zeros_like(detail) if start is None else start.copy()
    residual = shade_transposed(weight * detail)
    if start is not None:
        residual -= normal(heights)
    direction = residual.copy()
    energy = float((residual * residual).sum())
    for _ in range(ITERATIONS if start is None else WARM_ITERATIONS):
        if energy < 1e-9:
            break
        pushed = normal(direction)
        step = energy / max(float((direction * pushed).sum()), 1e-12)
        heights += step * direction
        residual -= step * pushed
        before, energy = energy, float((residual * residual).sum())
        direction = residual + (energy / before) * direction
    return heights


def _band(values: Array, weight: Array) -> Array:
    """The middle band of a map, bounded."""
    band = _blurred(values, weight, FINE) - _blurred(values, weight, COARSE)
    return np.clip(band * (weight > 1e-3), -LARGEST_DETAIL, LARGEST_DETAIL)


def _sharpness(values: Array, weight: Array) -> float:
    """The mean of a map's finest detail, over what has weight."""
    detail = np.abs(values - cv2.blur(values, (3, 3)))
    return float((detail * weight).sum() / max(float(weight.sum()), 1e-6))


def _blurred(values: Array, weight: Array, sigma: float) -> Array:
    """The blur over what has weight only."""
    return cv2.GaussianBlur(values * weight, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)


def _right(h: Array) -> Array:
    """Forward difference along rows, 0 at the end."""
    out = np.zeros_like(h)
    np.subtract(h[:, 1:], h[:, :-1], out=out[:, :-1])
    return out


def _right_transposed(r: Array) -> Array:
    out = np.zeros_like(r)
    out[:, 1:] = r[:, :-1]
    out[:, :-1] -= r[:, :-1]
    return out


def _below(h: Array) -> Array:
    """Forward difference along columns, 0 at the end."""
    out = np.zeros_like(h)
    np.subtract(h[1:], h[:-1], out=out[:-1])
    return out


def _below_transposed(r: Array) -> Array:
    out = np.zeros_like(r)
    out[1:] = r[:-1]
    out[:-1] -= r[:-1]
    return out


def _slope_vectors(grid: TexelGrid, vertices: Array) -> Array:
    """How a height that grows by 1 mm from one texel to the next tilts the surface.

    Returns:
        (2, 3, N) head frame, one over mm: for steps to the right and down; the gradient of h over the
        surface is their sum weighted by the two differences.
    """
    position = grid.spread(vertices.T)
    maps = np.stack([grid.to_map(p) for p in position])
    known = grid.to_map(np.ones(len(grid.covered)))
    # Smoothed, since relief varies more slowly than the mesh's own triangles.
    blurred = [cv2.GaussianBlur(m, (0, 0), 1.5) / np.maximum(cv2.GaussianBlur(known, (0, 0), 1.5), 1e-3) for m in maps]
    rows = np.stack([np.gradient(m, axis=0).ravel()[grid.covered] for m in blurred])
    columns = np.stack([np.gradient(m, axis=1).ravel()[grid.covered] for m in blurred])
    a, b, c = (columns**2).sum(0), (columns * rows).sum(0), (rows**2).sum(0)
    # The dual basis of the two tangents. Where the map is torn they are no basis.
    determinant = a * c - b * b
    inverse = np.where(determinant > 1e-2, 1 / np.maximum(determinant, 1e-2), 0)
    right = (c * columns - b * rows) * inverse
    down = (a * rows - b * columns) * inverse
    return np.stack([right, down]).astype(np.float32)
