"""A covered face followed by what is seen of it."""

import cv2
import numpy as np
import pytest
from painted_heads import IDENTITY, SIDE, box, model, vertices

from realtime.alignment import crop_matrix, cut
from realtime.following import follow


def textured():
    noise = np.random.default_rng(4).integers(40, 220, (48, 48, 3)).astype(np.uint8)
    return cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


MARKS = model().landmarks(vertices()).astype(np.float32)


def warped(image, move):
    return cv2.warpAffine(image, move, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


def turned(angle, scale, shift):
    move = cv2.getRotationMatrix2D((96, 90), angle, scale)
    move[:, 2] += shift
    return move


@pytest.mark.parametrize("move", [turned(0, 1, (4, -3)), turned(3, 1, (0, 0)), turned(-2, 1.03, (2, 1))])
def test_a_motion_is_recovered(move):
    found = follow(warped(textured(), move), MARKS, textured(), IDENTITY, None)
    np.testing.assert_allclose(found[:, :2], MARKS[:, :2] @ move[:, :2].T + move[:, 2], atol=0.5)
    np.testing.assert_array_equal(found[:, 2], MARKS[:, 2])


def test_what_comes_in_front_does_not_drag_it_along():
    newer = textured()
    newer[100:170, 40:110] = np.random.default_rng(5).integers(0, 255, (70, 70, 3))
    found = follow(newer, MARKS, textured(), IDENTITY, None)
    np.testing.assert_allclose(found[:, :2], MARKS[:, :2], atol=0.4)


def test_what_is_covered_is_not_followed():
    older, newer = textured(), textured()
    cover = np.random.default_rng(6).integers(0, 255, (80, 192, 3)).astype(np.uint8)
    older[100:180], newer[100:180] = cover, np.roll(cover, 6, axis=1)
    found = follow(newer, MARKS, older, IDENTITY, box(100, 180, 0, 192))
    np.testing.assert_allclose(found[:, :2], MARKS[:, :2], atol=0.4)


def test_a_face_wholly_covered_cannot_be_followed():
    assert follow(textured(), MARKS, textured(), IDENTITY, np.ones((SIDE, SIDE), np.float32)) is None


def test_another_picture_cannot_be_followed():
    other = np.random.default_rng(9).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    found = follow(other, MARKS, textured(), IDENTITY, None)
    assert found is None or np.abs(found - MARKS).max() < 200


def test_it_works_in_a_turned_and_scaled_crop():
    image = cv2.resize(textured(), (400, 400), interpolation=cv2.INTER_LINEAR)
    marks = MARKS * np.float32(400 / SIDE)
    matrix = crop_matrix(marks, SIDE)
    newer = cv2.warpAffine(image, np.float32([[1, 0, 6], [0, 1, -5]]), (400, 400), borderMode=cv2.BORDER_REPLICATE)
    found = follow(newer, marks, cut(image, matrix, SIDE).image, matrix, None)
    np.testing.assert_allclose(found[:, :2], marks[:, :2] + (6, -5), atol=0.7)
