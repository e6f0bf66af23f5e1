"""What the mesh does not reach: the last clear view, moved to where the face is now."""

import cv2
import numpy as np
import pytest

from realtime.recall import Recalled, with_view
from realtime.seen import LIPS
from realtime.surroundings import CLEAREST_FADES, LESS_CLEAR, Surroundings, View, similarity

SIDE = 192
EVERYTHING, NOTHING = np.ones((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
ALL = np.ones(478, np.float32)


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 200, (24, 24, 3), dtype=np.uint8)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def points():
    points = np.random.default_rng(1).uniform(50, 140, (478, 2)).astype(np.float32)
    angle = np.linspace(0, 2 * np.pi, len(LIPS), endpoint=False)
    points[list(LIPS)] = np.stack([96 + 14 * np.cos(angle), 140 + 6 * np.sin(angle)], 1)
    return points


def turned(points, angle=0.1, scale=1.05, by=(4, -3)):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([96.0, 96.0])
    return np.column_stack([turn, middle + by - turn @ middle]), ((points - middle) @ turn.T + middle + by)


def test_a_similarity_is_found_exactly(points):
    matrix, now = turned(points)
    found, off = similarity(points, now, ALL)
    np.testing.assert_allclose(found, matrix, atol=1e-5)
    assert off < 1e-4


def test_only_points_in_view_count(points):
    matrix, now = turned(points)
    now[:200] += 30
    weight = ALL.copy()
    weight[:200] = 0
    np.testing.assert_allclose(similarity(points, now, weight)[0], matrix, atol=1e-5)


def test_with_too_few_in_view_all_count(points):
    weight = np.zeros(478)
    weight[:3] = 1
    matrix, now = turned(points)
    np.testing.assert_allclose(similarity(points, now, weight)[0], matrix, atol=1e-5)


def test_the_view_goes_with_the_face(scene, points):
    matrix, now = turned(points)
    crop = cv2.warpAffine(scene, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    hidden = NOTHING.copy()
    hidden[60:120, 60:120] = 1
    covered = crop.copy()
    covered[hidden > 0] = (0, 255, 0)
    image, known = View(scene, EVERYTHING, points).painted(now, ALL, covered, hidden)
    assert known[60:120, 60:120].min() > 0.99
    assert np.abs(image - crop)[60:120, 60:120].mean() < 3


def test_it_takes_on_the_light_of_now(scene, points):
    darker = (scene * 0.6).astype(np.uint8)
    hidden = NOTHING.copy()
    hidden[80:110, 80:110] = 1
    image, _ = View(scene, EVERYTHING, points).painted(points, ALL, darker, hidden)
    assert np.abs(image - darker)[80:110, 80:110].mean() < 4


def test_a_head_that_turned_is_not_taken_from_it(scene, points):
    solid = np.column_stack([points - 96, 40 * np.cos((points[:, 0] - 96) / 40)])
    aside = np.column_stack([solid @ (np.cos(0.9), 0, np.sin(0.9)), solid[:, 1]]) + 96
    _, known = View(scene, EVERYTHING, points).painted(aside.astype(np.float32), ALL, scene, NOTHING)
    assert known.max() == 0


def test_mouths_are_left_out(scene, points):
    _, known = View(scene, EVERYTHING, points).painted(points, ALL, scene, NOTHING)
    assert known[140, 96] == 0
    assert known[120, 96] == 1


def test_what_something_was_in_front_of_is_not_known(scene, points):
    half = EVERYTHING.copy()
    half[:, 96:] = 0
    _, known = View(scene, half, points).painted(points, ALL, scene, NOTHING)
    assert known[50, 50] == 1
    assert known[50, 150] == 0


def view(clear, points):
    known = NOTHING.copy()
    known[: round(clear * SIDE)] = 1
    return View(np.zeros((SIDE, SIDE, 3), np.uint8), known, points)


def test_the_newest_clear_view_is_kept(points):
    around, first, second = Surroundings(), view(1, points), view(1 - LESS_CLEAR / 2, points)
    around.add(first)
    around.add(second)
    assert around.view.crop is second.crop


def test_a_cover_that_comes_little_by_little_does_not_creep_in(points):
    around = Surroundings()
    for clear in np.arange(1, 0.5, -LESS_CLEAR / 2):
        around.add(view(clear, points))
    assert around.view.known.mean() > 1 - 2 * LESS_CLEAR


def test_in_the_end_less_clear_views_are_taken(points):
    around, less = Surroundings(), view(0.8, points)
    around.add(view(1, points))
    for _ in range(round(0.2 / CLEAREST_FADES) + 5):
        around.add(less)
    assert around.view.crop is less.crop


def test_what_is_remembered_of_the_surface_goes_before_the_view():
    own, mirrored = NOTHING.copy(), NOTHING.copy()
    own[:60], mirrored[60:120] = 1, 1
    recalled = Recalled(np.full((SIDE, SIDE, 3), 10, np.uint8), own, mirrored)
    known = EVERYTHING * np.float32(0.5)
    found = with_view(recalled, np.full((SIDE, SIDE, 3), 99.6, np.float32), known)
    assert (found.painting[:120] == 10).all()
    assert (found.painting[120:] == 100).all()
    np.testing.assert_array_equal(found.mirrored, mirrored)
    np.testing.assert_allclose(found.own[[0, 80, 150], 0], [1, 0, 0.5])


def test_a_view_alone_and_nothing_at_all():
    image = np.full((SIDE, SIDE, 3), 50, np.float32)
    assert with_view(None, image, NOTHING) is None
    found = with_view(None, image, EVERYTHING)
    assert (found.painting == 50).all()
    assert (found.share == 1).all()
