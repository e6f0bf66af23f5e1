"""What is encoded for whom: the broadcast without a network, its event loop a list that the tests empty."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from realtime.outputs.webrtc import broadcast
from realtime.outputs.webrtc.broadcast import MOST_UNDERWAY, Broadcast
from realtime.outputs.webrtc.encoder import CodecName
from realtime.outputs.webrtc.hooks import Feedback
from realtime.outputs.webrtc.metrics import Metrics
from realtime.outputs.webrtc.options import VideoOptions
from realtime.outputs.webrtc.rate import POOR_SECONDS
from realtime.outputs.webrtc.viewer import PackedTrack, Viewer

from .fakes import picture


class Sent:
    """A broadcast; what it hands to the event loop, and when that takes it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.metrics = Metrics()
        self.waiting: list[tuple[Callable[..., object], tuple[object, ...]]] = []
        self.broadcast = Broadcast(VideoOptions(), self.metrics, self._post, lambda: self.now)

    def _post(self, function: Callable[..., object], *arguments: object) -> None:
        self.waiting.append((function, arguments))

    def viewer(self, key: str, codec: CodecName = "H264") -> Viewer:
        viewer = Viewer(key, codec, PackedTrack(), self.metrics)
        self.broadcast.add(viewer)
        return viewer

    def encoded(self, count: int = 1) -> None:
        """Gives it so many pictures, each once it is done with the last."""
        for _ in range(count):
            self.now += 0.033
            before = self._done()
            self.broadcast.put(picture(0, 160, 120), self.now)
            end = time.monotonic() + 5
            while self._done() == before and time.monotonic() < end:
                time.sleep(0.005)

    def take(self) -> None:
        """Does what waits for the event loop."""
        for function, arguments in self.waiting:
            function(*arguments)
        self.waiting.clear()

    def _done(self) -> int:
        return len(self.waiting) + self.broadcast.dropped

    def bitrate(self, stream: str) -> int:
        return self.broadcast._streams[stream].encoder.bitrate

    def report(self, seconds: int, **estimates: tuple[Viewer, int]) -> None:
        """Lets viewers say once a second how many bits a second they can take."""
        for _ in range(seconds):
            self.now += 1
            for stream in self.broadcast._streams.values():  # all of them take what they may
                stream.sizes = [(self.now, stream.encoder.bitrate // 8)]
            for viewer, estimate in estimates.values():
                self.broadcast.feedback(viewer, Feedback(estimate=estimate))
            self.broadcast.tick()


@pytest.fixture
def sent(monkeypatch) -> Iterator[Sent]:
    monkeypatch.setattr(broadcast, "STILL_SECONDS", 60.0)  # a slow machine must not count repeated pictures
    sent = Sent()
    yield sent
    sent.broadcast.close()


def test_a_picture_is_encoded_once_for_all_who_take_it_and_not_at_all_for_nobody(sent):
    sent.broadcast.put(picture(0, 160, 120), sent.now)
    time.sleep(0.1)
    assert not sent.waiting
    for number in range(5):
        sent.viewer(f"h{number}")
    sent.encoded()
    assert sent.metrics.values()["frames_encoded_total"] == 1
    sent.viewer("v", "VP8")
    sent.encoded()
    end = time.monotonic() + 5
    while sent.metrics.values()["frames_encoded_total"] < 3 and time.monotonic() < end:
        time.sleep(0.005)
    assert sent.metrics.values()["frames_encoded_total"] == 3


def test_pictures_are_left_out_while_the_event_loop_is_behind_and_come_again(sent):
    sent.viewer("a")
    sent.encoded(MOST_UNDERWAY + 5)
    assert len(sent.waiting) == MOST_UNDERWAY + 1
    assert sent.broadcast.dropped == 4
    sent.take()
    sent.encoded()
    assert len(sent.waiting) == 1
    assert sent.metrics.values()["frames_dropped_total"] == 4


def test_what_somebody_says_who_is_not_sent_to_does_not_count(sent):
    """A publisher whose connection broke still reports for a moment; kept, it would make the next one not the only."""
    gone = sent.viewer("gone")
    sent.broadcast.remove(gone)
    alone = sent.viewer("alone")
    sent.broadcast.feedback(gone, Feedback(estimate=5_000_000))
    sent.report(int(POOR_SECONDS) + 2, alone=(alone, 200_000))
    assert alone.stream == "main"
    assert sent.bitrate("main") < 300_000


def test_a_keyframe_for_somebody_new_makes_nobody_else_poor(sent):
    """It may be larger than all other pictures of a second: what the others can take was never asked."""
    first = sent.viewer("first")
    for _ in range(60):
        sent.encoded()
        sent.take()
    for _ in range(3):
        sent.broadcast.tick()
    takes = max(sent.broadcast._streams["main"].rates)
    assert takes > 0
    sent.now += 1  # the pictures before are a second old, and the newest is a keyframe
    sent.viewer("second")
    sent.encoded()
    sent.broadcast.tick()
    assert sent.broadcast._streams["main"].rates[-1] == 0
    sent.broadcast.feedback(first, Feedback(estimate=int(takes)))
    sent.broadcast.tick()
    assert sent.bitrate("main") == VideoOptions().bitrate


def test_a_poor_viewer_is_moved_and_nobody_else_notices(sent):
    good, bad = sent.viewer("good"), sent.viewer("bad")
    sent.report(int(POOR_SECONDS) + 2, good=(good, 9_000_000), bad=(bad, 100_000))
    assert (good.stream, bad.stream) == ("main", "low")
    assert sent.bitrate("main") == VideoOptions().bitrate
    assert bad.waits  # for a keyframe of its new stream


def test_vp8_is_as_low_as_its_viewers_need_only_if_all_of_them_do(sent):
    good, first = sent.viewer("good"), sent.viewer("first", "VP8")
    sent.report(int(POOR_SECONDS) + 2, good=(good, 9_000_000), first=(first, 100_000))
    assert first.stream == "vp8"
    assert sent.bitrate("vp8") == sent.bitrate("low")
    assert sent.bitrate("main") == VideoOptions().bitrate
    second = sent.viewer("second", "VP8")
    sent.report(2, good=(good, 9_000_000), first=(first, 100_000), second=(second, 9_000_000))
    assert sent.bitrate("vp8") == VideoOptions().bitrate


def test_a_keyframe_asked_for_comes_at_most_twice_a_second(sent):
    viewer = sent.viewer("a")
    for _ in range(60):  # two seconds
        sent.broadcast.feedback(viewer, Feedback(keyframe=True))
        sent.encoded()
        sent.take()
    assert 4 <= sent.metrics.values()["keyframes_total"] <= 5
