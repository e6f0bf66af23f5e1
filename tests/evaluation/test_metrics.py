"""Golden values of the figures."""

import numpy as np
import pytest

pytest.importorskip("torch")

from engines.evaluation.metrics import (
    LOST_DRIFT,
    MESH_POINTS,
    drift,
    face_region,
    hidden_points,
    interocular,
    mask_iou,
    psnr,
    sharpness,
)
from engines.training.labels import OVAL


@pytest.fixture
def landmarks():
    """Eye corners 100 px apart, the oval a circle of 80 px around (200, 200)."""
    points = np.full((478, 2), 200, np.float32)
    points[33], points[263] = (150, 180), (250, 180)
    angles = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    points[list(OVAL)] = 200 + 80 * np.stack([np.cos(angles), np.sin(angles)], 1)
    return points


def test_interocular_is_the_distance_of_the_outer_corners(landmarks):
    assert interocular(landmarks) == pytest.approx(100)


def test_drift_is_in_percent_of_the_unit(landmarks):
    assert drift(landmarks + np.float32([3, 4]), landmarks, 100.0) == pytest.approx(np.full(MESH_POINTS, 5.0), rel=1e-5)


def test_a_lost_face_has_the_agreed_drift(landmarks):
    assert (drift(None, landmarks, 100.0) == LOST_DRIFT).all()
    assert (drift(landmarks, None, 100.0) == LOST_DRIFT).all()


def test_the_irises_do_not_count(landmarks):
    moved = landmarks.copy()
    moved[468:] += 50
    assert drift(moved, landmarks, 100.0).max() == 0


def test_face_region_is_the_oval(landmarks):
    face = face_region(landmarks, (400, 400))
    assert face[200, 200]
    assert not face[200, 290]
    assert face.sum() == pytest.approx(np.pi * 80**2, rel=0.03)


def test_hidden_points_lie_under_the_mask_and_outside_counts_as_the_border(landmarks):
    mask = np.zeros((400, 400), bool)
    mask[:, :160] = True
    landmarks[0] = (-50, 10)
    hidden = hidden_points(landmarks, mask)
    assert hidden[33]
    assert hidden[0]
    assert not hidden[263]


def test_iou_counts_only_inside_the_face():
    face = np.zeros((20, 20), bool)
    face[:, :10] = True
    truth, found = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    truth[:10], found[5:15] = True, True
    assert mask_iou(found, truth, face) == pytest.approx(50 / 150)
    assert mask_iou(truth, truth, face) == 1
    assert mask_iou(found & False, truth & False, face) is None


def test_psnr_of_a_known_error():
    truth = np.full((30, 30, 3), 100, np.uint8)
    where = np.ones((30, 30), bool)
    assert psnr(truth + np.uint8(51), truth, where) == pytest.approx(-20 * np.log10(51 / 255))
    assert psnr(truth, truth, where & False) is None


def test_psnr_does_not_wrap_around():
    truth, found = np.full((30, 30, 3), 250, np.uint8), np.full((30, 30, 3), 5, np.uint8)
    assert psnr(found, truth, np.ones((30, 30), bool)) < 1


def test_sharpness_of_half_the_contrast_is_a_half():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 200, (40, 40, 3)).astype(np.uint8)
    where = np.ones((40, 40), bool)
    assert sharpness(truth, truth, where) == pytest.approx(1)
    assert sharpness((truth.astype(float) / 2).round().astype(np.uint8), truth, where) == pytest.approx(0.5, abs=0.02)
    assert sharpness(truth, truth, where & (np.arange(40) < 3)) is None
