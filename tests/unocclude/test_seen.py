"""What the networks say of a face, and how far it is to be believed: masks, landmarks, an open mouth, is it a face."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engines.engine import COMPLETION_SIZE
from realtime.alignment import crop_matrix, to_crop
from realtime.frames import PART_NAMES
from realtime.seen import (
    LIPS,
    ON_EDGES,
    OVAL,
    SMOOTH_DOUBTED,
    Seen,
    inside_mouth,
    is_face,
    landmark_weights,
    sample,
)


def seen_with(face, **shares):
    """A face whose parts have these shares at the left border of the crop, from above: skin elsewhere."""
    parts = np.zeros((len(PART_NAMES), 64, 64), np.float32)
    parts[PART_NAMES.index("skin")] = 1
    parts[:, :5, 0] = 0
    for name, values in shares.items():
        parts[PART_NAMES.index(name), :5, 0] = values
    crop = np.zeros((COMPLETION_SIZE, COMPLETION_SIZE, 3), np.uint8)
    return Seen(face, crop_matrix(face.landmarks, COMPLETION_SIZE), crop, parts, visible=1.0)


def test_off_the_head_are_background_and_neck_whatever_eyeglasses_there_are(face):
    shares = {
        "background": (1, 0.3, 0, 0, 0.25),
        "hair": (0, 0.7, 0.2, 0, 0.25),
        "neck": (0, 0, 0, 0, 0.5),
        "eyeglasses": (0, 0, 0.8, 1, 0),
    }
    seen = seen_with(face, **shares)
    np.testing.assert_allclose(seen.off_head()[:5, 0], [1, 0.3, 0, 0, 0.75], atol=1e-6)
    np.testing.assert_allclose(seen.off_face()[:5, 0], [1, 1, 1, 0, 1], atol=1e-6)


def test_what_the_landmarks_surround_is_never_off_the_face(face):
    seen = seen_with(face)
    bald = np.zeros_like(seen.parts)
    bald[PART_NAMES.index("hair")] = 1
    off = replace(seen, parts=bald).off_face()
    outline = to_crop(face.landmarks, seen.matrix)[list(OVAL)] * (64 / COMPLETION_SIZE)
    (left, top), (right, end) = outline.min(0).astype(int), outline.max(0).astype(int)
    middle = (top + end) // 2, (left + right) // 2
    assert off[middle] == off[middle[0], left + 2] == off[top + 2, middle[1]] == 0
    assert off[middle[0], left - 2] == off[top - 2, middle[1]] == 1


def test_points_outside_a_crop_are_not_covered():
    mask = np.ones((4, 4), np.float32)
    np.testing.assert_array_equal(sample(mask, np.float32([[0, 0], [3.9, 3.9], [4, 0], [-0.1, 0]])), [1, 1, 0, 0])


def test_weights_without_a_mask_are_all_one(face):
    matrix = np.float32([[1, 0, 0], [0, 1, 0]])
    assert (landmark_weights(face.landmarks, matrix, np.zeros((192, 192), np.float32)) == 1).all()


def test_in_doubt_what_the_tracker_lays_between_edges_counts_less(face):
    matrix = crop_matrix(face.landmarks, 192)
    mask = np.zeros((192, 192), np.float32)
    mask[130:] = 1
    sure, half, doubted = (landmark_weights(face.landmarks, matrix, mask, doubt) for doubt in (0.0, 0.5, 1.0))
    far = to_crop(face.landmarks, matrix)[:, 1] < 90
    np.testing.assert_array_equal(sure[far], 1)
    np.testing.assert_allclose(doubted[far & ON_EDGES], 1, atol=1e-3)
    np.testing.assert_allclose(half[far & ~ON_EDGES], 1 - SMOOTH_DOUBTED / 2, atol=1e-3)
    np.testing.assert_allclose(doubted[far & ~ON_EDGES], 1 - SMOOTH_DOUBTED, atol=1e-3)
    near = np.abs(to_crop(face.landmarks, matrix)[:, 1] - 126) < 3
    assert (sure[near] == 1).all()
    assert doubted[near].max() < 0.7
    hidden = sure < 0.5
    assert (doubted[hidden] < sure[hidden]).all()


def lips(center=(96, 96), radius=20):
    points = np.zeros((478, 2), np.float32)
    angles = np.linspace(0, 2 * np.pi, len(LIPS), endpoint=False)
    points[list(LIPS)] = np.float32(center) + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
    return points


@pytest.mark.parametrize(("box", "expected"), [((88, 104, 88, 104), True), ((88, 130, 92, 100), False)])
def test_a_mouth_that_is_open_is_no_cover_but_what_sticks_out_of_it_is(box, expected):
    mask = np.zeros((COMPLETION_SIZE, COMPLETION_SIZE), np.float32)
    top, bottom, left, right = box
    mask[top:bottom, left:right] = 1
    found = inside_mouth(mask, lips())
    assert found.any() == expected
    assert not expected or (found == (mask > 0)).all()


def test_a_cover_elsewhere_is_not_the_mouth():
    mask = np.zeros((COMPLETION_SIZE, COMPLETION_SIZE), np.float32)
    mask[20:60, 20:60] = mask[90:100, 90:100] = 1
    found = inside_mouth(mask, lips())
    assert found[95, 95]
    assert not found[40, 40]


@pytest.mark.parametrize(
    ("agreement", "certainty", "visible", "is_one"),
    [
        (0.7, 0.9, 0.5, True),
        (0.7, 0.83, 0.5, False),  # a texture that looks a little like one
        (0.85, 0.8, 0.5, True),  # the mesh fits well
        (0.85, 0.7, 0.5, False),
        (0.5, 0.9, 0.5, False),
        (0.7, 0.9, 0.3, False),
    ],
)
def test_what_it_takes_to_be_a_face(agreement, certainty, visible, is_one):
    assert is_face(SimpleNamespace(agreement=agreement, certainty=certainty, visible=visible)) == is_one
