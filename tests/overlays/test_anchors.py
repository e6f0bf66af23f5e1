"""Anchors: props stay where they belong, whatever the pose."""

import numpy as np
import pytest

from engines.face_model.model import MorphableModel
from realtime.camera import (
    FACING,
    assumed_camera,
    make_pose,
    picture_vertices,
    project,
    rotation_from_vector,
    to_camera,
)
from realtime.frames import Coefficients, FaceState
from realtime.overlays.anchors import landmark_points, placement, to_camera_mm, triangle_axes
from realtime.overlays.overlay import LandmarkAnchor, Prop, Span, TriangleAnchor

CAMERA = assumed_camera(640, 480)


@pytest.fixture(scope="module")
def model():
    return MorphableModel.load()


def make_face(model, turn=(0.0, 0.0, 0.0), shift=(0.0, 0.0, 1200.0), size=1.0, shape=None):
    """The mean face, turned about the head's axes, `size` times as large."""
    pose = make_pose(FACING @ rotation_from_vector(np.array(turn)), np.array(shift))
    neutral = (model.mean * size).astype(np.float32)
    zero = np.zeros(27, np.float32)
    return FaceState(
        id=0,
        coefficients=Coefficients(zero, zero, pose, zero, zero),
        vertices=picture_vertices(neutral if shape is None else shape, pose, CAMERA),
        neutral=neutral,
        landmarks=np.zeros((478, 2), np.float32),
        bump=np.zeros((256, 256), np.float16),
        visibility=np.ones(len(neutral), np.float32),
        gaze=np.zeros((2, 3), np.float32),
    )


POSES = [((0, 0, 0), (0, 0, 1200)), ((0.2, -0.7, 0.3), (90, -40, 900)), ((-0.4, 1.0, 0.0), (-150, 80, 2500))]


@pytest.mark.parametrize(("turn", "shift"), POSES)
def test_picture_points_go_back_to_the_camera_frame(model, turn, shift):
    face = make_face(model, turn, shift)
    expected = to_camera(model.mean, face.coefficients.pose)
    np.testing.assert_allclose(to_camera_mm(face.vertices, face, CAMERA), expected, atol=0.02)


@pytest.mark.parametrize(("turn", "shift"), POSES)
def test_a_landmarks_prop_is_drawn_at_the_landmark(model, turn, shift):
    face = make_face(model, turn, shift)
    matrix = placement(Prop((), LandmarkAnchor((4,))), face, CAMERA, model)
    nose = landmark_points(face.vertices, (4,), model)[0, :2]
    np.testing.assert_allclose(project(matrix[None, :3, 3], CAMERA)[0], nose, atol=0.02)
    np.testing.assert_allclose(matrix[:3, :3], face.coefficients.pose[:3, :3], atol=1e-5)


def test_without_an_anchor_the_pose_is_the_place(model):
    face = make_face(model, *POSES[1])
    np.testing.assert_allclose(placement(Prop(()), face, CAMERA, model), face.coefficients.pose, atol=1e-6)


@pytest.mark.parametrize(("turn", "shift"), POSES)
def test_a_triangles_prop_sticks_out_of_it(model, turn, shift):
    face = make_face(model, turn, shift)
    triangle = int(model.landmark_triangle[50])  # a cheek
    matrix = placement(Prop((), TriangleAnchor(triangle, (0.2, 0.3, 0.5))), face, CAMERA, model)
    corners = to_camera(model.mean[model.triangles[triangle]], face.coefficients.pose)
    np.testing.assert_allclose(matrix[:3, 3], np.array([0.2, 0.3, 0.5]) @ corners, atol=0.05)
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    assert matrix[:3, 2] @ normal / np.linalg.norm(normal) > 0.999
    np.testing.assert_allclose(matrix[:3, :3].T @ matrix[:3, :3], np.eye(3), atol=1e-5)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1, abs=1e-4)


def test_a_triangles_prop_moves_with_the_skin_a_landmarks_prop_keeps_the_heads_axes(model):
    moved = model.mean.copy()
    moved[model.triangles[int(model.landmark_triangle[50])]] += [0, -5, 0]
    rest, smile = make_face(model), make_face(model, shape=moved)
    prop = Prop((), TriangleAnchor(int(model.landmark_triangle[50]), (1 / 3, 1 / 3, 1 / 3)))
    step = placement(prop, smile, CAMERA, model) - placement(prop, rest, CAMERA, model)
    np.testing.assert_allclose(step[:3, 3], [0, 5, 0], atol=0.05)  # the camera's y points down


def test_triangle_axes_follow_growing_u_and_v():
    corners = np.array([[0, 0, 0], [2, 0, 0], [0, 3, 0]], float)
    np.testing.assert_allclose(triangle_axes(corners, np.array([[0, 0], [1, 0], [0, 1]])), np.eye(3), atol=1e-9)
    quarter = triangle_axes(corners, np.array([[0, 0], [0, 1], [-1, 0]], float))  # v grows along x
    np.testing.assert_allclose(quarter, [[0, 1, 0], [-1, 0, 0], [0, 0, 1]], atol=1e-9)
    assert np.isfinite(triangle_axes(corners, np.zeros((3, 2)))).all()


def test_a_span_scales_with_the_face(model):
    mm = float(np.linalg.norm(np.diff(landmark_points(model.mean, (127, 356), model), axis=0)))
    prop = Prop((), LandmarkAnchor((168,)), Span((127, 356), mm))
    for size in (1.0, 1.25):
        matrix = placement(prop, make_face(model, size=size), CAMERA, model)
        np.testing.assert_allclose(np.linalg.norm(matrix[:3, :3], axis=0), size, rtol=1e-4)
