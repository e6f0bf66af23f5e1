"""The figures that are printed at the end."""

import math
import time

import pytest

from realtime.timing import KEPT, Timings, percentiles


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_percentiles_of_known_values():
    assert percentiles(range(101)) == (50.0, 95.0)


def test_percentiles_of_nothing():
    assert all(math.isnan(value) for value in percentiles([]))


def test_age_is_from_capture_to_show():
    clock = Clock()
    timings = Timings(clock)
    for age in (0.010, 0.020, 0.030):
        timings.add_shown(clock.now - age, faces=1, parts={})
    assert timings.ages()[0] == pytest.approx(20)


def test_recent_figures_forget_the_start():
    clock = Clock()
    timings = Timings(clock)
    for age in [9.0] * 50 + [0.01] * 10:
        timings.add_shown(clock.now - age, 1, {"fit": age})
    assert timings.ages(10)[1] == pytest.approx(10)
    assert timings.stages(10)["fit"][1] == pytest.approx(0.01)


def test_figures_stand_still_once_finished():
    clock = Clock()
    timings = Timings(clock)
    timings.add_shown(clock.now, 1, {})
    clock.now += 2
    timings.finish()
    clock.now += 100
    assert timings.seconds == pytest.approx(2)
    assert timings.frames_per_second == pytest.approx(0.5)


def test_rate_counts_intervals_not_frames():
    clock = Clock()
    timings = Timings(clock)
    assert timings.rate == 0
    for _ in range(10):
        timings.add_shown(clock.now, 1, {})
        clock.now += 0.04
    assert timings.rate == pytest.approx(25)


def test_rate_follows_a_change_within_a_second():
    clock = Clock()
    timings = Timings(clock)
    for step in [0.1] * 100 + [0.02] * 60:
        clock.now += step
        timings.add_shown(clock.now, 1, {})
    assert timings.rate == pytest.approx(50)


def test_frames_without_a_face_are_counted():
    timings = Timings()
    for faces in (0, 1, 0, 2):
        timings.add_shown(0.0, faces, {})
    assert (timings.shown, timings.without_face) == (4, 2)


def test_a_stage_that_sleeps_takes_time_but_no_cpu():
    timings = Timings()
    timings.seen = 1
    with timings.measure("sleep"):
        time.sleep(0.03)
    assert timings.stages()["sleep"][0] >= 25
    assert timings.cpu()["sleep"] < 10


def test_a_stage_that_fails_is_timed_and_its_error_passes():
    timings = Timings()
    with pytest.raises(KeyError), timings.measure("bad"):
        raise KeyError
    assert "bad" in timings.stages()


def test_steps_inside_a_stage_are_listed():
    timings = Timings()
    timings.add_shown(0.0, 1, {"fit": 2.5})
    assert timings.stages()["fit"] == (2.5, 2.5)


def test_memory_does_not_grow_with_the_run():
    timings = Timings()
    for _ in range(KEPT + 50):
        timings.add("stage", 1.0)
    assert len(timings._wall["stage"]) == KEPT


def test_table_tells_everything():
    timings = Timings()
    timings.seen, timings.dropped = 3, 1
    timings.add("track", 12.34, 5.0)
    timings.add_shown(timings.clock(), 0, {})
    table = timings.table()
    for text in ("track", "12.3", "age when shown", "3 frames seen, 1 shown, 1 dropped, 1 without a face"):
        assert text in table


def test_table_of_a_run_without_frames():
    assert "0 frames seen" in Timings().table()
