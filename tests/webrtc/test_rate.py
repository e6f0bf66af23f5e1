from __future__ import annotations

import pytest

from realtime.outputs.webrtc.rate import FLOOR, POOR_SECONDS, PROBATION, RateControl

CEILING = 2_000_000


def run(rate: RateControl, estimates: dict[str, float], begin: float, seconds: int, sent: float | None = None) -> float:
    """Reports once a second; the time at the end. `sent`: what the picture takes, if that is less than it may."""
    for second in range(seconds):
        for viewer, estimate in estimates.items():
            rate.report(viewer, begin + second, estimate=estimate, sent=sent)
        rate.decide(begin + second)
    return begin + seconds


def test_nobody_says_anything():
    assert RateControl(CEILING).decide(0) == CEILING


def test_one_viewer_is_followed_down_and_up():
    rate = RateControl(CEILING)
    now = run(rate, {"a": 600_000}, 0, 3)
    assert rate.target == 600_000
    run(rate, {"a": 3_000_000}, now, 10)
    assert rate.target == CEILING


def test_never_below_the_floor():
    rate = RateControl(CEILING)
    run(rate, {"a": 1000}, 0, 3)
    assert rate.target == FLOOR


def test_one_bad_viewer_spoils_it_for_nobody():
    rate = RateControl(CEILING)
    others = {f"v{index}": 3_000_000.0 for index in range(5)}
    run(rate, {**others, "bad": 100_000}, 0, 20)
    assert rate.target == CEILING
    assert rate.is_poor("bad")
    assert not any(rate.is_poor(viewer) for viewer in others)


def test_of_two_the_better_one_counts_and_the_other_is_moved():
    rate = RateControl(CEILING)
    run(rate, {"good": 3_000_000, "bad": 100_000}, 0, int(POOR_SECONDS) + 2)
    assert rate.target == CEILING
    assert rate.is_poor("bad")


def test_the_only_viewer_is_never_moved():
    rate = RateControl(CEILING)
    run(rate, {"a": 100_000}, 0, 30)
    assert not rate.is_poor("a")


def test_most_viewers_count_when_they_are_bad_together():
    rate = RateControl(CEILING)
    run(rate, {"a": 500_000, "b": 520_000, "c": 540_000, "d": 3_000_000}, 0, 5)
    assert rate.target == 520_000
    assert not any(rate.is_poor(viewer) for viewer in "abcd")


def test_a_moved_viewer_is_tried_again_later_and_longer_each_time():
    rate = RateControl(CEILING)
    now = run(rate, {"good": 3e6, "bad": 100_000}, 0, int(POOR_SECONDS) + 2)
    rate.report("good", now + PROBATION, estimate=3e6)
    rate.decide(now + PROBATION)
    assert not rate.is_poor("bad")
    now = run(rate, {"good": 3e6, "bad": 100_000}, now + PROBATION, int(POOR_SECONDS) + 2)
    rate.decide(now + PROBATION)
    assert rate.is_poor("bad")  # the second time it takes twice as long


def test_loss_lowers_and_its_absence_raises():
    rate = RateControl(CEILING)
    for second in range(5):
        rate.report("a", second, lost=0.3)
        rate.decide(second)
    low = rate.target
    assert low < 0.6 * CEILING
    for second in range(5, 60):
        rate.report("a", second, lost=0.0)
        rate.decide(second)
    assert rate.target == CEILING


@pytest.mark.parametrize("reports", [1, 10])
@pytest.mark.parametrize(("lost", "factor"), [(0.0, 1.08), (0.2, 0.9)])
def test_how_often_a_viewer_reports_makes_no_difference(reports, lost, factor):
    rate = RateControl(CEILING)
    run(rate, {"a": 800_000}, 0, 3)
    for number in range(5 * reports):
        rate.report("a", 3 + number / reports, lost=lost)
    assert rate.decide(8) == pytest.approx(800_000 * factor**5, rel=0.1)


def test_a_little_loss_changes_nothing():
    rate = RateControl(CEILING)
    for second in range(20):
        rate.report("a", second, lost=0.05)
        rate.decide(second)
    assert rate.target == CEILING


def test_an_estimate_above_what_is_sent_is_no_limit():
    rate = RateControl(CEILING)
    run(rate, {"a": 225_000}, 0, 10, sent=150_000)  # an easy picture
    assert rate.target == CEILING


def test_an_estimate_that_has_only_begun_is_no_limit():
    """Chromium's first is what it gets, and a few of the next are little more; so it is whenever somebody joins."""
    rate = RateControl(CEILING)
    for second, ratio in enumerate([1.0, 1.03, 1.1, 1.2, 1.3, 1.5, 1.5]):
        rate.report("a", second, estimate=900_000 * ratio, sent=900_000)
        assert rate.decide(second) == CEILING


def test_what_was_a_limit_is_one_until_there_is_room():
    rate = RateControl(CEILING)
    run(rate, {"a": 500_000}, 0, 3)
    now = run(rate, {"a": 520_000}, 3, 10, sent=500_000)  # all that comes through, and no more
    assert rate.target == 500_000
    now = run(rate, {"a": 640_000}, now, 10, sent=500_000)
    assert rate.target == 640_000
    run(rate, {"a": 520_000}, now, 3, sent=600_000)  # it was too much
    assert rate.target == 520_000


def test_an_easy_picture_makes_nobody_poor():
    """It takes a third of the bit rate; whoever can take that need not have the low stream, whoever cannot must."""
    rate = RateControl(CEILING)
    run(rate, {"a": 3_000_000, "b": 3_000_000, "c": 750_000, "bad": 150_000}, 0, 10, sent=700_000)
    assert rate.target == CEILING
    assert [rate.is_poor(viewer) for viewer in ("a", "b", "c", "bad")] == [False, False, False, True]


def test_the_rate_does_not_flutter():
    rate = RateControl(CEILING)
    run(rate, {"a": 1_000_000}, 0, 3)
    seen = set()
    for second in range(3, 30):
        rate.report("a", second, estimate=1_000_000 * (1.1 if second % 2 else 0.95))
        seen.add(rate.decide(second))
    assert seen == {1_000_000}


def test_who_left_or_fell_silent_counts_no_more():
    rate = RateControl(CEILING)
    run(rate, {"a": 500_000}, 0, 3)
    rate.forget("a")
    assert rate.decide(20) == CEILING
    run(rate, {"b": 500_000}, 30, 3)
    assert rate.decide(60) == CEILING
