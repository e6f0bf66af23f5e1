import numpy as np
import pytest

from realtime.camera import FACING, picture_vertices, rotation_from_vector
from realtime.frames import Camera
from realtime.light import sh_basis
from realtime.regressed import CROP_FOCAL, CropPose, camera_pose, crop_camera, crop_pose, light_in_picture, turn_light

SIZE = 128


def some_pose(rng):
    rotation = rotation_from_vector(rng.normal(0, 0.4, 3)) @ FACING
    return CropPose(rotation, float(rng.uniform(0.3, 0.7)), rng.uniform(-0.2, 0.2, 2))


def similarity(scale, angle, shift):
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]], np.float32)


def test_vector_round_trip():
    pose = some_pose(np.random.default_rng(0))
    again = CropPose.from_vector(pose.vector())
    np.testing.assert_allclose(again.rotation, pose.rotation, atol=1e-6)
    np.testing.assert_allclose(again.origin, pose.origin, atol=1e-6)
    assert again.scale == pytest.approx(pose.scale, rel=1e-6)


def test_any_nine_numbers_give_a_rotation():
    for vector in (np.zeros(9), np.full(9, 3.0), np.random.default_rng(1).normal(size=9)):
        pose = CropPose.from_vector(vector)
        assert np.isfinite(pose.pose()).all()
    np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(pose.rotation) == pytest.approx(1)


def test_crop_to_camera_and_back():
    rng = np.random.default_rng(2)
    camera = Camera(1000.0, (320.0, 240.0))
    for _ in range(20):
        pose = some_pose(rng)
        matrix = similarity(rng.uniform(0.3, 2), rng.uniform(-1, 1), rng.uniform(-50, 50, 2))
        again = crop_pose(camera_pose(pose, matrix, SIZE, camera), matrix, SIZE, camera)
        np.testing.assert_allclose(again.rotation, pose.rotation, atol=1e-5)
        np.testing.assert_allclose(again.origin, pose.origin, atol=1e-4)
        assert again.scale == pytest.approx(pose.scale, rel=1e-4)


def test_the_whole_picture_as_crop_changes_nothing():
    pose = some_pose(np.random.default_rng(3))
    same = camera_pose(pose, similarity(1, 0, (0, 0)), SIZE, crop_camera(SIZE))
    np.testing.assert_allclose(same, pose.pose(), rtol=1e-5, atol=1e-3)


def test_vertices_fall_on_the_same_pixels():
    """A turned, enlarged crop around the middle of a picture of the same perspective: exact."""
    rng = np.random.default_rng(4)
    points = rng.normal(0, 60, (50, 3)).astype(np.float32)
    pose = CropPose(some_pose(rng).rotation, 0.5, np.zeros(2))
    crop = picture_vertices(points, pose.pose(), crop_camera(SIZE))
    matrix = similarity(0.5, 0.3, (0, 0))
    center = np.array([320.0, 240.0])
    matrix[:, 2] = SIZE / 2 - matrix[:, :2] @ center
    camera = Camera(CROP_FOCAL * SIZE / 0.5, tuple(center))
    picture = picture_vertices(points, camera_pose(pose, matrix, SIZE, camera), camera)
    np.testing.assert_allclose(picture[:, :2] @ matrix[:, :2].T + matrix[:, 2], crop[:, :2], atol=2e-3)


def test_off_centre_and_other_perspective_stays_near():
    rng = np.random.default_rng(5)
    points = rng.normal(0, 45, (200, 3)).astype(np.float32)
    camera = Camera(900.0, (320.0, 240.0))
    matrix = similarity(0.6, -0.2, (10.0, -30.0))
    for _ in range(5):
        pose = some_pose(rng)
        crop = picture_vertices(points, pose.pose(), crop_camera(SIZE))[:, :2]
        picture = picture_vertices(points, camera_pose(pose, matrix, SIZE, camera), camera)[:, :2]
        off = np.abs(picture @ matrix[:, :2].T + matrix[:, 2] - crop).mean()
        assert off < 0.05 * crop.std()


def test_turned_light_shines_the_same_on_turned_normals():
    rng = np.random.default_rng(6)
    light = rng.normal(size=27).astype(np.float32)
    normals = rng.normal(size=(40, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    cos, sin = np.cos(0.7), np.sin(0.7)
    turned = normals @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]).T
    before = sh_basis(normals) @ light.reshape(3, 9).T
    after = sh_basis(turned) @ turn_light(light, 0.7).reshape(3, 9).T
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_light_follows_the_crop():
    light = np.random.default_rng(7).normal(size=27).astype(np.float32)
    matrix = similarity(0.4, 0.3, (5, 5))
    np.testing.assert_allclose(light_in_picture(turn_light(light, 0.3), matrix), light, atol=1e-5)
