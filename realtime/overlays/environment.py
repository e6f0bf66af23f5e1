"""A panorama as light: its nine spherical-harmonics coefficients, in the same form as the estimated light's."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames import Array, Image
from realtime.light import sh_basis, to_linear

ROWS = 32  # the panorama is made as small as this first: nine numbers know no detail
# What a matt surface makes of bands 0, 1 and 2 (Ramamoorthi and Hanrahan 2001), over pi: a white one under an even
# sky of radiance 1 has radiance 1.
CONVOLUTION = np.repeat([1.0, 2 / 3, 1 / 4], [1, 3, 5])


def environment_light(panorama: Image, turn: float = 0.0) -> Array:
    """(27,) the light of a panorama, as `Coefficients.light`.

    Args:
        panorama: (H, W, 3 or 4) sRGB, equirectangular. Its middle is what a face sees that looks into the camera.
        turn: degrees; the panorama's middle is moved to the right of the picture by so much.
    """
    small = cv2.resize(panorama[..., :3], (2 * ROWS, ROWS), interpolation=cv2.INTER_AREA)
    radiance = to_linear(small).reshape(-1, 3)
    polar = (np.arange(ROWS) + 0.5) / ROWS * np.pi  # from straight up
    around = ((np.arange(2 * ROWS) + 0.5) / ROWS - 1) * np.pi  # from the middle, to the panorama's right
    polar, around = (grid.ravel() for grid in np.meshgrid(polar, around, indexing="ij"))
    # Camera frame: y down, z away from the camera. Who looks into the camera has the picture's left on their right.
    around = np.radians(turn) - around
    directions = np.stack([np.sin(polar) * np.sin(around), -np.cos(polar), -np.sin(polar) * np.cos(around)], axis=1)
    solid_angle = np.sin(polar)
    solid_angle *= 4 * np.pi / solid_angle.sum()
    coefficients = sh_basis(directions).T @ (radiance * solid_angle[:, None])  # (9, 3)
    return (coefficients * CONVOLUTION[:, None]).T.ravel().astype(np.float32)
