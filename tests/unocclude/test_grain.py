"""What is painted gets the grain of the skin around it, no more, and the same every time."""

import numpy as np
import pytest

from realtime.grain import MOST, detail_of, grained, strength

SIDE = 160
HOLE = np.zeros((SIDE, SIDE), bool)
HOLE[40:120, 40:120] = True
PLACE = (500, 9)  # across the border of a tile


def noisy(sigma):
    noise = np.random.default_rng(1).normal(0, sigma, (SIDE, SIDE, 1))
    return np.clip(np.rint(128 + noise), 0, 255).astype(np.uint8).repeat(3, 2)


def flat(value=128):
    return np.full((SIDE, SIDE, 3), value, np.uint8)


@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_a_smooth_painting_gets_the_grain_of_the_picture(sigma):
    image = noisy(sigma)
    out = grained(flat(), HOLE, image, ~HOLE, PLACE)
    wanted = strength(detail_of(image), ~HOLE)
    assert wanted == pytest.approx(0.95 * sigma, rel=0.15)
    assert strength(detail_of(out), HOLE) == pytest.approx(wanted, rel=0.2)


def test_brightness_and_colour_stay():
    painting = flat()
    painting[..., 0] = 180
    out = grained(painting, HOLE, noisy(4.0), ~HOLE, PLACE)
    np.testing.assert_allclose(out[HOLE].mean(0), [180, 128, 128], atol=0.3)
    # It is brightness that varies, not colour.
    np.testing.assert_array_equal(out[..., 0].astype(int) - out[..., 1], 52)


def test_a_clean_picture_adds_nothing():
    painting = flat()
    assert grained(painting, HOLE, flat(100), ~HOLE, PLACE) is painting


def test_a_painting_that_has_grain_already_gets_no_more():
    painting = noisy(5.0)
    assert grained(painting, HOLE, noisy(3.0), ~HOLE, PLACE) is painting


def test_where_no_skin_is_in_view_nothing_is_known():
    painting = flat()
    assert grained(painting, HOLE, noisy(4.0), np.zeros_like(HOLE), PLACE) is painting


def test_a_painting_that_has_nearly_faded_gets_none():
    painting = flat()
    assert grained(painting, np.zeros_like(HOLE), noisy(4.0), ~HOLE, PLACE) is painting


def test_texture_of_another_kind_is_not_copied_in_full():
    out = grained(flat(), HOLE, noisy(40.0), ~HOLE, PLACE)
    assert strength(detail_of(out), HOLE) < 1.2 * MOST


def test_the_grain_stands_still_in_the_picture():
    image = noisy(4.0)
    first, second = (grained(flat()[30:, 20:], HOLE[30:, 20:], image, ~HOLE, (x, y)) for x, y in ((20, 30), (532, 30)))
    np.testing.assert_array_equal(first, second)  # the same every time, and in every tile
    shifted = grained(flat()[35:, 27:], HOLE[35:, 27:], image, ~HOLE, (27, 35))
    np.testing.assert_array_equal(shifted, first[5:, 7:])
