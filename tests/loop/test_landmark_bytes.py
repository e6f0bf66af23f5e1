"""The short cut through MediaPipe's messages gives what the long way gives."""

from __future__ import annotations

import numpy as np
import pytest
from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList

from realtime.tracking import LANDMARKS, POINT_BYTES, _as_array


def message(points: np.ndarray, **extra: float) -> NormalizedLandmarkList:
    out = NormalizedLandmarkList()
    for x, y, z in points:
        out.landmark.add(x=x, y=y, z=z, **extra)
    return out


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(3).normal(0.5, 0.4, (LANDMARKS, 3)).astype(np.float32)


def test_bytes_hold_the_points(points):
    made = message(points)
    assert len(made.SerializeToString()) == LANDMARKS * POINT_BYTES  # else the test below proves nothing
    np.testing.assert_array_equal(_as_array(made), points)


def test_zero_is_written_like_any_number(points):
    points[7] = 0.0
    np.testing.assert_array_equal(_as_array(message(points)), points)


def test_points_with_more_fields_are_read_the_long_way(points):
    np.testing.assert_array_equal(_as_array(message(points, visibility=0.5)), points)


def test_a_list_that_only_has_the_right_length_is_read_the_long_way(points):
    # Two points without z and two with visibility make up for each other.
    made = message(points)
    for point in made.landmark[:2]:
        point.ClearField("z")
    for point in made.landmark[2:4]:
        point.visibility = 0.25
    assert len(made.SerializeToString()) == LANDMARKS * POINT_BYTES
    expected = points.copy()
    expected[:2, 2] = 0.0
    np.testing.assert_array_equal(_as_array(made), expected)


def test_the_array_is_the_callers_own(points):
    found = _as_array(message(points))
    found += 1.0  # it must not lie in a read-only buffer
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
