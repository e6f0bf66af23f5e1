"""Sending a camera: a browser's pictures become the frame loop's source."""

from __future__ import annotations

import asyncio
import itertools
import threading

import av
import numpy as np
import pytest
from aiortc.mediastreams import AudioStreamTrack

from realtime.outputs.webrtc.options import Limits, ServeOptions
from realtime.sources.base import frames
from realtime.sources.webrtc import WebRtcSource

from .fakes import CameraTrack, Client, picture, until


class Reader:
    """Reads a source on a thread of its own, as the loop does."""

    def __init__(self, source: WebRtcSource) -> None:
        self.source, self.got = source, []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for frame in frames(self.source):
            self.got.append(frame)

    def close(self) -> None:
        self.source.close()
        self._thread.join(5)
        assert not self._thread.is_alive()

    @property
    def size(self) -> tuple[int, int] | None:
        return self.got[-1].image.shape[1::-1] if self.got else None


@pytest.fixture
def reader():
    reader = Reader(WebRtcSource())
    yield reader
    reader.close()


def test_camera_arrives_changes_its_size_leaves_and_comes_back(serve, reader):
    running = serve(ingest=reader.source.take)

    async def send():
        camera = CameraTrack()
        first = Client(running.base)
        await first.join("/whip", track=camera)
        await until(lambda: reader.size == (320, 240))
        assert running.value("publishers") == 1
        camera.size = (240, 320)  # a phone is turned
        await until(lambda: reader.size == (240, 320))
        await first.leave()
        await until(lambda: running.value("publishers") == 0)
        count = len(reader.got)
        second = Client(running.base)
        await second.join("/whip", track=CameraTrack())
        await until(lambda: len(reader.got) > count + 3)
        await second.leave()

    asyncio.run(send())
    times = [frame.time for frame in reader.got]
    assert all(later > earlier for earlier, later in itertools.pairwise(times))
    assert reader.got[-1].image.dtype == np.uint8


def test_one_camera_at_a_time_until_it_falls_silent(serve, reader):
    running = serve(ServeOptions(port=0, limits=Limits(takeover_seconds=1.0)), ingest=reader.source.take)

    async def send():
        first, second = Client(running.base), Client(running.base)
        await first.join("/whip", track=CameraTrack())
        await until(lambda: len(reader.got) > 2)
        offer = await second.offer(track=CameraTrack())
        busy, _, _ = await second.post("/whip", offer)
        await first.vanish()
        await asyncio.sleep(1.2)
        taken, _, _ = await second.post("/whip", offer)
        await second.peer.close()
        return busy, taken

    assert asyncio.run(send()) == (409, 201)


def test_sound_is_left_aside(serve, reader):
    """Programs that send offer it always: the picture comes all the same, there and back."""
    running = serve(ingest=reader.source.take)

    async def send():
        camera, viewer = Client(running.base), Client(running.base)
        camera.peer.addTransceiver(AudioStreamTrack(), "sendonly")
        await camera.join("/whip", track=CameraTrack())
        await until(lambda: len(reader.got) > 3)
        viewer.peer.addTransceiver("audio", "recvonly")
        await viewer.join()
        assert {transceiver.kind: transceiver.currentDirection for transceiver in viewer.peer.getTransceivers()} == {
            "audio": "inactive",
            "video": "recvonly",
        }
        frames = await viewer.frames(3)
        await camera.leave()
        await viewer.leave()
        return frames[-1].shape

    assert asyncio.run(send()) == (480, 640, 3)


def test_of_two_who_take_over_at_once_one_gets_in(serve, reader):
    running = serve(ServeOptions(port=0, limits=Limits(takeover_seconds=0.5)), ingest=reader.source.take)

    async def send():
        first, *others = (Client(running.base) for _ in range(4))
        await first.join("/whip", track=CameraTrack())
        await first.connected()
        await first.vanish()
        offers = [await other.offer(track=CameraTrack()) for other in others]
        await asyncio.sleep(0.7)
        answers = await asyncio.gather(
            *(other.post("/whip", offer) for other, offer in zip(others, offers, strict=True))
        )
        for other in others:
            await other.peer.close()
        return sorted(status for status, _, _ in answers)

    assert asyncio.run(send()) == [201, 409, 409]


def test_a_viewers_offer_is_no_camera(serve, reader):
    running = serve(ingest=reader.source.take)

    async def send():
        client = Client(running.base)
        status, _, reason = await client.post("/whip", await client.offer())
        await client.peer.close()
        return status, reason

    assert asyncio.run(send()) == (400, "the video section must be sendonly\n")


def test_the_newest_picture_wins():
    source = WebRtcSource()
    for index in range(5):
        source.take(av.VideoFrame.from_ndarray(np.full((16, 16, 3), 40 * index, np.uint8), format="rgb24"))
    shot = next(source.shots())
    assert abs(int(shot.image[0, 0, 0]) - 160) < 4
    source.close()


def test_odd_sizes_are_taken():
    source = WebRtcSource()
    source.take(av.VideoFrame.from_ndarray(picture(0, 321, 241), format="rgb24"))
    assert next(source.shots()).image.shape == (241, 321, 3)
    source.close()
