"""The face model's eyeballs: where they look, and that they turn rigidly."""

from __future__ import annotations

import numpy as np
import pytest
from model_parts import expression, posed

from engines.face_model.model import LEFT, PITCH_RANGE, RIGHT, YAW_RANGE, MorphableModel


def gaze(model: MorphableModel, vertices: np.ndarray, eye: int) -> np.ndarray:
    pupil = vertices[model.eye_ranges[eye, 0]] - model.eye_centers[eye]
    return pupil / np.linalg.norm(pupil)


def test_eyes_look_straight_ahead_at_rest(model):
    for eye in (RIGHT, LEFT):
        np.testing.assert_allclose(gaze(model, model.mean, eye), [0, 0, 1], atol=5e-3)


@pytest.mark.parametrize(
    ("name", "eye", "expected"),
    [
        ("eyeLookInLeft", LEFT, [-np.sin(YAW_RANGE), 0]),
        ("eyeLookInRight", RIGHT, [np.sin(YAW_RANGE), 0]),
        ("eyeLookOutLeft", LEFT, [np.sin(YAW_RANGE), 0]),
        ("eyeLookOutRight", RIGHT, [-np.sin(YAW_RANGE), 0]),
        ("eyeLookUpLeft", LEFT, [0, np.sin(PITCH_RANGE)]),
        ("eyeLookDownRight", RIGHT, [0, -np.sin(PITCH_RANGE)]),
    ],
)
def test_eye_look(model, name, eye, expected):
    vertices = posed(model, **{name: 1})
    np.testing.assert_allclose(gaze(model, vertices, eye)[:2], expected, atol=5e-3)
    first, end = model.eye_ranges[1 - eye]
    np.testing.assert_allclose(vertices[first:end], model.mean[first:end], atol=1e-3)


def test_eyeballs_turn_rigidly(model):
    first, end = model.eye_ranges[LEFT]
    identity = np.random.default_rng(3).normal(size=80)
    rest = model.neutral(identity)[first:end]
    turned = model.vertices(identity, expression(model, eyeLookInLeft=0.7, eyeLookUpLeft=0.4))[first:end]
    picks = np.random.default_rng(4).integers(0, end - first, (40, 2))
    before, after = (np.linalg.norm(v[picks[:, 0]] - v[picks[:, 1]], axis=1) for v in (rest, turned))
    np.testing.assert_allclose(after, before, atol=1e-3)
    assert np.abs(turned - rest).max() > 3


def test_eye_rotations_are_rotations(model):
    random = np.random.default_rng(5)
    for rotation in model.eye_rotations(random.uniform(size=52)):
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
        assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-5)


def test_eye_centers_are_the_balls_centres(model):
    identity = np.random.default_rng(6).normal(size=80)
    vertices, centers = model.neutral(identity), model.eye_centers_of(identity)
    for eye, (first, end) in enumerate(model.eye_ranges):
        distance = np.linalg.norm(vertices[first:end] - centers[eye], axis=1)
        assert distance.max() / distance.min() < 1.1
