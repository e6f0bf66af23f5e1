"""Known heads found again from their landmarks."""

import heads
import numpy as np
import pytest

from realtime.camera import project, to_camera
from realtime.fitting import Fit, Fitter, Prior
from realtime.frames import Camera


@pytest.fixture(scope="module")
def fitter():
    return Fitter(heads.model())


def error(fit, points, camera=heads.CAMERA):
    """Mean landmark distance in % of the eyes' distance on a frontal head."""
    found = heads.landmarks(fit.pose, fit.identity, fit.expression, camera)
    mm = camera.focal / fit.pose[2, 3]
    return np.linalg.norm(found - points[:, :2], axis=1).mean() / (90 * mm) * 100


def person(seed=0, spread=0.8):
    return np.random.default_rng(seed).normal(scale=spread, size=len(heads.model().identity_basis)).astype(np.float32)


@pytest.mark.parametrize("yaw", [-60, -30, 0, 30, 60])
@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (-30, 0), (30, 0), (0, -45), (0, 45), (20, 30)])
def test_a_known_head_is_found_within_two_degrees(fitter, yaw, pitch, roll):
    truth = heads.pose(yaw, pitch, roll)
    fit = fitter.fit(heads.landmarks(truth), heads.CAMERA)
    assert heads.degrees_between(fit.pose, truth) < 2
    np.testing.assert_allclose(fit.pose[:2, 3], truth[:2, 3], atol=3)
    assert fit.pose[2, 3] == pytest.approx(truth[2, 3], rel=0.03)


@pytest.mark.parametrize("yaw", [-60, 0, 45])
def test_another_persons_smiling_head_is_found_within_two_degrees(fitter, yaw):
    truth = heads.pose(yaw, pitch=10, roll=-15)
    smile = heads.expression(mouthSmileLeft=0.7, mouthSmileRight=0.6, jawOpen=0.3)
    points = heads.landmarks(truth, person(1, spread=0.5), smile)
    fit = fitter.fit(points, heads.CAMERA)
    assert heads.degrees_between(fit.pose, truth) < 2
    assert error(fit, points) < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_identity_explains_its_landmarks(fitter, seed):
    points = heads.landmarks(heads.pose(), person(seed))
    fit = fitter.fit(points, heads.CAMERA)
    assert error(fit, points) < 0.5
    # Landmarks see only part of identity, but that part must have the right sign and no other place to go.
    assert np.corrcoef(fit.identity, person(seed))[0, 1] > 0.4
    assert fit.expression.sum() < 1.5


@pytest.mark.parametrize(
    ("name", "value"),
    [("jawOpen", 0.6), ("eyeBlinkLeft", 0.9), ("mouthPucker", 0.7), ("browInnerUp", 0.8)],
)
def test_an_expression_is_found_again(fitter, name, value):
    fit = fitter.fit(heads.landmarks(heads.pose(), expression=heads.expression(**{name: value})), heads.CAMERA)
    index = heads.model().expression_names.index(name)
    assert fit.expression[index] == pytest.approx(value, abs=0.25)


def test_a_look_to_the_side_is_found_again(fitter):
    look = heads.expression(eyeLookInRight=0.7, eyeLookOutLeft=0.7)
    fit = fitter.fit(heads.landmarks(heads.pose(), expression=look), heads.CAMERA)
    np.testing.assert_allclose(fit.expression, look, atol=0.1)


def test_eyes_turn_together(fitter):
    """One iris that errs is drawn to the other: people are not wall-eyed."""
    look = heads.expression(eyeLookOutLeft=0.5, eyeLookOutRight=0.5)
    fit = fitter.fit(heads.landmarks(heads.pose(), expression=look), heads.CAMERA)
    assert fit.expression[look > 0].max() < 0.25


def test_a_face_at_rest_has_no_expression(fitter):
    fit = fitter.fit(heads.landmarks(heads.pose()), heads.CAMERA)
    assert fit.expression.max() < 0.02
    assert np.abs(fit.identity).max() < 0.05


def test_sides_are_not_swapped(fitter):
    wink = heads.landmarks(heads.pose(), expression=heads.expression(eyeBlinkLeft=1.0))
    names = heads.model().expression_names
    fit = fitter.fit(wink, heads.CAMERA)
    assert fit.expression[names.index("eyeBlinkLeft")] > 0.6
    assert fit.expression[names.index("eyeBlinkRight")] < 0.1


def test_expressions_stay_in_their_box_whatever_comes(fitter):
    rng = np.random.default_rng(0)
    for scale in (5, 30, 200):
        points = heads.landmarks(heads.pose()) + rng.normal(scale=scale, size=(478, 2)).astype(np.float32)
        fit = fitter.fit(points, heads.CAMERA)
        assert fit.expression.min() >= 0
        assert fit.expression.max() <= 1
        assert np.abs(fit.identity).max() <= 3.5 + 1e-4
        assert np.isfinite(fit.pose).all()


def test_landmarks_without_weight_change_nothing(fitter):
    rng = np.random.default_rng(1)
    points = heads.landmarks(heads.pose(20, -5, 10), person(2, 0.5), heads.expression(jawOpen=0.4))
    weights = (rng.random(478) > 0.4).astype(np.float32)
    wrong = points + 100 * rng.normal(size=points.shape).astype(np.float32) * (weights == 0)[:, None]
    clean, corrupted = fitter.fit(points, heads.CAMERA, weights), fitter.fit(wrong, heads.CAMERA, weights)
    np.testing.assert_array_equal(clean.pose, corrupted.pose)
    np.testing.assert_array_equal(clean.identity, corrupted.identity)
    np.testing.assert_array_equal(clean.expression, corrupted.expression)


def test_landmarks_that_are_no_numbers_count_as_unseen(fitter):
    points = heads.landmarks(heads.pose())
    points[::3] = np.nan
    assert heads.degrees_between(fitter.fit(points, heads.CAMERA).pose, heads.pose()) < 1


def test_a_few_wild_landmarks_are_outvoted(fitter):
    points = heads.landmarks(heads.pose(15, 5, 0))
    wild = points.copy()
    wild[::10] += 60
    clean, robust = fitter.fit(points, heads.CAMERA), fitter.fit(wild, heads.CAMERA)
    assert heads.degrees_between(clean.pose, robust.pose) < 3


def test_following_arrives_where_a_standing_start_does(fitter):
    points = heads.landmarks(heads.pose(10, 5, -5), expression=heads.expression(jawOpen=0.5, browInnerUp=0.3))
    cold = fitter.fit(points, heads.CAMERA)
    start = Fit(cold.identity, np.zeros(52, np.float32), heads.pose(4, 0, 0, at=(20, -10, 1450)))
    warm = fitter.follow(points, heads.CAMERA, start)
    assert heads.degrees_between(cold.pose, warm.pose) < 0.3
    np.testing.assert_allclose(warm.expression, cold.expression, atol=0.05)
    np.testing.assert_array_equal(warm.identity, cold.identity)


def test_following_keeps_up_with_a_quick_turn(fitter):
    fit = fitter.fit(heads.landmarks(heads.pose(0)), heads.CAMERA)
    for yaw in (15, 30, 45):
        fit = fitter.follow(heads.landmarks(heads.pose(yaw)), heads.CAMERA, fit)
        assert heads.degrees_between(fit.pose, heads.pose(yaw)) < 2


@pytest.mark.parametrize("size", [0.05, 10.0])
def test_tiny_and_huge_pictures_of_one_face_fit_alike(fitter, size):
    camera = Camera(heads.CAMERA.focal * size, tuple(size * np.array(heads.CAMERA.center)))
    points = heads.landmarks(heads.pose(20), person(3, 0.5))
    small = fitter.fit(points * size, camera)
    usual = fitter.fit(points, heads.CAMERA)
    assert heads.degrees_between(small.pose, usual.pose) < 0.1
    np.testing.assert_allclose(small.identity, usual.identity, atol=0.02)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((478, 2)),
        np.full((478, 2), 100.0),
        np.full((478, 2), np.nan),
        np.full((478, 3), np.inf),
        np.full((478, 2), 1e30),
    ],
)
def test_what_is_no_face_gives_no_fit(fitter, points):
    assert fitter.fit(points.astype(np.float32), heads.CAMERA) is None
    previous = Fit(person(0), np.zeros(52, np.float32), heads.pose())
    assert fitter.follow(points.astype(np.float32), heads.CAMERA, previous) is None


@pytest.mark.parametrize("shape", ["line", "cloud", "mirrored"])
def test_nonsense_stays_finite(fitter, shape):
    rng = np.random.default_rng(2)
    points = {
        "line": np.stack([np.linspace(0, 600, 478), np.linspace(0, 400, 478)], 1),
        "cloud": rng.uniform(0, 600, (478, 2)),
        "mirrored": heads.landmarks(heads.pose()) * [-1, 1] + [640, 0],
    }[shape].astype(np.float32)
    fit = fitter.fit(points, heads.CAMERA)
    for _ in range(5):
        fit = fitter.follow(points, heads.CAMERA, fit)
    assert np.isfinite(fit.pose).all()
    assert fit.pose[2, 3] > 0
    np.testing.assert_allclose(fit.pose[:3, :3] @ fit.pose[:3, :3].T, np.eye(3), atol=1e-4)


def test_no_weight_at_all_gives_no_fit(fitter):
    assert fitter.fit(heads.landmarks(heads.pose()), heads.CAMERA, np.zeros(478)) is None


def test_a_prior_fills_in_what_is_hidden(fitter):
    """The lower face is hidden: the mouth must come from the prior, the pose from the upper face."""
    truth = heads.expression(jawOpen=0.8, browInnerUp=0.6)
    points = heads.landmarks(heads.pose(10), expression=truth)
    weights = (points[:, 1] < points[1, 1]).astype(np.float32)
    believed = Prior(np.zeros(len(person()), np.float32), heads.expression(jawOpen=0.8), expression_strength=5.0)
    fit = fitter.fit(points, heads.CAMERA, weights, believed)
    names = heads.model().expression_names
    assert fit.expression[names.index("jawOpen")] == pytest.approx(0.8, abs=0.05)
    assert fit.expression[names.index("browInnerUp")] > 0.3  # seen, so the landmarks win
    assert heads.degrees_between(fit.pose, heads.pose(10)) < 2


def test_an_overwhelming_prior_wins(fitter):
    prior = Prior(person(5), heads.expression(mouthPucker=0.5), identity_strength=1e7, expression_strength=1e7)
    fit = fitter.fit(heads.landmarks(heads.pose()), heads.CAMERA, prior=prior)
    np.testing.assert_allclose(fit.identity, person(5), atol=0.02)
    np.testing.assert_allclose(fit.expression, prior.expression, atol=0.02)


def test_evidence_of_a_frame_gives_its_identity(fitter):
    points = heads.landmarks(heads.pose(5), person(4, 0.6))
    fit = fitter.fit(points, heads.CAMERA)
    evidence = fitter.evidence(points, heads.CAMERA, fit)
    np.testing.assert_allclose(evidence.solve(), fit.identity, atol=0.1)


def test_evidence_from_several_views_knows_more_than_one(fitter):
    truth = person(6)
    off = []
    evidence = None
    for count, yaw in enumerate((0, -35, 35, -20, 20), start=1):
        points = heads.landmarks(heads.pose(yaw), truth)
        newer = fitter.evidence(points, heads.CAMERA, fitter.fit(points, heads.CAMERA))
        evidence = newer if evidence is None else evidence.blend(newer, 1 / count)
        shape = heads.model().neutral(evidence.solve()) - heads.model().neutral(truth)
        off.append(np.linalg.norm(shape, axis=1).mean())
    assert off[-1] < off[0]


def test_landmarks_of_the_fit_lie_on_its_mesh(fitter):
    fit = fitter.fit(heads.landmarks(heads.pose(30), person(7, 0.5)), heads.CAMERA)
    face = heads.model()
    vertices = face.vertices(fit.identity, fit.expression)
    on_mesh = project(to_camera(face.landmarks(vertices), fit.pose), heads.CAMERA)
    np.testing.assert_allclose(on_mesh, heads.landmarks(fit.pose, fit.identity, fit.expression), atol=1e-3)
