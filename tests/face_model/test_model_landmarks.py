"""MediaPipe's landmarks on the face model."""

from __future__ import annotations

import numpy as np
import pytest
from model_parts import IRISES

from engines.face_model.model import LEFT, RIGHT


def test_landmark_weights(model):
    assert model.landmark_barycentric.min() >= 0
    np.testing.assert_allclose(model.landmark_barycentric.sum(1), 1, atol=1e-5)


def test_landmark_sigma_is_plausible(model):
    assert model.landmark_sigma.min() > 0.3
    assert model.landmark_sigma.max() < 10


@pytest.mark.parametrize("eye", [RIGHT, LEFT])
def test_irises_lie_on_their_own_eyeball(model, eye):
    first, end = model.eye_ranges[eye]
    vertices = model.triangles[model.landmark_triangle[list(IRISES[eye])]]
    assert vertices.min() >= first
    assert vertices.max() < end


@pytest.mark.parametrize("eye", [RIGHT, LEFT])
def test_iris_ring_goes_right_up_left_down_in_the_picture(model, eye):
    center, *ring = model.landmarks(model.mean)[list(IRISES[eye])]
    offsets = np.array(ring) - center
    radius = np.linalg.norm(offsets[:, :2], axis=1)
    assert (np.abs(radius - 5.4) < 0.7).all()
    np.testing.assert_allclose(offsets[:, :2] / radius[:, None], [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=0.05)


def test_landmarks_follow_a_rigid_motion(model):
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    moved = model.mean @ turn.T + [1, 2, 3]
    expected = model.landmarks(model.mean) @ turn.T + [1, 2, 3]
    np.testing.assert_allclose(model.landmarks(moved), expected, atol=1e-3)


def test_landmarks_in_two_dimensions(model):
    np.testing.assert_allclose(model.landmarks(model.mean[:, :2]), model.landmarks(model.mean)[:, :2], atol=1e-4)
