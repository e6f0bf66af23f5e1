"""A browser's camera as a source: pictures that come by WHIP, while somebody sends them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import av
import numpy as np

from realtime.mailbox import Finished, Mailbox
from realtime.sources.base import Shot

WAIT_SECONDS = 0.5  # how often the waiting looks whether it should end


class WebRtcSource:
    """Waits for a camera, gives its pictures, waits for the next when it leaves.

    The server calls `take`; the loop reads `shots`. The newest picture wins.

    Args:
        clock: seconds, monotonic.
    """

    live = True
    still = False
    names: tuple[str, ...] = ()

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pictures: Mailbox[tuple[av.VideoFrame, float]] = Mailbox(lossless=False)
        self._stop = threading.Event()

    def take(self, frame: av.VideoFrame) -> None:
        """Takes a decoded picture, from any thread; never waits."""
        self._pictures.put((frame, self._clock()))

    def shots(self) -> Iterator[Shot]:
        """The pictures as they come, whatever their size; until `close`."""
        start: float | None = None
        last = -1.0
        while not self._stop.is_set():
            try:
                frame, came = self._pictures.get(WAIT_SECONDS)
            except TimeoutError:
                continue
            except Finished:
                return
            start = came if start is None else start
            last = max(came - start, last + 1e-3)
            # Converted here, on the capture thread: the network's thread has better things to do.
            yield Shot(np.ascontiguousarray(frame.to_ndarray(format="rgb24")), last)

    def close(self) -> None:
        """Ends a running `shots`."""
        self._stop.set()
        self._pictures.abort()
