"""The loop's promises: age stays bounded, files lose nothing, errors come out, nothing hangs."""

import itertools
import threading
import time

import numpy as np
import pytest

from realtime.app import stages_for
from realtime.errors import UserError
from realtime.frames import Camera, Frame, FrameResult
from realtime.loop import Pipeline
from realtime.mailbox import Finished
from realtime.timing import Timings

IMAGE = np.zeros((2, 2, 3), np.uint8)


def camera(count=None, step=0.0):
    """Frames as a camera gives them: every `step` seconds."""
    for index in itertools.count() if count is None else range(count):
        time.sleep(step)
        yield Frame(IMAGE, time.monotonic(), index * step, index, f"frame_{index:06d}")


def compute(frame):
    return FrameResult(frame, Camera(1.0, (1.0, 1.0)))


def slow(seconds):
    def work(frame):
        time.sleep(seconds)
        return compute(frame)

    return work


def slow_pass(seconds):
    def work(item):
        time.sleep(seconds)
        return item

    return work


def run(pipeline, draw=lambda result: None):
    """Draws until the end, as the main thread does."""
    with pipeline:
        for result in pipeline.results():
            draw(result)


def test_every_frame_of_a_file_comes_out_in_order():
    timings = Timings()
    with Pipeline(camera(100), [compute], lossless=True, timings=timings) as pipeline:
        indices = [result.frame.index for result in pipeline.results()]
    assert indices == list(range(100))
    assert (timings.seen, timings.dropped) == (100, 0)


def test_a_file_loses_nothing_to_slow_stages():
    timings = Timings()
    with Pipeline(camera(12), [slow(0.005)], True, timings) as pipeline:
        indices = []
        for result in pipeline.results():
            time.sleep(0.01)
            indices.append(result.frame.index)
    assert indices == list(range(12))
    assert timings.dropped == 0


@pytest.mark.parametrize(("compute_seconds", "draw_seconds"), [(0.03, 0.0), (0.0, 0.03), (0.03, 0.03)])
def test_key_invariant_a_slow_stage_drops_frames_and_age_stays_bounded(compute_seconds, draw_seconds):
    """At four times the rate that the stages can follow, what is shown stays about as old as the work takes."""
    timings = Timings()
    ages = []
    with Pipeline(camera(step=0.0075), [slow(compute_seconds)], False, timings) as pipeline:
        for result in itertools.islice(pipeline.results(), 25):
            time.sleep(draw_seconds)
            ages.append(time.monotonic() - result.frame.captured)
    # Two waits of at most one stage each, and the work itself. A queue would pass that soon.
    assert np.median(ages) < 2 * (compute_seconds + draw_seconds) + 0.08
    assert timings.dropped > 25
    assert timings.seen - timings.dropped <= 25 + 4  # shown, dropped or on its way


def test_frames_stay_in_order_when_some_are_dropped():
    with Pipeline(camera(60, 0.002), [slow(0.005)], False, Timings()) as pipeline:
        indices = [result.frame.index for result in pipeline.results()]
    assert indices == sorted(set(indices))
    assert indices[-1] == 59  # the newest is never the one that is dropped


def test_the_result_belongs_to_its_frame():
    with Pipeline(camera(3), [compute], True, Timings()) as pipeline:
        for index, result in enumerate(pipeline.results()):
            assert result.frame.index == index
            assert result.frame.image is IMAGE


def test_an_error_while_computing_comes_out_and_everything_ends():
    def broken(frame):
        if frame.index == 3:
            raise ZeroDivisionError("bug")
        return compute(frame)

    pipeline = Pipeline(camera(), [broken], True, Timings())
    with pytest.raises(ZeroDivisionError, match="bug"):
        run(pipeline)
    assert not any(thread.is_alive() for thread in pipeline._threads)


def test_a_users_mistake_in_the_source_comes_out_after_the_frames_before_it():
    def source():
        yield from camera(2)
        raise UserError("The stream broke off.", "Start it again.")

    shown = []
    pipeline = Pipeline(source(), [compute], True, Timings())
    with pytest.raises(UserError, match="broke off"):
        run(pipeline, lambda result: shown.append(result.frame.index))
    assert shown == [0, 1]


@pytest.mark.parametrize("lossless", [True, False])
def test_leaving_early_ends_both_threads(lossless):
    pipeline = Pipeline(camera(), [compute], lossless, Timings())
    with pipeline:
        next(pipeline.results())
    assert not any(thread.is_alive() for thread in pipeline._threads)


def test_leaving_asks_a_waiting_source_to_end():
    stop = threading.Event()

    def waiting():
        yield from camera(1)
        stop.wait(10)

    started = time.monotonic()
    with Pipeline(waiting(), [compute], True, Timings(), halt=stop.set) as pipeline:
        pipeline.take(2)
    assert time.monotonic() - started < 1.5


def test_a_source_that_hangs_does_not_keep_the_program(monkeypatch):
    monkeypatch.setattr("realtime.loop.JOIN_SECONDS", 0.05)
    never = threading.Event()

    def hanging():
        never.wait(10)
        yield from ()

    started = time.monotonic()
    with Pipeline(hanging(), [compute], False, Timings()):
        pass
    assert time.monotonic() - started < 1.0
    never.set()


def test_an_error_while_drawing_ends_the_threads():
    pipeline = Pipeline(camera(), [compute], True, Timings())
    with pytest.raises(KeyError):
        run(pipeline, lambda result: {}["no such thing"])
    assert not any(thread.is_alive() for thread in pipeline._threads)


def test_looking_without_waiting():
    block = threading.Event()

    def one_later():
        block.wait(5)
        yield from camera(1)

    with Pipeline(one_later(), [compute], True, Timings()) as pipeline:
        with pytest.raises(TimeoutError):
            pipeline.take(0)
        block.set()
        assert pipeline.take(2).frame.index == 0
        with pytest.raises(Finished):
            pipeline.take(2)


def test_an_interrupt_ends_it_in_order():
    shown = []
    with Pipeline(camera(), [compute], True, Timings()) as pipeline:
        for result in pipeline.results():
            shown.append(result.frame.index)
            if len(shown) == 3:
                pipeline.interrupt()
    assert shown == [0, 1, 2]
    assert not any(thread.is_alive() for thread in pipeline._threads)


def test_stages_hand_on_to_each_other():
    stages = [lambda frame: (frame, "tracked"), lambda pair: compute(pair[0]) if pair[1] == "tracked" else None]
    with Pipeline(camera(5), stages, True, Timings()) as pipeline:
        assert [result.frame.index for result in pipeline.results()] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_an_error_in_any_stage_ends_all(broken):
    def fail(item):
        raise ZeroDivisionError

    stages = [fail if number == broken else (lambda item: item) for number in range(3)]
    pipeline = Pipeline(camera(), stages, True, Timings())
    with pytest.raises(ZeroDivisionError):
        run(pipeline)
    assert not any(thread.is_alive() for thread in pipeline._threads)


def test_stages_run_side_by_side():
    started = time.monotonic()
    with Pipeline(camera(10), [slow_pass(0.05), slow_pass(0.05), compute], True, Timings()) as pipeline:
        assert len(list(pipeline.results())) == 10
    assert time.monotonic() - started < 0.9  # one after the other they would take 1 s


def test_an_empty_source():
    with Pipeline(iter(()), [compute], True, Timings()) as pipeline:
        assert list(pipeline.results()) == []


def test_only_what_loses_nothing_has_a_mailbox_between_tracking_and_reconstruction():
    def track(frame):
        return (frame, "tracked")

    def reconstruct(tracked):
        return (*tracked, "reconstructed")

    for lossless, threads in ((True, 2), (False, 1)):
        stages = stages_for(track, reconstruct, lossless)
        assert len(stages) == threads
        item = "frame"
        for stage in stages:
            item = stage(item)
        assert item == ("frame", "tracked", "reconstructed")
