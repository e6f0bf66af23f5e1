"""Where the time goes: wall and CPU milliseconds per stage, the age of the shown frames, what was dropped."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

KEPT = 3000  # values remembered per stage: 100 s at 30 frames a second, whatever the program's run time
RATE_WINDOW = 31  # shown frames that the current rate is taken over


def percentiles(values: Iterable[float]) -> tuple[float, float]:
    """The median and the 95th percentile; (nan, nan) of nothing."""
    array = np.fromiter(values, np.float64)
    if not len(array):
        return float("nan"), float("nan")
    p50, p95 = np.percentile(array, (50, 95))
    return float(p50), float(p95)


class Timings:
    """Collects figures from all threads of the loop.

    A stage's wall time includes waiting for a core. Its CPU time is that of the thread that ran it;
    threads that libraries start for themselves (decoder, tracker, GL, encoder) show up together as
    `library threads`.

    Args:
        clock: seconds, monotonic.
        device: says what computes, in words; asked anew each time, for a GPU can be lost.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, device: Callable[[], str] = str) -> None:
        self.clock, self.device = clock, device
        self.seen = 0  # frames that the source gave
        self.dropped = 0  # frames replaced by newer ones before they were shown
        self.without_face = 0  # shown frames in which there was no face
        self.shown = 0
        self._lock = threading.Lock()
        self._wall: dict[str, deque[float]] = {}
        self._cpu: dict[str, float] = {}
        self._ages: deque[float] = deque(maxlen=KEPT)
        self._shown_at: deque[float] = deque(maxlen=RATE_WINDOW)
        self._started = clock()
        self._process_start = time.process_time()
        self._ended: tuple[float, float] | None = None

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Times one run of a stage on the thread that calls this."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.add(stage, (time.perf_counter() - wall) * 1e3, (time.thread_time() - cpu) * 1e3)

    def add(self, stage: str, wall_ms: float, cpu_ms: float = 0.0) -> None:
        """Records one run of a stage."""
        with self._lock:
            self._wall.setdefault(stage, deque(maxlen=KEPT)).append(wall_ms)
            self._cpu[stage] = self._cpu.get(stage, 0.0) + cpu_ms

    def add_shown(self, captured: float, faces: int, parts: Mapping[str, float]) -> None:
        """Records that a frame captured at `captured` (seconds of the clock) has reached its viewer.

        Args:
            captured: when the frame reached this program.
            faces: how many faces were found in it.
            parts: wall milliseconds of the steps inside the compute stage.
        """
        now = self.clock()
        with self._lock:
            self.shown += 1
            self.without_face += faces == 0
            self._ages.append((now - captured) * 1e3)
            self._shown_at.append(now)
            for name, ms in parts.items():
                self._wall.setdefault(name, deque(maxlen=KEPT)).append(ms)

    @property
    def rate(self) -> float:
        """Shown frames per second, over about the last second."""
        with self._lock:
            if len(self._shown_at) < 2:
                return 0.0
            return (len(self._shown_at) - 1) / max(1e-9, self._shown_at[-1] - self._shown_at[0])

    def finish(self) -> None:
        """Stops counting time; figures read later are those of now."""
        self._ended = self.clock(), time.process_time()

    @property
    def seconds(self) -> float:
        """From the start to `finish`, or to now."""
        return (self._ended[0] if self._ended else self.clock()) - self._started

    @property
    def frames_per_second(self) -> float:
        """Shown frames over the whole time."""
        return self.shown / max(1e-9, self.seconds)

    def ages(self, last: int = KEPT) -> tuple[float, float]:
        """Median and 95th percentile of the age at which the last frames were shown, ms."""
        with self._lock:
            return percentiles(list(self._ages)[-last:])

    def stages(self, last: int = KEPT) -> dict[str, tuple[float, float]]:
        """Stage -> (median, 95th percentile) of its wall time in its last runs, ms."""
        with self._lock:
            return {name: percentiles(list(values)[-last:]) for name, values in self._wall.items()}

    def cpu(self) -> dict[str, float]:
        """Stage -> CPU ms per seen frame; what no stage accounts for is under `library threads`."""
        with self._lock:
            per_stage = {name: total / max(1, self.seen) for name, total in self._cpu.items() if total}
        ended = self._ended[1] if self._ended else time.process_time()
        whole = (ended - self._process_start) * 1e3 / max(1, self.seen)
        return {**per_stage, "library threads": max(0.0, whole - sum(per_stage.values()))}

    def table(self) -> str:
        """The summary printed at the end, a few aligned lines."""
        cpu = self.cpu()
        walls = self.stages()
        rows = [f"{'stage':<16}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms/frame':>14}"]
        for name in [*walls, *(name for name in cpu if name not in walls)]:
            wall = "".join(f"{value:9.1f}" for value in walls[name]) if name in walls else " " * 18
            rows.append(f"{name:<16}{wall}" + (f"{cpu[name]:14.1f}" if name in cpu else ""))
        age = self.ages()
        rows.append(f"{'age when shown':<16}{age[0]:9.1f}{age[1]:9.1f}")
        rows.append(
            f"{self.seen} frames seen, {self.shown} shown, {self.dropped} dropped, "
            f"{self.without_face} without a face; {self.seconds:.1f} s, {self.frames_per_second:.1f} fps"
        )
        return "\n".join(rows)


class StageClock:
    """Adds up the milliseconds of each stage over a frame's faces."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Times what runs inside as (a further part of) this stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - start) * 1e3
            self.milliseconds[stage] = self.milliseconds.get(stage, 0.0) + spent
