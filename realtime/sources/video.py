"""Video files and network streams, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import av
import av.error
import cv2
import numpy as np

from realtime.errors import UserError
from realtime.frames import Image
from realtime.sources.base import STILL_SECONDS, Shot

log = logging.getLogger(__name__)

OPEN_TIMEOUT, READ_TIMEOUT = 10.0, 5.0  # seconds, network streams
RETRY, LONGEST_RETRY = 1.0, 10.0  # seconds until a live stream that broke is opened again, doubled each time
MISSING_SECONDS = 0.5  # a file that ends this much before its stated length was cut short
SHORTEST_STEP = 1e-3  # seconds between two frames whose file says they are shown at once
QUARTER_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


class Video:
    """A video file, or a stream from a URL. A live stream that breaks is waited for and opened again.

    Args:
        place: a path or a URL.
        retry: seconds until the first try to open a broken live stream again.
        clock: seconds, monotonic.
    """

    still = False
    names: tuple[str, ...] = ()

    def __init__(self, place: str, retry: float = RETRY, clock: Callable[[], float] = time.monotonic) -> None:
        self._place, self._retry, self._clock = place, retry, clock
        self._is_url = "://" in place
        self._label = _without_password(place) if self._is_url else Path(place).name
        self._stop = threading.Event()
        # Opened now, so that a mistake is told before anything else starts.
        self._first: av.container.InputContainer | None = self._open()
        self.live = self._is_url and not self._first.duration

    def shots(self) -> Iterator[Shot]:
        """The frames with their own times, upright, from the start; those of a live stream until `close`."""
        first, self._first = self._first or self._open(), None
        if not self.live:
            yield from self._played(first)
            return
        start, offset, last = self._clock(), 0.0, 0.0
        container: av.container.InputContainer | None = first
        while container is not None:
            for shot in self._played(container):
                last = offset + shot.time
                yield Shot(shot.image, last)
            container = self._opened_again()
            # A stream's own times may run ahead of the clock; they must rise all the same.
            offset = max(self._clock() - start, last + SHORTEST_STEP)

    def close(self) -> None:
        """Ends a running `shots`."""
        self._stop.set()

    def _played(self, container: av.container.InputContainer) -> Iterator[Shot]:
        """What is in one container, which is closed afterwards."""
        with container:
            stream = container.streams.video[0]
            stream.thread_type = "SLICE" if self.live else "AUTO"  # frame threads would hold frames back
            yield from self._timed(container, stream)

    def _opened_again(self) -> av.container.InputContainer | None:
        """The stream, once its sender is back; None: nobody wants it any more."""
        if not self._stop.is_set():
            log.warning("%s gives no pictures. Waiting for it to come back.", self._label)
        wait = self._retry
        while not self._stop.wait(wait):
            wait = min(2 * wait, LONGEST_RETRY)
            try:
                container = self._open()
            except UserError as error:
                log.debug(error.message)
                continue
            log.info("%s is back.", self._label)
            return container
        return None

    def _timed(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[Shot]:
        step = 1 / float(stream.average_rate) if stream.average_rate else STILL_SECONDS
        start, last = None, -step
        for frame in self._decoded(container, stream):
            if self._stop.is_set():
                return
            now = frame.time if frame.time is not None else (start or 0.0) + last + step
            start = now if start is None else start
            last = max(now - start, last + SHORTEST_STEP, 0.0)
            yield Shot(_picture(frame, stream), last)
        length = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        if last < 0 and not self.live:
            raise UserError(f"{self._label} holds no picture that can be read.", "Is it damaged? Try another file.")
        if last + step < length - MISSING_SECONDS and not self.live:
            log.warning("%s ends after %.1f of its %.1f s: it was cut short.", self._label, last + step, length)

    def _decoded(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        """The frames that can be decoded; damage in the middle is skipped, a break ends the video."""
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                log.warning("%s breaks off: %s.", self._label, _reason(error))
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except av.error.EOFError:
                return
            except av.error.InvalidDataError:
                continue

    def _open(self) -> av.container.InputContainer:
        options = {"rtsp_transport": "tcp"} if self._place.startswith("rtsp") else {}
        timeout = (OPEN_TIMEOUT, READ_TIMEOUT) if self._is_url else None
        try:
            container = av.open(self._place, options=options, timeout=timeout)
        except (av.error.FFmpegError, OSError) as error:
            raise self._explained(error) from error
        if not container.streams.video:
            container.close()
            raise UserError(f"{self._label} holds no video.", "Name a file or stream that shows a face.")
        return container

    def _explained(self, error: Exception) -> UserError:
        if self._is_url:
            return UserError(
                f"{self._label} cannot be opened: {_reason(error)}.", "Check the address, and that its sender is up."
            )
        if isinstance(error, PermissionError):
            return UserError(f"{self._label} may not be read.", "Give yourself the right to read it.")
        return UserError(
            f"{self._label} is not a video that can be read.", "Is it complete, and really a video? Play it elsewhere."
        )


def _reason(error: Exception) -> str:
    """FFmpeg's own words for an error, without its number and path."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _without_password(url: str) -> str:
    """A URL as it may be printed."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _picture(frame: av.VideoFrame, stream: av.VideoStream) -> Image:
    """A decoded frame as (H, W, 3) RGB, upright, with square pixels."""
    image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    ratio = stream.sample_aspect_ratio
    if ratio and ratio != 1:
        width = max(1, round(image.shape[1] * float(ratio)))
        image = cv2.resize(image, (width, image.shape[0]), interpolation=cv2.INTER_LINEAR)
    turn = QUARTER_TURNS.get(frame.rotation % 360)
    return image if turn is None else np.ascontiguousarray(cv2.rotate(image, turn))
