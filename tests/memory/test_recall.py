"""Remembered faces painted into crops."""

import functools

import cv2
import numpy as np
import pytest
from painted_heads import SIDE, box, model, picture, state, surface, texture, vertices, weight_of

from realtime.recall import Recaller, rim
from realtime.remembered import SIZE, FaceMemory

HIDDEN = box(90, 140, 70, 120)  # nose, mouth and a cheek
INNER = HIDDEN > 0


@functools.cache
def recaller():
    return Recaller(model())


def remembered(weight=None, colours=None):
    memory = FaceMemory(surface())
    memory.add(
        texture() if colours is None else colours, np.ones((SIZE, SIZE), np.float32) if weight is None else weight
    )
    return memory.texture


def recall(points, shown, known=None, hidden=HIDDEN):
    covered = shown.copy()
    covered[hidden > 0] = (0, 200, 0)
    under = hidden[points[:, 1].astype(int).clip(0, SIDE - 1), points[:, 0].astype(int).clip(0, SIDE - 1)]
    near = cv2.dilate(hidden, np.ones((9, 9)))[
        points[:, 1].astype(int).clip(0, SIDE - 1), points[:, 0].astype(int).clip(0, SIDE - 1)
    ]
    visibility = state(points).visibility * (1 - np.maximum(under, near))
    return recaller().recall(remembered() if known is None else known, points, visibility, covered, hidden)


@pytest.mark.parametrize("yaw", [0, 20, -30])
def test_a_hidden_part_is_painted_as_it_is(yaw):
    points = vertices(yaw)
    truth = picture(points, texture())
    found = recall(points, truth)
    sure = INNER & (found.share > 0.99)
    assert sure.sum() > 0.7 * INNER.sum()
    assert np.abs(found.painting[sure].astype(int) - truth[sure]).mean() < 5


@pytest.mark.parametrize("gain", [(0.6, 0.6, 0.6), (1.25, 1.0, 0.8)])
def test_it_is_painted_in_the_light_of_now(gain):
    points = vertices()
    truth = np.clip(picture(points, texture()) * np.float32(gain), 0, 255).astype(np.uint8)
    found = recall(points, truth)
    sure = INNER & (found.share > 0.99)
    assert np.abs(found.painting[sure].astype(int) - truth[sure]).mean() < 7


def test_a_few_odd_pixels_in_view_do_not_change_the_light():
    points = vertices()
    truth = picture(points, texture())
    shown = truth.copy()
    shown[70:85, 75:90] = (0, 255, 0)  # the edge of a cover that nobody noticed
    found = recall(points, shown)
    sure = INNER & (found.share > 0.99)
    assert np.abs(found.painting[sure].astype(int) - truth[sure]).mean() < 7


def test_where_nothing_is_known_nothing_is_painted():
    weight = np.ones((SIZE, SIZE), np.float32)
    weight[120:] = 0  # the lower half of the face, both sides
    found = recall(vertices(), picture(vertices(), texture()), remembered(weight))
    assert found.share[INNER].min() < 0.01
    assert found.share[125:140, 85:105].max() < 0.01


def test_the_other_side_comes_second():
    weight = np.ones((SIZE, SIZE), np.float32)
    weight[:, SIZE // 2 :] = 0
    found = recall(vertices(), picture(vertices(), texture()), remembered(weight))
    middle = vertices()[:, 0].mean()
    right, left = INNER.copy(), INNER.copy()
    right[:, int(middle) - 4 :] = False
    left[:, : int(middle) + 4] = False
    assert found.own[right].mean() > 0.8
    assert found.own[left].max() < 0.1
    assert found.mirrored[left].mean() > 0.8
    assert (found.own + found.mirrored).max() <= 1.001


def test_seams_of_the_known_are_soft_and_let_nothing_in():
    weight = np.ones((SIZE, SIZE), np.float32)
    weight[150:] = 0
    share = recall(vertices(), picture(vertices(), texture()), remembered(weight)).share
    steps = np.abs(np.diff(share[100:135, 85:105], axis=0))
    assert 0 < steps.max() < 0.7


def test_a_face_elsewhere_is_not_under_the_mask():
    assert recall(vertices(at=(96, 90)) + np.float32([400, 0, 0]), picture(vertices(), texture())) is None


def test_the_meshs_border_fades_and_its_middle_does_not():
    border = rim(model())
    assert border.min() == 0
    nose = model().parts == model().mesh_part_names.index("nose")
    assert border[nose].min() == 1


@pytest.mark.parametrize("name", ["teeth", "left_eye", "eyelids"])
def test_what_ends_within_the_head_does_not_fade(name):
    """A smile was remembered without its teeth: they are a strip with an open border of its own."""
    assert rim(model())[model().parts == model().mesh_part_names.index(name)].min() == 1


def test_texture_seams_are_no_border():
    assert (rim(model()) > 0).mean() > 0.85


def test_what_is_seen_aslant_is_known_less():
    weight = weight_of(vertices(60))
    left, right = weight[:, : SIZE // 2].mean(), weight[:, SIZE // 2 :].mean()
    assert max(left, right) > 2 * min(left, right)
