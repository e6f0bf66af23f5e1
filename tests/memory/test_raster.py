"""Triangles into pixels."""

import numpy as np
import pytest
from painted_heads import model, vertices

from realtime.raster import rasterise

# A square of 6 px in two triangles, clockwise on the screen.
SQUARE = np.float32([[1, 1, 0], [7, 1, 0], [7, 7, 0], [1, 7, 0]])
HALVES = np.array([[0, 2, 1], [0, 3, 2]])


def test_a_square_is_covered_once_and_wholly():
    hits = rasterise(SQUARE, HALVES, 8)
    grid = np.zeros((8, 8))
    grid[1:7, 1:7] = 1
    np.testing.assert_array_equal(np.bincount(hits.pixels, minlength=64).reshape(8, 8), grid)


def test_shares_are_those_of_the_pixels_middles():
    hits = rasterise(SQUARE, HALVES, 8)
    x, y = hits.mix(np.ascontiguousarray(SQUARE[:, :2].T))
    np.testing.assert_allclose(x, hits.pixels % 8 + 0.5, atol=1e-5)
    np.testing.assert_allclose(y, hits.pixels // 8 + 0.5, atol=1e-5)
    np.testing.assert_allclose(hits.shares.sum(0), 1, atol=1e-6)


def test_the_back_is_not_drawn():
    assert not len(rasterise(SQUARE, HALVES[:, ::-1], 8).pixels)


@pytest.mark.parametrize("order", [1, -1])
def test_the_nearest_wins_in_any_order(order):
    points = np.concatenate([SQUARE, SQUARE + np.float32([0, 0, 5])])
    triangles = np.concatenate([HALVES, HALVES + 4])[::order]
    assert rasterise(points, triangles, 8).corners.max() < 4


def test_what_lies_outside_is_left_out():
    hits = rasterise(SQUARE + np.float32([4, -3, 0]), HALVES, 8)
    assert sorted(set(hits.pixels % 8)) == [5, 6, 7]
    assert sorted(set(hits.pixels // 8)) == [0, 1, 2, 3]
    assert not len(rasterise(SQUARE + 100, HALVES, 8).pixels)


def test_triangles_between_the_pixels_middles_show_nowhere():
    assert not len(rasterise(np.float32([[1.6, 1.6, 0], [2.4, 1.6, 0], [2.4, 2.4, 0]]), HALVES[:1], 8).pixels)


def test_without_triangles_there_is_nothing():
    assert not len(rasterise(SQUARE, np.empty((0, 3), int), 8).pixels)


def test_a_head_has_no_holes():
    hits = rasterise(vertices(), model().triangles, 192)
    drawn = np.zeros(192 * 192, bool)
    drawn[hits.pixels] = True
    assert drawn.reshape(192, 192)[60:140, 60:130].all()
