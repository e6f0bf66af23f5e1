"""A panorama as light."""

import numpy as np
import pytest

from realtime.light import NEUTRAL, sh_basis
from realtime.overlays.environment import environment_light


def shading(light, normal):
    return sh_basis(np.array([normal], float))[0] @ light.reshape(3, 9).T


def panorama(column=None, row=None, color=(255, 255, 255)):
    """A dark room with a lit quarter around a column or row, both 0..1."""
    image = np.zeros((64, 128, 3), np.uint8)
    if column is not None:
        image[16:48, (int(column * 128) + np.arange(-12, 12)) % 128] = color
    else:
        image[int(row * 64) : int(row * 64) + 16] = color
    return image


def test_an_even_white_sky_is_the_neutral_light():
    np.testing.assert_allclose(environment_light(np.full((32, 64, 4), 255, np.uint8)), NEUTRAL, atol=0.02)


@pytest.mark.parametrize(
    ("image", "turn", "normal"),
    [
        (panorama(column=0.5), 0, (0, 0, -1)),  # its middle lights the side that the camera sees
        (panorama(column=0.0), 0, (0, 0, 1)),
        (panorama(row=0.0), 0, (0, -1, 0)),  # its top lights from above: the camera's y points down
        (panorama(column=0.75), 0, (-1, 0, 0)),  # its right is the picture's left: one looks out of the picture
        (panorama(column=0.5), 90, (1, 0, 0)),  # turned to the picture's right
    ],
)
def test_light_comes_from_where_the_panorama_is_bright(image, turn, normal):
    light = environment_light(image, turn)
    lit, dark = shading(light, normal), shading(light, -np.array(normal))
    assert (lit > 3 * np.abs(dark)).all()
    sides = np.eye(3)[[axis for axis in range(3) if not normal[axis]]]
    assert all((shading(light, side) < lit).all() and (shading(light, -side) < lit).all() for side in sides)


def test_colours_stay_apart():
    light = environment_light(panorama(column=0.5, color=(255, 0, 0))).reshape(3, 9)
    assert light[0, 0] > 0
    assert not light[1:].any()
