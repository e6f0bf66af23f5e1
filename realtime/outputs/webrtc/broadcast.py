"""Encodes the newest picture once per stream, on its own thread, and hands it to that stream's viewers."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from realtime.frames import FrameResult, Image
from realtime.mailbox import Finished, Mailbox
from realtime.outputs.webrtc import timecode
from realtime.outputs.webrtc.encoder import CLOCK, EncodedFrame, Encoder, fitted
from realtime.outputs.webrtc.facedata import FaceMessage, face_message
from realtime.outputs.webrtc.hooks import Feedback
from realtime.outputs.webrtc.metrics import Metrics
from realtime.outputs.webrtc.options import VideoOptions
from realtime.outputs.webrtc.rate import RateControl
from realtime.outputs.webrtc.viewer import Viewer

log = logging.getLogger(__name__)

StreamName = Literal["main", "low", "vp8"]
STREAMS: tuple[StreamName, ...] = ("main", "vp8", "low")  # the order they are encoded in

KEYFRAME_SECONDS = 0.5  # between two keyframes of one stream, however many ask
STILL_SECONDS = 0.5  # without a new picture after which the last one is sent again
MOST_UNDERWAY = 4  # encoded pictures that the event loop has not taken; then it is behind, and we wait
RATE_SECONDS = 1.0  # over which the sent rate is measured
RATES_KEPT = 3  # of these the least counts: viewers' estimates lag behind a picture that became harder


@dataclass
class _Stream:
    name: StreamName
    encoder: Encoder
    wants_key: bool = False
    last_key: float = float("-inf")
    # (when, bytes) of the last second's pictures. Without keyframes: one makes a second look like two.
    sizes: list[tuple[float, int]] = field(default_factory=list)
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=RATES_KEPT))  # bits per second, each tick's


@dataclass(frozen=True)
class _Picture:
    image: Image
    captured: float
    result: FrameResult | None


class Broadcast:
    """The one place where pictures are encoded.

    Args:
        video: bit rate and size.
        metrics: where things are counted.
        post: calls a function with arguments on the event loop, from any thread.
        clock: seconds, monotonic; the clock of `Frame.captured`.
    """

    def __init__(
        self,
        video: VideoOptions,
        metrics: Metrics,
        post: Callable[..., object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._video, self._metrics, self._post, self._clock = video, metrics, post, clock
        self._rate = RateControl(video.bitrate)
        self._lock = threading.Lock()  # viewers and wishes for keyframes: two threads look at them
        self._viewers: list[Viewer] = []
        self._streams = {name: self._stream(name) for name in STREAMS}
        self._pictures: Mailbox[_Picture] = Mailbox(lossless=False)
        self._newest: _Picture | None = None
        self._timestamp = 0
        self._posted = self._taken = self._skipped = 0  # pictures; each is counted by one thread only
        self._thread = threading.Thread(target=self._run, name="webrtc-encoder", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Pictures that were not encoded since newer ones came, or since the event loop was behind."""
        return self._pictures.dropped + self._skipped

    def put(self, image: Image, captured: float, result: FrameResult | None = None) -> None:
        """Takes the newest picture, (H, W, 3) RGB, that nobody will change. Never waits."""
        self._metrics.frame()
        self._metrics.observe("drawn_age_seconds", max(0.0, self._clock() - captured))
        self._pictures.put(_Picture(image, captured, result))

    def close(self) -> None:
        """Ends the thread."""
        self._pictures.abort()
        self._thread.join()

    # What follows is called on the event loop.

    def add(self, viewer: Viewer) -> None:
        """Begins to send to a viewer."""
        with self._lock:
            self._viewers.append(viewer)
            viewer.stream = "vp8" if viewer.codec == "VP8" else "main"
        self.want_keyframe(viewer)
        self._metrics.set("viewers", len(self._viewers))

    def remove(self, viewer: Viewer) -> None:
        """Sends no more to a viewer."""
        with self._lock:
            if viewer in self._viewers:
                self._viewers.remove(viewer)
        self._rate.forget(viewer.key)
        self._metrics.set("viewers", len(self._viewers))

    def want_keyframe(self, viewer: Viewer) -> None:
        """The viewer cannot go on without a keyframe; it comes as soon as the limit allows one."""
        with self._lock:
            if viewer.stream in self._streams:
                self._streams[viewer.stream].wants_key = True

    def feedback(self, viewer: Viewer, feedback: Feedback) -> None:
        """What a viewer's receiver said."""
        if viewer not in self._viewers or viewer.stream not in self._streams:
            return  # it is not sent to yet, or no more: it would be kept for ever, and count
        if feedback.keyframe:
            self._metrics.add("keyframe_requests_total")
            self.want_keyframe(viewer)
        else:
            sent = min(self._streams[viewer.stream].rates, default=None)
            self._rate.report(viewer.key, self._clock(), estimate=feedback.estimate, lost=feedback.lost, sent=sent)

    def tick(self) -> None:
        """Once a second: sets the bit rates, moves viewers between streams, sends the timing messages."""
        now = self._clock()
        for stream in self._streams.values():
            sent = sum(size for then, size in stream.sizes if then > now - RATE_SECONDS)
            stream.rates.append(8 * sent / RATE_SECONDS)
        target = self._rate.decide(now)
        self._streams["main"].encoder.bitrate = target
        # Viewers who take no H.264 share one stream, which is as low as theirs only where none of them can take more.
        others = [viewer for viewer in self._viewers if viewer.codec == "VP8"]
        are_poor = bool(others) and all(self._rate.is_poor(viewer.key) for viewer in others)
        self._streams["vp8"].encoder.bitrate = self._rate.low_rate if are_poor else target
        self._streams["low"].encoder.bitrate = self._rate.low_rate
        self._metrics.set("bitrate_target", target)
        for viewer in list(self._viewers):
            wanted = "low" if self._rate.is_poor(viewer.key) else "main"
            if viewer.codec == "H264" and viewer.stream != wanted:
                viewer.stream, viewer.waits = wanted, True
                self.want_keyframe(viewer)
            viewer.send_timing()

    def _distribute(self, name: StreamName, frame: EncodedFrame, message: FaceMessage | None) -> None:
        self._taken += 1
        for viewer in list(self._viewers):
            if viewer.stream == name and not viewer.deliver(frame, message):
                self.want_keyframe(viewer)

    # What follows runs on the encoder's thread.

    def _run(self) -> None:
        while True:
            try:
                picture = self._pictures.get(STILL_SECONDS)
                self._newest = picture
            except TimeoutError:
                # Nothing comes, but who joins now has seen nothing yet, and a receiver may hold a picture
                # back until the next one begins. An unchanged picture takes next to no bytes.
                if self._newest is None:
                    continue
                picture = _Picture(self._newest.image, self._clock(), self._newest.result)
            except Finished:
                return
            try:
                self._encode(picture)
            except Exception:
                log.exception("A picture could not be encoded.")

    def _encode(self, picture: _Picture) -> None:
        with self._lock:
            wanted = {viewer.stream for viewer in self._viewers}
            wants_faces = any(viewer.wants_faces for viewer in self._viewers)
        self._metrics.set("frames_dropped_total", self.dropped)
        if not wanted:
            return
        if self._posted - self._taken > MOST_UNDERWAY:
            self._skipped += 1
            return
        self._timestamp = max(self._timestamp + 1, round(picture.captured * CLOCK))
        image = fitted(picture.image, self._video.size)
        if self._video.timecode and image.shape[0] >= timecode.HEIGHT and image.shape[1] >= timecode.WIDTH:
            image = image.copy()
            timecode.burn(image, round((picture.captured + time.time() - self._clock()) * 1000))
        message = None
        for name in STREAMS:
            if name not in wanted:
                continue
            frame = self._encode_for(self._streams[name], image)
            if frame is None:
                continue
            if message is None and wants_faces and picture.result is not None:
                message = face_message(picture.result, frame.timestamp, (image.shape[1], image.shape[0]))
            self._posted += 1
            self._post(self._distribute, name, frame, message)
        self._metrics.set("encoder_cpu_seconds_total", time.thread_time())
        self._metrics.observe("frame_age_seconds", max(0.0, self._clock() - picture.captured))

    def _encode_for(self, stream: _Stream, image: Image) -> EncodedFrame | None:
        now = self._clock()
        with self._lock:
            key = stream.wants_key and now - stream.last_key >= KEYFRAME_SECONDS
            if key:
                stream.wants_key, stream.last_key = False, now
        if stream.name == "low":
            image = fitted(image, (image.shape[1] // 2, image.shape[0] // 2))
        begun = time.perf_counter()
        frame = stream.encoder.encode(image, self._timestamp, key)
        self._metrics.add("encode_seconds_total", time.perf_counter() - begun)
        if frame is None:
            return None
        self._metrics.add("frames_encoded_total")
        if frame.keyframe:
            self._metrics.add("keyframes_total")
            stream.last_key = now
        size = 0 if frame.keyframe else frame.size
        stream.sizes = [*(one for one in stream.sizes if one[0] > now - RATE_SECONDS), (now, size)]
        return frame

    def _stream(self, name: StreamName) -> _Stream:
        rate = self._rate.low_rate if name == "low" else self._rate.target
        return _Stream(name, Encoder("VP8" if name == "vp8" else "H264", rate))
