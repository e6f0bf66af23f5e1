"""The mesh is bent onto the landmarks: smoothly, by no more than allowed, and only where something is seen."""

import numpy as np
import pytest

from engines.face_model.model import MorphableModel
from realtime.camera import FACING, assumed_camera, make_pose
from realtime.fitting import Fit, Fitter
from realtime.mesh import make_mesh
from realtime.refinement import FARTHEST, Refiner

CAMERA = assumed_camera(640, 480)


@pytest.fixture(scope="module")
def model():
    return MorphableModel.load()


@pytest.fixture(scope="module")
def refiner(model):
    return Refiner(model)


def lobe(model, index, reach=20.0):
    """(478,) 1 at one landmark, falling smoothly to 0 around it."""
    points = model.landmarks(model.mean)
    return np.exp(-0.5 * ((points - points[index]) ** 2).sum(1) / reach**2).astype(np.float32)


def test_nothing_missed_moves_nothing(refiner, model):
    shifts = refiner.shifts(refiner.solve(np.zeros((478, 2), np.float32)))
    assert shifts.shape == (len(model.mean), 2)
    assert np.abs(shifts).max() == 0


def test_a_smooth_miss_is_taken_up(refiner, model):
    missed = np.outer(lobe(model, 50), [2.0, -1.0]).astype(np.float32)
    left = missed - model.landmarks(refiner.shifts(refiner.solve(missed)))
    assert np.abs(left).mean() < 0.1 * np.abs(missed).mean()


def test_one_landmark_alone_is_followed_by_less_than_half(refiner, model):
    missed = np.zeros((478, 2), np.float32)
    missed[50] = 4.0
    assert np.abs(model.landmarks(refiner.shifts(refiner.solve(missed)))[50]).max() < 0.5 * 4.0


def test_where_nothing_is_seen_nothing_moves(refiner, model):
    cheek = lobe(model, 50)
    missed = np.outer(cheek, [2.0, 0.0]).astype(np.float32)
    hidden = (cheek < 0.02).astype(np.float32)  # only what is far away is in view, and there nothing is missed
    shifts = model.landmarks(refiner.shifts(refiner.solve(missed, hidden)))
    assert abs(shifts[50, 0]) < 0.1


def test_nonsense_moves_no_vertex_far_and_unknown_landmarks_none(refiner):
    wild = np.full((478, 2), 1e3, np.float32)
    assert np.abs(refiner.shifts(refiner.solve(wild))).max() <= FARTHEST
    wild[:] = np.nan
    assert np.abs(refiner.shifts(refiner.solve(wild))).max() == 0


def test_what_a_fit_misses_is_what_moves_its_mesh_onto_the_landmarks(model):
    fit = Fit(
        np.zeros(len(model.identity_basis), np.float32), np.zeros(52, np.float32), make_pose(FACING, [30.0, -20, 700])
    )
    mesh = make_mesh(model, model.neutral(fit.identity), fit, CAMERA)
    wanted = mesh.landmarks + np.float32([3.0, -2.0])
    missed = Fitter(model).missed(wanted, CAMERA, fit)
    scale = CAMERA.focal / 700
    np.testing.assert_allclose(missed * scale, np.broadcast_to([3.0, -2.0], (478, 2)), atol=0.1)
    moved = make_mesh(
        model, mesh.neutral, fit, CAMERA, np.broadcast_to(np.float32([3.0, -2.0]) / scale, (len(model.mean), 2))
    )
    np.testing.assert_allclose(moved.landmarks, wanted, atol=0.1)
    np.testing.assert_array_equal(moved.neutral, mesh.neutral)
