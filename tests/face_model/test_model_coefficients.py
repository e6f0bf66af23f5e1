"""What the face model's identity and expression coefficients do."""

from __future__ import annotations

import numpy as np
import pytest
from model_parts import CHIN, LIP_LEFT, LIP_RIGHT, LOWER_LIDS, UPPER_LIDS, posed, skin_triangles

from engines.face_model.model import LEFT, RIGHT

# fmt: off
ARKIT = [
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
]
# fmt: on


def test_zero_is_the_mean(model):
    np.testing.assert_array_equal(model.neutral(np.zeros(80)), model.mean)
    np.testing.assert_allclose(posed(model), model.mean, atol=1e-4)


def test_a_short_identity_leaves_the_rest_zero(model):
    short = np.random.default_rng(0).normal(size=7)
    long = np.zeros(80)
    long[:7] = short
    np.testing.assert_allclose(model.neutral(short), model.neutral(long), atol=1e-4)


def test_identity_is_linear(model):
    a, b = np.random.default_rng(1).normal(size=(2, 80))
    both = model.neutral(a) + model.neutral(b) - model.mean
    np.testing.assert_allclose(model.neutral(a + b), both, atol=1e-3)


@pytest.mark.parametrize("count", [81, 200])
def test_too_many_coefficients(model, count):
    with pytest.raises(ValueError, match="at most 80"):
        model.neutral(np.zeros(count))


def test_identity_components_are_ordered_by_what_they_move(model):
    size = np.sqrt((model.identity_basis[:, np.unique(skin_triangles(model))] ** 2).sum(2).mean(1))
    assert size[0] > size[10] > size[40] > size[79] > 0


def test_identity_keeps_size_and_place(model):
    """Similarity was removed: random people have eyes about as far apart, and stay where they are."""
    random = np.random.default_rng(2)
    faces = np.array([model.landmarks(model.neutral(random.normal(size=80))) for _ in range(50)])
    assert np.abs(faces.mean((0, 1)) - model.landmarks(model.mean).mean(0)).max() < 1.5
    spread = np.linalg.norm(faces - faces.mean(1, keepdims=True), axis=2).mean(1)
    assert spread.std() / spread.mean() < 0.03


def test_the_identity_in_a_mirror_is_the_mirrored_face(model):
    identity = np.random.default_rng(4).standard_normal(len(model.identity_basis)).astype(np.float32)
    other = model.in_mirror(identity)
    assert 5 < (other == -identity).sum() < len(identity) / 2
    np.testing.assert_array_equal(model.in_mirror(other), identity)
    found = model.neutral(other)
    wanted = model.neutral(identity)[model.mirror] * (-1, 1, 1)
    away = np.linalg.norm(model.neutral(identity) - model.mean, axis=1).mean()
    assert np.linalg.norm(found - wanted, axis=1).mean() < 0.1 * away
    np.testing.assert_array_equal(model.in_mirror(identity[:7]), other[:7])


def test_expression_names_are_arkits(model):
    assert list(model.expression_names) == ARKIT


def test_every_expression_moves_something(model):
    assert (np.linalg.norm(model.expression_basis, axis=2).max(1) > 0.9).all()


def test_left_and_right_expressions_mirror_each_other(model):
    for left, name in enumerate(model.expression_names):
        if name.endswith("Left"):
            right = model.expression_names.index(name.removesuffix("Left") + "Right")
            mirrored = model.expression_basis[right][model.mirror] * [-1, 1, 1]
            np.testing.assert_allclose(mirrored, model.expression_basis[left], atol=0.15, err_msg=name)


def test_expressions_do_not_move_the_eyeballs(model):
    assert np.abs(model.expression_basis[:, model.eye_ranges.min() :]).max() == 0


def test_tongue_out_moves_no_skin(model):
    moved = model.expression_basis[model.expression_names.index("tongueOut")]
    assert np.abs(moved[np.unique(skin_triangles(model))]).max() == 0


def test_jaw_open_lowers_the_chin(model):
    shift = model.landmarks(posed(model, jawOpen=1)) - model.landmarks(model.mean)
    assert shift[CHIN, 1] < -10
    assert abs(shift[CHIN, 0]) < 0.5
    assert np.abs(shift[[10, 33, 263]]).max() < 0.5


def test_jaw_left_goes_to_the_persons_left(model):
    shift = model.landmarks(posed(model, jawLeft=1)) - model.landmarks(model.mean)
    assert shift[CHIN, 0] > 3


def test_smile_left_lifts_the_left_corner_only(model):
    shift = model.landmarks(posed(model, mouthSmileLeft=1)) - model.landmarks(model.mean)
    assert shift[LIP_LEFT, 1] > 2
    assert np.abs(shift[LIP_RIGHT]).max() < 1


@pytest.mark.parametrize(("name", "eye"), [("eyeBlinkRight", RIGHT), ("eyeBlinkLeft", LEFT)])
def test_blink_closes_its_own_eye(model, name, eye):
    before, after = model.landmarks(model.mean), model.landmarks(posed(model, **{name: 1}))

    def opening(points, which):
        return np.linalg.norm(points[UPPER_LIDS[which]] - points[LOWER_LIDS[which]])

    assert opening(after, eye) < 0.35 * opening(before, eye)
    other = 1 - eye
    assert abs(opening(after, other) - opening(before, other)) < 0.2


def test_closed_lids_lie_outside_the_eyeball(model):
    vertices = posed(model, eyeBlinkLeft=1)
    first, end = model.eye_ranges[LEFT]
    radius = np.linalg.norm(model.mean[first:end] - model.eye_centers[LEFT], axis=1).max()
    moved = np.linalg.norm(vertices - model.mean, axis=1) > 3
    assert moved.sum() > 30
    assert np.linalg.norm(vertices[moved] - model.eye_centers[LEFT], axis=1).min() > radius
