"""The pinhole and its frames of reference."""

import numpy as np
import pytest

from realtime.camera import (
    FACING,
    assumed_camera,
    make_pose,
    nearest_rotation,
    picture_vertices,
    project,
    rotation_from_vector,
    to_camera,
    unproject,
)
from realtime.frames import Camera

CAMERA = Camera(focal=800.0, center=(320.0, 240.0))


def test_unproject_inverts_project():
    rng = np.random.default_rng(0)
    points = rng.uniform([-300, -300, 200], [300, 300, 2000], (50, 3))
    np.testing.assert_allclose(unproject(project(points, CAMERA), points[:, 2], CAMERA), points, atol=1e-9)


def test_project_golden():
    np.testing.assert_allclose(project(np.array([[100.0, -50.0, 1000.0]]), CAMERA), [[400.0, 200.0]])


def test_a_point_on_the_axis_falls_on_the_centre():
    np.testing.assert_allclose(project(np.array([[0.0, 0.0, 50.0]]), CAMERA), [[320.0, 240.0]])


def test_points_behind_the_camera_stay_finite():
    assert np.isfinite(project(np.array([[10.0, 10.0, -5.0], [1.0, 1.0, 0.0]]), CAMERA)).all()


def test_a_facing_head_has_its_left_at_the_right_and_its_top_up():
    pose = make_pose(FACING, np.array([0, 0, 1000.0]))
    origin, left, top, nose = picture_vertices(
        np.array([[0, 0, 0], [50, 0, 0], [0, 50, 0], [0, 0, 50.0]]), pose, CAMERA
    )
    np.testing.assert_allclose(origin, [320, 240, 0], atol=1e-3)
    assert left[0] > origin[0]
    assert top[1] < origin[1]
    assert nose[2] < 0  # nearer to the camera than the head's origin


def test_picture_depth_is_in_px_at_the_heads_scale():
    pose = make_pose(FACING, np.array([100.0, 20.0, 1000.0]))
    (point,) = picture_vertices(np.array([[0.0, 0.0, -30.0]]), pose, CAMERA)
    assert point[2] == pytest.approx(30.0 * 800.0 / 1000.0, rel=1e-5)


def test_pose_takes_points_to_the_camera():
    rotation = rotation_from_vector([0.3, -0.5, 0.2])
    points = np.random.default_rng(1).normal(size=(7, 3))
    pose = make_pose(rotation, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(to_camera(points, pose), points @ rotation.T + np.array([1, 2, 3]), atol=1e-5)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (16, 16)])
def test_the_assumed_camera_looks_through_the_pictures_middle(width, height):
    camera = assumed_camera(width, height)
    assert camera.center == (width / 2, height / 2)
    assert camera.focal > max(width, height)


def test_the_assumed_camera_scales_with_the_picture():
    assert assumed_camera(1280, 960).focal == pytest.approx(2 * assumed_camera(640, 480).focal)


def test_rotation_vector_golden():
    np.testing.assert_allclose(rotation_from_vector([0, 0, np.pi / 2]) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_from_vector([0, 0, 0]), np.eye(3))


@pytest.mark.parametrize("angle", [1e-9, 1e-6, 0.1, 3.0, np.pi])
def test_rotation_vectors_give_rotations(angle):
    rotation = rotation_from_vector(angle * np.array([0.6, 0.0, 0.8]))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_nearest_rotation_keeps_a_rotation_and_never_mirrors():
    rotation = rotation_from_vector([0.3, 0.2, -0.7])
    np.testing.assert_allclose(nearest_rotation(3.0 * rotation), rotation, atol=1e-12)
    assert np.linalg.det(nearest_rotation(np.diag([1.0, 1.0, -1.0]))) == pytest.approx(1)
