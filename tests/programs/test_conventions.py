"""Known heads in the axes of ARKit and Unity."""

import numpy as np
import pytest
from program_faces import looking, make_face, turned

from realtime.camera import rotation_from_vector
from realtime.outputs.programs.conventions import (
    eye_rotation,
    head_of,
    shapes_of,
    unity_position,
    unity_quaternion,
)

HALF = np.sqrt(0.5)
MIRROR = np.diag([-1.0, 1.0, 1.0])


def rotate(quaternion, vector):
    """v + 2 q x (q x v + w v): the same in any handedness."""
    x, y, z, w = quaternion
    axis = np.array([x, y, z])
    return vector + 2 * np.cross(axis, np.cross(axis, vector) + w * vector)


def test_a_face_that_looks_into_the_camera_is_not_rotated():
    head = head_of(make_face())
    np.testing.assert_allclose(head.rotation, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(head.eyes, 0, atol=1e-6)
    assert unity_quaternion(head.rotation) == pytest.approx((0, 0, 0, 1), abs=1e-6)


def test_places_are_metres_with_y_up():
    head = head_of(make_face(position=(100, 50, 600)))  # right of the middle and below it
    np.testing.assert_allclose(head.position, (0.1, -0.05, -0.6), atol=1e-6)
    assert unity_position(head.position) == pytest.approx((-0.1, -0.05, -0.6), abs=1e-6)


@pytest.mark.parametrize("angles", [(20, 0, 0), (0, 35, 0), (0, 0, -15), (12, -50, 25), (-60, 80, 10)])
def test_angles_come_back(angles):
    np.testing.assert_allclose(np.degrees(head_of(make_face(turned(*angles))).angles), angles, atol=1e-3)


@pytest.mark.parametrize(
    ("angles", "nose", "crown"),
    [
        ((90, 0, 0), (0, -1, 0), (0, 0, 1)),  # down: the nose points at the floor
        ((0, 90, 0), (1, 0, 0), (0, 1, 0)),  # to the person's left, which is the picture's right
        ((0, 0, 90), (0, 0, 1), (-1, 0, 0)),  # the crown towards the person's right
    ],
)
def test_what_the_angles_mean(angles, nose, crown):
    rotation = head_of(make_face(turned(*angles))).rotation
    np.testing.assert_allclose(rotation @ (0, 0, 1), nose, atol=1e-6)
    np.testing.assert_allclose(rotation @ (0, 1, 0), crown, atol=1e-6)


@pytest.mark.parametrize(
    ("angles", "expected"),
    [
        ((90, 0, 0), (HALF, 0, 0, HALF)),
        ((0, 90, 0), (0, -HALF, 0, HALF)),  # Unity's y turns the other way: its x is the avatar's right
        ((0, 0, 90), (0, 0, -HALF, HALF)),
    ],
)
def test_quarter_turns_in_unity(angles, expected):
    assert unity_quaternion(turned(*angles)) == pytest.approx(expected, abs=1e-9)


def test_unity_is_the_mirror_image():
    rng = np.random.default_rng(1)
    for vector in rng.normal(size=(20, 3)):
        rotation, point = rotation_from_vector(vector), rng.normal(size=3)
        np.testing.assert_allclose(rotate(unity_quaternion(rotation), MIRROR @ point), MIRROR @ rotation @ point)


def test_eyes_are_told_relative_to_the_head():
    head = head_of(make_face(turned(10, -40, 20), right=looking(6, 12), left=looking(-9, -3)))
    np.testing.assert_allclose(np.degrees(head.eyes), [(6, 12), (-9, -3)], atol=1e-3)


def test_an_eyes_rotation_turns_its_axis_to_where_it_looks():
    np.testing.assert_allclose(eye_rotation(*np.radians((17, -23))) @ (0, 0, 1), looking(17, -23), atol=1e-9)


def test_straight_up_is_still_a_pitch():
    pitch, _, _ = head_of(make_face(turned(-90))).angles
    assert np.degrees(pitch) == pytest.approx(-90, abs=0.05)


def test_shapes_stay_within_their_range():
    face = make_face(jawOpen=1.2, jawLeft=-0.1, mouthPucker=np.nan, cheekPuff=0.25)
    assert sorted(shapes_of(face))[-2:] == [0.25, 1.0]
    assert min(shapes_of(face)) == 0.0
