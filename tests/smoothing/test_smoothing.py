"""One Euro filters: golden values, rotations, and the filters of one face."""

import numpy as np
import pytest

from realtime.camera import make_pose, rotation_from_vector
from realtime.fitting import Fit
from realtime.smoothing import (
    FaceSmoother,
    OneEuro,
    OneEuroRotation,
    Response,
    angle_between,
    blend_factor,
    quaternion,
    rotation_matrix,
    slerp,
)

PLAIN = Response(cutoff=1.0, slope=0.0)


def turn(degrees, axis=(0, 1, 0)):
    return rotation_from_vector(np.radians(degrees) * np.array(axis, float))


def fit(identity=0.0, expression=0.0, rotation=None, translation=(0.0, 0.0, 1000.0)):
    return Fit(
        np.full(4, identity, np.float32),
        np.full(52, expression, np.float32),
        make_pose(np.eye(3) if rotation is None else rotation, np.array(translation)),
    )


# One Euro ---------------------------------------------------------------------------------------------


def test_blend_factor_golden():
    # tau = 1 / (2 pi), step 1 s: step / (step + tau).
    assert blend_factor(1.0, 1.0) == pytest.approx(1 / (1 + 1 / (2 * np.pi)))


def test_one_euro_golden():
    """Computed step by step from the paper: min cut-off 1 Hz, beta 0.5, derivative cut-off 1 Hz, 10 Hz."""
    one_euro = OneEuro(Response(cutoff=1.0, slope=0.5))
    out = [one_euro(np.array([value]), 0.1)[0] for value in (0.0, 1.0, 1.0, 0.0)]
    # Step 2: speed 10, smoothed by 0.3858695 -> 3.8586955; cut-off 2.9293477 -> share 0.6479572.
    # Step 3: speed 3.5204283, smoothed -> 3.7281685; cut-off 2.8640842 -> share 0.6428007.
    # Step 4: speed -8.7425053, smoothed -> -1.0838848; cut-off 1.5419424 -> share 0.4920844.
    np.testing.assert_allclose(out, [0.0, 0.6479572, 0.8742505, 0.4440455], atol=1e-7)


def test_the_first_value_passes():
    np.testing.assert_array_equal(OneEuro(PLAIN)(np.array([3.0, -1.0]), 0.0), [3.0, -1.0])


def test_a_constant_stays():
    one_euro = OneEuro(Response(0.3, 2.0))
    for _ in range(20):
        np.testing.assert_allclose(one_euro(np.array([0.7]), 0.033), 0.7)


def test_it_settles_on_a_step():
    one_euro = OneEuro(PLAIN)
    one_euro(np.zeros(1), 0)
    for _ in range(100):
        value = one_euro(np.ones(1), 0.033)
    assert value[0] == pytest.approx(1, abs=1e-6)


def test_slow_noise_is_damped_more_than_quick_motion():
    one_euro = OneEuro(Response(cutoff=0.5, slope=2.0))
    one_euro(np.zeros(2), 0)
    value = one_euro(np.array([0.01, 10.0]), 1 / 30)
    assert value[0] / 0.01 < 0.2
    assert value[1] / 10 > 0.7


def test_half_the_rate_with_twice_the_step_gives_nearly_the_same():
    """True time steps: what matters is seconds, not frames."""
    dense, sparse = OneEuro(PLAIN), OneEuro(PLAIN)
    dense(np.zeros(1), 0)
    sparse(np.zeros(1), 0)
    for k in range(1, 61):
        a = dense(np.array([np.sin(k / 60)]), 1 / 60)
        if k % 2 == 0:
            b = sparse(np.array([np.sin(k / 60)]), 1 / 30)
    assert a[0] == pytest.approx(b[0], abs=0.01)


@pytest.mark.parametrize("step", [0.0, -0.1])
def test_time_that_stands_still_changes_nothing(step):
    one_euro = OneEuro(PLAIN)
    one_euro(np.zeros(1), 0)
    before = one_euro(np.ones(1), 0.1)
    np.testing.assert_array_equal(one_euro(np.full(1, 9.0), step), before)


def test_reset_forgets():
    one_euro = OneEuro(PLAIN)
    one_euro(np.zeros(1), 0)
    one_euro.reset()
    np.testing.assert_array_equal(one_euro(np.ones(1), 0.033), [1.0])


def test_a_higher_scale_follows_faster():
    slow, fast = OneEuro(PLAIN), OneEuro(PLAIN)
    slow(np.zeros(1), 0)
    fast(np.zeros(1), 0)
    assert fast(np.ones(1), 0.033, 2.0) > slow(np.ones(1), 0.033, 0.5)


def test_results_are_copies():
    one_euro = OneEuro(PLAIN)
    one_euro(np.zeros(1), 0)[:] = 100
    assert one_euro(np.zeros(1), 0.1)[0] == 0


# Rotations --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [0, 1e-4, 30, 90, 179.9, 180])
@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, -0.64, 0.48)])
def test_quaternions_round_trip(degrees, axis):
    rotation = turn(degrees, axis)
    np.testing.assert_allclose(rotation_matrix(quaternion(rotation)), rotation, atol=1e-9)


def test_quaternion_golden():
    np.testing.assert_allclose(quaternion(turn(90, (0, 0, 1))), [np.sqrt(0.5), 0, 0, np.sqrt(0.5)], atol=1e-12)


@pytest.mark.parametrize("degrees", [1e-5, 1, 90, 170])
def test_angles_between_rotations(degrees):
    a, b = quaternion(turn(20)), quaternion(turn(20 + degrees))
    assert np.degrees(angle_between(a, b)) == pytest.approx(degrees, rel=1e-6)
    assert np.degrees(angle_between(a, -b)) == pytest.approx(degrees, rel=1e-6)


def test_slerp_goes_evenly_along_the_shorter_arc():
    a, b = quaternion(turn(-10)), quaternion(turn(50))
    for share in (0.0, 0.25, 0.5, 1.0):
        expected = turn(-10 + 60 * share)
        np.testing.assert_allclose(rotation_matrix(slerp(a, b, share)), expected, atol=1e-9)
        np.testing.assert_allclose(rotation_matrix(slerp(a, -b, share)), expected, atol=1e-9)


def test_slerp_of_equal_rotations():
    a = quaternion(turn(33))
    np.testing.assert_allclose(slerp(a, a, 0.5), a)


def test_a_full_turn_is_followed_without_a_jump():
    """The quaternion changes its sign on the way round: the filter must not turn back."""
    one_euro = OneEuroRotation(Response(cutoff=2.0, slope=5.0))
    last = one_euro(turn(0), 0)
    for degrees in range(6, 721, 6):
        now = one_euro(turn(degrees), 1 / 30)
        step = np.degrees(angle_between(quaternion(last), quaternion(now)))
        assert step < 10
        assert np.degrees(angle_between(quaternion(now), quaternion(turn(degrees)))) < 15
        last = now


def test_rotation_noise_at_rest_is_damped():
    rng = np.random.default_rng(0)
    one_euro = OneEuroRotation(Response(cutoff=1.0, slope=1.0))
    raw, smooth = [], []
    for _ in range(150):
        rotation = turn(1.0, rng.normal(size=3) / 2)
        raw.append(angle_between(quaternion(rotation), quaternion(np.eye(3))))
        smooth.append(angle_between(quaternion(one_euro(rotation, 1 / 30)), quaternion(np.eye(3))))
    assert np.mean(smooth[30:]) < 0.5 * np.mean(raw[30:])


def test_results_are_rotations():
    one_euro = OneEuroRotation(PLAIN)
    for degrees in (0, 100, 250, 10):
        out = one_euro(turn(degrees, (0.6, 0, 0.8)), 1 / 30)
        np.testing.assert_allclose(out @ out.T, np.eye(3), atol=1e-12)


# One face ---------------------------------------------------------------------------------------------


def test_the_first_frame_passes_unchanged():
    smoother = FaceSmoother()
    smoother.advance(5.0)
    raw = fit(0.5, 0.3, turn(20), (10.0, -20.0, 900.0))
    out = smoother.motion(raw, size=90)
    np.testing.assert_allclose(out.pose, raw.pose, atol=1e-3)
    np.testing.assert_allclose(out.expression, raw.expression)
    np.testing.assert_allclose(smoother.identity(raw.identity), raw.identity)


def test_identity_is_slower_than_expression():
    smoother = FaceSmoother()
    for k in range(2):
        smoother.advance(k / 30)
        identity = smoother.identity(np.full(4, float(k)))
        expression = smoother.motion(fit(expression=float(k)), 90).expression
    assert identity[0] < 0.2 * expression[0]


def test_depth_noise_does_not_shake_the_place_in_the_picture():
    """x and y scale with a wrong depth; what the camera sees, x / z, must stay."""
    smoother = FaceSmoother()
    rng = np.random.default_rng(1)
    for k in range(60):
        depth = 1000 * (1 + 0.02 * rng.normal())
        smoother.advance(k / 30)
        out = smoother.motion(fit(translation=(0.1 * depth, -0.05 * depth, depth)), 90).pose[:3, 3]
        np.testing.assert_allclose(out[:2] / out[2], [0.1, -0.05], atol=1e-6)


def test_a_small_face_is_smoothed_more():
    def answer(size):
        smoother = FaceSmoother()
        for k in range(2):
            smoother.advance(k / 30)
            out = smoother.motion(fit(translation=(float(k), 0, 1000)), size)
        return out.pose[0, 3]

    assert answer(20) < answer(90)


@pytest.mark.parametrize("gap", [0.8, -3.0])
def test_a_gap_or_a_rewind_starts_afresh(gap):
    smoother = FaceSmoother()
    smoother.advance(10.0)
    smoother.motion(fit(), 90)
    smoother.advance(10.0 + gap)
    raw = fit(expression=1.0, translation=(50, 0, 800))
    np.testing.assert_allclose(smoother.motion(raw, 90).pose, raw.pose, atol=1e-3)


def test_a_reset_starts_afresh():
    smoother = FaceSmoother()
    smoother.advance(0.0)
    smoother.motion(fit(), 90)
    smoother.reset()
    smoother.advance(0.033)
    np.testing.assert_allclose(smoother.motion(fit(expression=1.0), 90).expression, 1.0)


def test_the_same_moment_twice_changes_nothing():
    smoother = FaceSmoother()
    smoother.advance(0.0)
    first = smoother.motion(fit(), 90)
    smoother.advance(0.0)
    np.testing.assert_allclose(smoother.motion(fit(expression=1.0), 90).expression, first.expression)


def test_expressions_stay_in_their_box():
    smoother = FaceSmoother()
    rng = np.random.default_rng(2)
    for k in range(50):
        smoother.advance(k / 30)
        out = smoother.motion(fit(expression=float(rng.integers(0, 2))), 90).expression
        assert out.min() >= 0
        assert out.max() <= 1


def test_light_goes_slowly():
    smoother = FaceSmoother()
    smoother.advance(0.0)
    smoother.light(np.zeros(27))
    smoother.advance(1 / 30)
    assert 0 < smoother.light(np.ones(27)).max() < 0.6
