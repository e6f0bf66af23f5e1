"""The light on a face: spherical harmonics of bands 0 to 2, estimated from the visible skin.

Radiance of a skin point is albedo * (sh_basis(normal) @ light), per colour channel, all in linear RGB.
Normals are unit, outward, in the camera frame (x right, y down, z forward).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.frames import Array, Image

# The factors of 1 | y z x | xy yz 3z^2-1 xz x^2-y^2.
BAND_0 = 0.282095
BAND_1 = 0.488603
BAND_2 = (1.092548, 1.092548, 0.315392, 1.092548, 0.546274)

# Skin points that take part; more tell nothing new about nine numbers a channel.
MOST_POINTS = 700
# Ridge per coefficient, as a share of the points' weight: a face shows the light from one side only, and
# what lies behind it must not be made up.
RIDGE = np.array([1e-4] + [0.001] * 3 + [0.004] * 5)
# Errors beyond this share of the face's brightness count less: beard, specular spots, a wrong albedo.
ROBUST_LIMIT = 0.15
ROUNDS = 3
# Light of an even grey sky of radiance 1: what is assumed where nothing can be seen.
NEUTRAL = np.tile(np.eye(9, dtype=np.float32)[0] / np.float32(BAND_0), 3)


def sh_basis(normals: NDArray) -> NDArray:
    """(N, 3) unit normals -> (N, 9) basis in the order 1, y, z, x, xy, yz, 3z^2-1, xz, x^2-y^2."""
    x, y, z = np.asarray(normals).T
    out = np.empty((len(x), 9), np.result_type(normals, np.float32))
    out[:, 0] = BAND_0
    out[:, 1], out[:, 2], out[:, 3] = BAND_1 * y, BAND_1 * z, BAND_1 * x
    out[:, 4], out[:, 5] = BAND_2[0] * x * y, BAND_2[1] * y * z
    out[:, 6] = BAND_2[2] * (3 * z * z - 1)
    out[:, 7], out[:, 8] = BAND_2[3] * x * z, BAND_2[4] * (x * x - y * y)
    return out


def sh_gradient(normals: NDArray, light: NDArray) -> NDArray:
    """How the light changes with the normal.

    Args:
        normals: (N, 3) unit normals.
        light: (9,) one channel's coefficients.

    Returns:
        (N, 3) the gradient of `sh_basis(n) @ light` over n; only its part along the surface means anything.
    """
    x, y, z = np.asarray(normals).T
    xy, yz, zz, xz, xx = light[4:] * np.asarray(BAND_2)
    return np.stack(
        [
            BAND_1 * light[3] + xy * y + xz * z + 2 * xx * x,
            BAND_1 * light[1] + xy * x + yz * z - 2 * xx * y,
            BAND_1 * light[2] + yz * y + 6 * zz * z + xz * x,
        ],
        axis=1,
    )


def to_linear(srgb: NDArray) -> NDArray[np.float32]:
    """sRGB values 0..255 of any shape -> linear 0..1."""
    value = np.asarray(srgb, np.float32) / np.float32(255)
    return np.where(value <= 0.04045, value / np.float32(12.92), ((value + 0.055) / 1.055) ** np.float32(2.4))


def sample(image: Image, points: NDArray) -> NDArray[np.float32]:
    """(N, 3) bilinear samples of an (H, W, 3) picture at (N, 2) px; outside repeats the border."""
    # A pixel's middle lies half a pixel from its corner, where the picture's origin is.
    where = np.asarray(points, np.float32)[:, None, :2] - np.float32(0.5)
    # remap is limited to 32767 rows.
    parts = [
        cv2.remap(image, part, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for part in np.array_split(where, len(where) // 30000 + 1)
    ]
    return np.concatenate(parts)[:, 0].astype(np.float32)


def estimate_light(image: Image, vertices: Array, normals: Array, albedo: Array, weights: Array) -> Array:
    """The light that explains the skin's colours, by robust regularised least squares.

    Args:
        image: (H, W, 3) RGB.
        vertices: (V, 2 or more) px.
        normals: (V, 3) unit, outward, camera frame.
        albedo: (V, 3) linear RGB.
        weights: (V,) 0..1: visible skin.

    Returns:
        (27,) nine coefficients for red, nine for green, nine for blue; `NEUTRAL` where no skin is seen.
    """
    height, width = image.shape[:2]
    inside = (vertices[:, 0] >= 0) & (vertices[:, 0] <= width) & (vertices[:, 1] >= 0) & (vertices[:, 1] <= height)
    chosen = np.flatnonzero((weights > 0.05) & inside)
    if len(chosen) < 30:
        return NEUTRAL.copy()
    chosen = chosen[:: -(-len(chosen) // MOST_POINTS)]
    seen = to_linear(sample(image, vertices[chosen]))
    color, weight = np.maximum(albedo[chosen], 1e-3), weights[chosen].astype(np.float64)
    basis = sh_basis(np.asarray(normals[chosen], np.float64))
    # Divided by the albedo so that the error is relative: dark skin counts as much as light skin.
    shading = seen / color
    light = np.empty((3, 9))
    ridge = np.diag(RIDGE * weight.sum())
    robust = weight
    for round_ in range(ROUNDS):
        weighted = basis * robust[:, None]
        light = np.linalg.solve(weighted.T @ basis + ridge, weighted.T @ shading).T
        if round_ + 1 < ROUNDS:
            predicted = basis @ light.T
            off = np.abs(shading - predicted).max(1) / max(float(np.median(predicted.max(1))), 0.02)
            robust = weight / np.maximum(1, off / ROBUST_LIMIT) ** 2
    return light.astype(np.float32).ravel()
