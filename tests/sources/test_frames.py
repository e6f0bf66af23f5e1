"""What is done to every source alike: size, pace, repetition, limits."""

import threading
import time

import numpy as np
import pytest
from clips import gradient

from realtime.sources.base import STILL_SECONDS, Shot, frames, pad


class Fake:
    """A source of `count` pictures, `step` seconds apart."""

    names = ()

    def __init__(self, count=3, step=0.1, live=False, still=False, name=None):
        self.count, self.step, self.live, self.still, self.name = count, step, live, still, name
        self.closed = False

    def shots(self):
        try:
            for index in range(self.count):
                yield Shot(gradient(8, 6, index), index * self.step, self.name)
        finally:
            self.closed = True

    def close(self):
        pass


def test_frames_are_numbered_and_named():
    found = list(frames(Fake()))
    assert [frame.index for frame in found] == [0, 1, 2]
    assert [frame.name for frame in found] == ["frame_000000", "frame_000001", "frame_000002"]
    assert [frame.time for frame in found] == [0, 0.1, 0.2]


def test_pictures_keep_their_own_names():
    assert [frame.name for frame in frames(Fake(1, name="anna"))] == ["anna"]


@pytest.mark.parametrize(
    ("size", "inner"),
    [
        ((80, 60), (80, 60)),
        ((80, 40), (53, 40)),
        ((4, 3), (4, 3)),
        ((8, 12), (8, 6)),
        ((20, 6), (8, 6)),
        ((1, 1), (1, 1)),
    ],
)
def test_size_pads_and_never_stretches(size, inner):
    image = np.full((6, 8, 3), 200, np.uint8)
    out = pad(image, size)
    assert out.shape == (size[1], size[0], 3)
    rows, columns = np.nonzero(out[..., 0] > 100)
    found = (np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert found == inner
    assert abs((columns.min() + columns.max()) - (size[0] - 1)) <= 1  # in the middle
    assert abs((rows.min() + rows.max()) - (size[1] - 1)) <= 1


def test_a_picture_of_the_right_size_is_not_copied():
    image = gradient(8, 6)
    assert pad(image, (8, 6)) is image


def test_every_frame_has_the_size_asked_for():
    assert {frame.image.shape for frame in frames(Fake(), size=(10, 10))} == {(10, 10, 3)}


def test_loop_goes_on_with_the_time():
    found = frames(Fake(2, 0.1), loop=True)
    times = [next(found).time for _ in range(5)]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_loop_of_one_picture():
    found = frames(Fake(1, name="a"), loop=True)
    got = [next(found) for _ in range(3)]
    assert [frame.time for frame in got] == pytest.approx([0, STILL_SECONDS, 2 * STILL_SECONDS])
    assert [frame.name for frame in got] == ["a"] * 3


def test_a_still_repeats_while_somebody_watches():
    found = frames(Fake(1, still=True), realtime=True)
    assert [next(found).index for _ in range(3)] == [0, 1, 2]


def test_a_still_comes_once_otherwise():
    assert len(list(frames(Fake(1, still=True)))) == 1


def test_looping_an_empty_source_ends():
    assert list(frames(Fake(0), loop=True)) == []


def test_real_time_waits_for_each_frame():
    started = time.monotonic()
    captured = [frame.captured - started for frame in frames(Fake(4, 0.1), realtime=True)]
    assert captured == pytest.approx([0, 0.1, 0.2, 0.3], abs=0.06)


def test_as_fast_as_possible_does_not_wait():
    started = time.monotonic()
    assert len(list(frames(Fake(4, 10.0)))) == 4
    assert time.monotonic() - started < 1


def test_live_sources_set_their_own_pace():
    started = time.monotonic()
    assert len(list(frames(Fake(4, 10.0, live=True), realtime=True))) == 4
    assert time.monotonic() - started < 1


def test_a_late_frame_is_not_followed_by_waiting():
    """After a slow moment the source catches up with its own time line."""
    started = time.monotonic()
    for frame in frames(Fake(5, 0.1), realtime=True):
        if frame.index == 0:
            time.sleep(0.3)
    assert time.monotonic() - started < 0.6  # 0.7 with a wait before each of the others


def test_count_and_seconds_limit():
    assert len(list(frames(Fake(9), count=4))) == 4
    assert [frame.time for frame in frames(Fake(9, 0.5), seconds=1.0)] == [0, 0.5]


def test_stop_ends_a_wait():
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    started = time.monotonic()
    assert len(list(frames(Fake(2, 60.0), realtime=True, stop=stop))) == 1
    assert time.monotonic() - started < 5


def test_the_source_is_left_properly_when_nobody_wants_more():
    source = Fake(9)
    found = frames(source)
    next(found)
    found.close()
    assert source.closed
