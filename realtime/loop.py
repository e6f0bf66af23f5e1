"""The frame loop: capture and compute on threads of their own, drawing on the caller's.

    source -> [capture] -> mailbox -> [compute] -> mailbox -> draw, show, write (the caller)

Each mailbox holds one item. For live sources the newest frame wins and what nobody had time for is dropped, so
the age of what is shown stays bounded; for files every frame goes all the way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol

from realtime.frames import Frame, FrameResult, Image
from realtime.mailbox import Finished, Mailbox
from realtime.timing import Timings

JOIN_SECONDS = 2.0  # how long a thread that was told to stop is waited for; a camera may hang
SIGNAL_SECONDS = 0.2  # the drawing thread wakes this often, so that Ctrl-C is heard on every system


class Sink(Protocol):
    """Takes what the loop makes. A context manager: leaving it finishes the file."""

    @property
    def needs_picture(self) -> bool:
        """Whether `write` looks at the drawn picture."""
        ...

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Takes one frame; the picture is (H, W, 3) RGB, and nobody changes it later."""
        ...

    def __enter__(self) -> object: ...

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Pipeline:
    """Capture and compute, each on its thread; results come out of `take`.

    An error on either thread comes out of `take` too, after the results before it. Leaving the context ends both
    threads, whether the source has ended or not.

    Args:
        frames: the source's frames; iterated on the capture thread.
        compute: what is done to each, on the compute thread.
        lossless: drop nothing.
        timings: told how many frames came and were dropped.
        halt: asks `frames` to end soon; called from the thread that leaves the context.
    """

    def __init__(
        self,
        frames: Iterator[Frame],
        compute: Callable[[Frame], FrameResult],
        lossless: bool,
        timings: Timings,
        halt: Callable[[], None] = lambda: None,
    ) -> None:
        self._frames, self._compute, self._halt = frames, compute, halt
        self._timings = timings
        self._captured: Mailbox[Frame] = Mailbox(lossless)
        self._computed: Mailbox[FrameResult] = Mailbox(lossless)
        self._threads = [
            threading.Thread(target=self._run_capture, name="capture", daemon=True),
            threading.Thread(target=self._run_compute, name="compute", daemon=True),
        ]

    def __enter__(self) -> Pipeline:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._halt()
        self._computed.abort()
        self._captured.abort()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        self._count_dropped()

    def take(self, timeout: float | None = None) -> FrameResult:
        """The next result.

        Raises:
            TimeoutError: none came within `timeout` seconds; 0 looks without waiting.
            Finished: the source has ended and every result was taken.
            Exception: whatever went wrong on one of the threads.
        """
        self._count_dropped()
        return self._computed.get(timeout)

    def results(self) -> Iterator[FrameResult]:
        """All results, until the source ends."""
        while True:
            try:
                yield self.take(SIGNAL_SECONDS)
            except TimeoutError:
                continue
            except Finished:
                return

    def _count_dropped(self) -> None:
        self._timings.dropped = self._captured.dropped + self._computed.dropped

    def _run_capture(self) -> None:
        try:
            for frame in self._frames:
                self._timings.seen += 1
                if not self._captured.put(frame):
                    break
            self._captured.close()
        except BaseException as error:  # handed to the thread that draws
            self._captured.close(error)

    def _run_compute(self) -> None:
        try:
            while True:
                result = self._compute(self._captured.get())
                if not self._computed.put(result):
                    break
        except Finished:
            self._computed.close()
        except BaseException as error:  # handed to the thread that draws
            self._captured.abort()
            self._computed.close(error)
