"""The crop and the way back."""

import heads
import numpy as np
import pytest

from realtime.alignment import HALF_WIDTH, crop_matrix, cut, invert, rescale, to_crop, to_picture

SIZE = 128


@pytest.fixture
def points():
    return heads.landmarks(heads.pose(roll=25))


def test_the_way_back_undoes_the_way_there(points):
    matrix = crop_matrix(points, SIZE)
    np.testing.assert_allclose(to_picture(to_crop(points, matrix), matrix), points, atol=2e-3)
    np.testing.assert_allclose(to_crop(to_picture(points, matrix), matrix), points, atol=2e-3)


def test_invert_twice_is_nothing(points):
    matrix = crop_matrix(points, SIZE)
    np.testing.assert_allclose(invert(invert(matrix)), matrix, rtol=1e-4, atol=1e-3)


def test_the_crop_is_a_similarity_without_a_mirror(points):
    linear = crop_matrix(points, SIZE)[:, :2]
    scale = np.sqrt(np.linalg.det(linear))
    assert scale > 0
    np.testing.assert_allclose(linear @ linear.T, scale**2 * np.eye(2), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("roll", [-170, -60, 0, 25, 90])
def test_the_face_stands_upright_in_the_middle(roll):
    points = heads.landmarks(heads.pose(roll=roll))
    inside = to_crop(points, crop_matrix(points, SIZE))
    right, left = inside[[33, 133]].mean(0), inside[[362, 263]].mean(0)
    mouth = inside[[61, 291]].mean(0)
    assert left[0] > right[0]
    assert abs(left[1] - right[1]) < 2
    assert mouth[1] > left[1]
    assert np.abs(inside.mean(0) - SIZE / 2).max() < SIZE / 8


@pytest.mark.parametrize("yaw", [-60, 0, 60])
@pytest.mark.parametrize("pitch", [-30, 0, 30])
def test_the_whole_face_is_inside_however_it_turns(yaw, pitch):
    shout = heads.expression(jawOpen=1.0)
    points = heads.landmarks(heads.pose(yaw, pitch), expression=shout)
    inside = to_crop(points, crop_matrix(points, SIZE))
    assert inside.min() > 0
    assert inside.max() < SIZE


def test_moving_turning_and_scaling_the_picture_leaves_the_crop_as_it_is(points):
    angle, scale = 0.7, 2.5
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (points @ turn.T + [300, -40]).astype(np.float32)
    np.testing.assert_allclose(
        to_crop(moved, crop_matrix(moved, SIZE)), to_crop(points, crop_matrix(points, SIZE)), atol=0.02
    )


def test_twice_the_size_is_the_same_crop_finer(points):
    np.testing.assert_allclose(rescale(crop_matrix(points, SIZE), 2), crop_matrix(points, 2 * SIZE), rtol=1e-5)


def test_the_crops_width_follows_the_eyes():
    points = np.zeros((478, 2), np.float32)
    points[[33, 133]], points[[362, 263]] = [-50, 0], [50, 0]
    points[[61, 291]] = [0, 90]
    matrix = crop_matrix(points, SIZE)
    assert SIZE / np.hypot(*matrix[0, :2]) == pytest.approx(2 * HALF_WIDTH * 200, rel=1e-5)


def test_points_that_coincide_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        crop_matrix(np.ones((478, 3), np.float32), SIZE)


def test_a_cut_shows_what_lies_there(points):
    """A picture whose colours are its coordinates: each crop pixel must hold those it comes from."""
    y, x = np.mgrid[:480, :640]
    image = np.stack([x * 255 / 640, y * 255 / 480, np.zeros_like(x)], -1).astype(np.uint8)
    matrix = crop_matrix(points, SIZE)
    crop = cut(image, matrix, SIZE)
    assert crop.image.shape == (SIZE, SIZE, 3)
    np.testing.assert_array_equal(crop.matrix, matrix)
    middle = np.array([[SIZE / 2, SIZE / 2]])
    where = to_picture(middle, matrix)[0]
    np.testing.assert_allclose(crop.image[SIZE // 2, SIZE // 2, :2], where * 255 / [640, 480], atol=2)


@pytest.mark.parametrize("scale", [0.1, 0.3, 1.0])
def test_the_strong_reduction_of_a_large_picture_stays_in_place(scale):
    """Shrinking in steps first must not move anything: the crop of an edge keeps the edge where it is."""
    image = np.zeros((600, 800, 3), np.uint8)
    image[:, 400:] = 255
    matrix = np.array([[scale, 0, 32 - scale * 400], [0, scale, 32 - scale * 300]], np.float32)
    row = cut(image, matrix, 64).image[32, :, 0].astype(float)
    # The picture's px coordinates have their origin at the corner of the first pixel.
    edge = 64 - row.sum() / 255
    assert edge == pytest.approx(32, abs=0.6)


def test_a_crop_beyond_the_picture_repeats_the_border():
    image = np.full((40, 40, 3), 200, np.uint8)
    crop = cut(image, np.array([[1, 0, 30], [0, 1, 30]], np.float32), 64)
    assert (crop.image == 200).all()
