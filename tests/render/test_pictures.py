from dataclasses import replace

import numpy as np
import pytest
from tiny_faces import Sheets, grey, make_face, make_result

from realtime.frames import PART_NAMES
from realtime.render.pictures import (
    MASK_COLOR,
    PART_COLORS,
    PICTURES,
    TINT_STRENGTH,
    mask_picture,
    parts_picture,
)


def tinted(color):
    return np.rint(100 * (1 - TINT_STRENGTH) + np.array(color) * TINT_STRENGTH)


@pytest.mark.parametrize("picture", PICTURES.values())
def test_without_networks_every_picture_is_the_frame(picture):
    result = make_result(grey(6, 4))
    np.testing.assert_array_equal(picture(result), result.frame.image)


def test_the_mask_is_tinted_and_the_rest_left():
    occlusion = np.zeros((40, 40), np.uint8)
    occlusion[10:30, 10:30] = 255
    result = replace(make_result(grey(40, 40)), occlusion=occlusion)
    picture = mask_picture(result)
    assert np.abs(picture[20, 20] - tinted(MASK_COLOR)).max() <= 1
    assert (picture[:7] == 100).all()
    assert picture[10, 20, 0] > picture[20, 20, 0]  # its outline is stronger
    assert (result.frame.image == 100).all()  # the frame itself stays


def test_every_part_has_its_own_colour():
    assert len(set(PART_COLORS.values())) == len(PART_NAMES) == len(PART_COLORS)
    parts = np.arange(len(PART_NAMES), dtype=np.uint8)[None].repeat(2, 0)
    picture = parts_picture(replace(make_result(grey(len(PART_NAMES), 2)), parts=parts))
    assert (picture[:, 0] == 100).all()
    for index, name in enumerate(PART_NAMES[1:], start=1):
        assert np.abs(picture[0, index] - tinted(PART_COLORS[name])).max() <= 1


@pytest.mark.gl
def test_the_scene_shows_the_completed_picture_and_no_mesh(make_scene):
    model = Sheets([(0, 0, 8, 8, 0)], [(1, 0, 0)])
    result = replace(make_result(grey(8, 8), make_face(model)), complete=grey(8, 8, 42))
    assert (make_scene(model, (8, 8)).render(result, "complete") == 42).all()
    assert (make_scene(model, (8, 8)).render(result, "off") == 100).all()
