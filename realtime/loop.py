"""The frame loop: capture, tracking and reconstruction on threads of their own, drawing on the caller's.

    source -> [capture] -> mailbox -> [track] -> mailbox -> [reconstruct] -> mailbox -> draw, show, write (the caller)

Each mailbox holds one item. For live sources the newest frame wins and what nobody had time for is dropped, so
the age of what is shown stays bounded; for files every frame goes all the way. Live, track and reconstruct share one
thread: a mailbox between them would only let frames grow old.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol

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
    """Capture and the stages that compute, each on its thread; results come out of `take`.

    An error on any thread comes out of `take` too, after the results before it. Leaving the context ends all
    threads, whether the source has ended or not.

    Args:
        frames: the source's frames; iterated on the capture thread.
        stages: what is done to each, one after the other, each on its own thread; the first takes a `Frame`, the
            last returns a `FrameResult`.
        lossless: drop nothing.
        timings: told how many frames came and were dropped.
        halt: asks `frames` to end soon; called from the thread that leaves the context.
    """

    def __init__(
        self,
        frames: Iterator[Frame],
        stages: Sequence[Callable[[Any], Any]],
        lossless: bool,
        timings: Timings,
        halt: Callable[[], None] = lambda: None,
    ) -> None:
        self._frames, self._halt = frames, halt
        self._timings = timings
        self._interrupted = False
        self._boxes: list[Mailbox] = [Mailbox(lossless) for _ in range(len(stages) + 1)]
        self._threads = [threading.Thread(target=self._run_capture, name="capture", daemon=True)]
        for number, work in enumerate(stages):
            ends = self._boxes[number], self._boxes[number + 1]
            thread = threading.Thread(target=self._run_stage, args=(work, *ends), name=f"stage {number}", daemon=True)
            self._threads.append(thread)

    def __enter__(self) -> Pipeline:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._halt()
        for box in reversed(self._boxes):
            box.abort()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)
        self._count_dropped()

    def interrupt(self) -> None:
        """Makes `take` say that the source has ended; may be called from a signal's handler."""
        self._interrupted = True

    def take(self, timeout: float | None = None) -> FrameResult:
        """The next result.

        Raises:
            TimeoutError: none came within `timeout` seconds; 0 looks without waiting.
            Finished: the source has ended and every result was taken, or `interrupt` was called.
            Exception: whatever went wrong on one of the threads.
        """
        self._count_dropped()
        if self._interrupted:
            raise Finished
        return self._boxes[-1].get(timeout)

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
        self._timings.dropped = sum(box.dropped for box in self._boxes)

    def _run_capture(self) -> None:
        out = self._boxes[0]
        try:
            for frame in self._frames:
                self._timings.seen += 1
                if not out.put(frame):
                    break
            out.close()
        except BaseException as error:  # handed on, to the thread that draws
            out.close(error)

    def _run_stage(self, work: Callable[[Any], Any], into: Mailbox, out: Mailbox) -> None:
        try:
            while out.put(work(into.get())):
                pass
        except Finished:
            out.close()
        except BaseException as error:  # handed on, to the thread that draws
            into.abort()
            out.close(error)
