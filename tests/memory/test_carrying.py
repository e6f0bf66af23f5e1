"""Whether something has come before a face, told by its colours alone."""

from dataclasses import replace

import numpy as np
import pytest

from realtime.carrying import (
    CHANGED_POINTS,
    COLOUR_CHANGE,
    COLOUR_EVERY,
    REST,
    Carried,
    colours_at,
    has_changed,
    may_rest,
)
from realtime.frames import PART_NAMES, TrackedFace
from realtime.seen import Seen


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(80, 120, (100, 120, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(1).uniform(10, 90, (478, 3)).astype(np.float32)


@pytest.fixture
def carried(image, points):
    parts = np.full((len(PART_NAMES), 32, 32), 1 / len(PART_NAMES), np.float32)
    seen = Seen(TrackedFace(0, points, False), np.eye(2, 3, dtype=np.float32), image, parts, visible=1.0)
    return Carried(seen, points, 0.0, points, colours_at(image, points))


def test_colours_are_those_under_the_landmarks(image, points):
    found = colours_at(image, points)
    x, y = points[2 * COLOUR_EVERY, :2].astype(int)
    np.testing.assert_array_equal(found[2], image[y, x])


def test_landmarks_outside_the_picture_take_its_border(image, points):
    far = points.copy()
    far[0] = (500, -20, 0)
    np.testing.assert_array_equal(colours_at(image, far)[0], image[0, -1])


def test_a_thing_that_comes_is_noticed(image, points):
    covered = image.copy()
    covered[60:, :50] = (10, 200, 10)
    assert has_changed(colours_at(image, points), colours_at(covered, points))


def test_light_that_changes_everywhere_is_no_thing(image, points):
    assert not has_changed(colours_at(image, points), colours_at(image + np.uint8(2 * COLOUR_CHANGE), points))


def test_a_few_points_are_noise(image, points):
    before = colours_at(image, points)
    now = before.copy()
    now[: CHANGED_POINTS - 1] += 2 * COLOUR_CHANGE
    assert not has_changed(before, now)
    now[CHANGED_POINTS] += 2 * COLOUR_CHANGE
    assert has_changed(before, now)


def test_a_clear_face_rests_for_so_many_frames(carried):
    assert may_rest(carried, carried.colours)
    assert may_rest(replace(carried, rested=REST - 1), carried.colours)
    assert not may_rest(replace(carried, rested=REST), carried.colours)


def test_a_covered_or_painted_face_does_not_rest(carried):
    mask = np.zeros((32, 32), np.float32)
    for seen in (replace(carried.seen, mask=mask), replace(carried.seen, alpha=mask)):
        assert not may_rest(replace(carried, seen=seen), carried.colours)


def test_nor_one_whose_colours_have_changed(carried):
    assert not may_rest(carried, carried.colours + (np.arange(len(carried.colours)) % 2 * 99)[:, None].astype(np.int16))
