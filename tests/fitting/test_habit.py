"""A face's habit: believed as strongly as it was steady, and no more than what is remembered."""

import numpy as np
import pytest

from realtime.fitting import Prior
from realtime.habit import MOST_STRENGTH, SPAN, Habit

IDENTITY = np.arange(4, dtype=np.float32)


def shown(expressions, rate=30.0):
    habit = Habit()
    for frame, value in enumerate(expressions):
        habit.add(np.full(52, value), frame / rate)
    return habit


def believed(habit):
    prior = habit.expected(None, IDENTITY)
    return float(prior.expression[0]), float(np.asarray(prior.expression_strength)[0])


def test_a_face_never_seen_has_none():
    assert Habit().expected(None, IDENTITY) is None


def test_the_steadier_the_stronger():
    still, talking = shown([0.5] * 60), shown([0.2, 0.8] * 30)
    assert believed(still)[0] == pytest.approx(0.5)
    assert believed(talking)[0] == pytest.approx(0.5, abs=0.02)
    assert 3 * believed(talking)[1] < believed(still)[1] <= MOST_STRENGTH


def test_the_longer_the_stronger():
    strengths = [believed(shown([0.5] * count))[1] for count in (1, 5, 30)]
    assert strengths == sorted(strengths)


@pytest.mark.parametrize("rate", [15.0, 60.0])
def test_seconds_count_not_frames(rate):
    after = shown([0.0] * int(4 * rate) + [1.0] * int(SPAN * rate), rate)
    assert believed(after)[0] == pytest.approx(1 - np.exp(-1), abs=0.02)


def test_a_source_that_begins_anew_does_no_harm():
    habit = shown([0.5] * 30)
    habit.add(np.full(52, 0.5), 0.0)
    assert believed(habit)[0] == pytest.approx(0.5)


def test_identity_is_not_believed_the_more_for_it():
    prior = shown([0.5]).expected(None, IDENTITY)
    assert prior.identity_strength == 0
    known = Prior(IDENTITY, identity_strength=3.0)
    assert shown([0.5]).expected(known, 0 * IDENTITY).identity_strength == 3
    np.testing.assert_array_equal(shown([0.5]).expected(known, 0 * IDENTITY).identity, IDENTITY)


def test_who_knows_the_expression_is_believed_instead():
    known = Prior(IDENTITY, np.zeros(52, np.float32))
    assert shown([0.5]).expected(known, IDENTITY) is known
