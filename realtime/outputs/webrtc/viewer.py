"""One viewer's end of the stream: its queue of encoded pictures and its data channels."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import TYPE_CHECKING

from aiortc import MediaStreamTrack, RTCDataChannel, RTCRtpSender
from aiortc.exceptions import InvalidStateError
from aiortc.mediastreams import MediaStreamError

from realtime.outputs.webrtc import hooks
from realtime.outputs.webrtc.encoder import CLOCK, EncodedFrame

if TYPE_CHECKING:
    from realtime.outputs.webrtc.encoder import CodecName
    from realtime.outputs.webrtc.facedata import FaceMessage
    from realtime.outputs.webrtc.metrics import Metrics

LONGEST_QUEUE = 30  # pictures; a viewer further behind starts again at a keyframe
MOST_BUFFERED = 64 * 1024  # bytes waiting in a data channel above which messages are left out
LONGEST_PING = 32  # characters


class PackedTrack(MediaStreamTrack):
    """A track of pictures that are encoded already. One reader; lives on the event loop."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.sender: RTCRtpSender | None = None
        self.offset: int | None = None  # of this viewer's RTP time stamps, known once a picture was sent
        self._queue: deque[EncodedFrame] = deque()
        self._last: EncodedFrame | None = None
        self._arrival: asyncio.Future[None] | None = None

    def put(self, frame: EncodedFrame) -> bool:
        """Queues a picture. False when there is no room: the queue is emptied, and only a keyframe helps."""
        if len(self._queue) >= LONGEST_QUEUE:
            self._queue.clear()
            return False
        self._queue.append(frame)
        self._wake()
        return True

    async def recv(self) -> EncodedFrame:  # type: ignore[override]
        """The next picture, when there is one."""
        if self._last is not None and self.offset is None and self.sender is not None:
            self.offset = (hooks.last_rtp_timestamp(self.sender) - self._last.timestamp) & 0xFFFFFFFF
        while not self._queue and self.readyState == "live":
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        if self.readyState != "live":
            raise MediaStreamError
        self._last = self._queue.popleft()
        return self._last

    def stop(self) -> None:
        """Ends the track and whoever waits for it."""
        super().stop()
        self._queue.clear()
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


class Viewer:
    """Somebody who watches. All methods are called on the event loop.

    Args:
        key: the session's name.
        codec: what was agreed on.
        track: where its pictures go.
        metrics: where drops and bytes are counted.
    """

    def __init__(self, key: str, codec: CodecName, track: PackedTrack, metrics: Metrics) -> None:
        self.key, self.codec, self.track = key, codec, track
        self.stream = ""  # the broadcast's name of the stream it gets
        self.waits = True  # for a keyframe
        self._metrics = metrics
        self._faces: RTCDataChannel | None = None
        self._timing: RTCDataChannel | None = None
        self._newest: int | None = None  # time stamp of the newest picture given to it

    @property
    def wants_faces(self) -> bool:
        """Whether it listens to the faces' data."""
        return _is_open(self._faces)

    def deliver(self, frame: EncodedFrame, message: FaceMessage | None) -> bool:
        """Takes a picture of its stream. False when it now needs a keyframe."""
        if self.waits and not frame.keyframe:
            return True  # one is on its way
        self.waits = False
        self._newest = frame.timestamp
        if not self.track.put(frame):
            self._metrics.add("viewer_frames_dropped_total")
            self.waits = True
            return False
        self._metrics.add("bytes_total", frame.size)
        if message is not None and self._faces is not None and self.track.offset is not None:
            binary = self._faces.protocol == "binary"
            offset = self.track.offset
            if _send(self._faces, message.as_binary(offset) if binary else message.as_json(offset)):
                self._metrics.add("data_messages_total")
        return True

    def add_channel(self, channel: RTCDataChannel) -> None:
        """Takes the channels that we serve, one of each; closes others."""
        if channel.label == "face" and self._faces is None:
            self._faces = channel
        elif channel.label == "timing" and self._timing is None:
            self._timing = channel
            channel.on("message", self._answer)
        else:
            channel.close()

    def send_timing(self) -> None:
        """Tells which RTP time stamp was captured when, so that the page can work out the delay."""
        if self._newest is None or self.track.offset is None:
            return
        captured = self._newest / CLOCK + time.time() - time.monotonic()
        rtp = (self._newest + self.track.offset) & 0xFFFFFFFF
        _send(self._timing, json.dumps({"rtp": rtp, "captured": round(captured * 1000, 1)}))

    def _answer(self, message: object) -> None:
        """A ping is answered at once with the time here: half of the way gives the page our clock."""
        if isinstance(message, str) and len(message) <= LONGEST_PING:
            _send(self._timing, json.dumps({"pong": message, "now": round(time.time() * 1000, 1)}))


def _is_open(channel: RTCDataChannel | None) -> bool:
    return channel is not None and channel.readyState == "open"


def _send(channel: RTCDataChannel | None, message: str | bytes) -> bool:
    """Sends unless the channel is closed or full."""
    if channel is None or channel.readyState != "open" or channel.bufferedAmount > MOST_BUFFERED:
        return False
    try:
        channel.send(message)
    except (InvalidStateError, ConnectionError):
        return False
    return True
