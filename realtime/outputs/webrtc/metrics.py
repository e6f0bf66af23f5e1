"""Counts what happens and writes it as Prometheus text."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from statistics import median

WINDOW = 2.0  # seconds that rates and averages look back

HELP = {
    "viewers": ("gauge", "Viewers connected now."),
    "publishers": ("gauge", "Browsers or programs that send their camera now."),
    "peers": ("gauge", "Sessions open, connected or not."),
    "fps": ("gauge", "Pictures a second that reached the encoder."),
    "drawn_age_seconds": ("gauge", "Age of the last seconds' pictures when they came from the frame loop, median."),
    "frame_age_seconds": ("gauge", "Age of the last seconds' pictures when they were handed to the network, median."),
    "bitrate_target": ("gauge", "Bits a second asked of the encoder."),
    "frames_total": ("counter", "Pictures that came from the frame loop."),
    "frames_encoded_total": ("counter", "Pictures encoded, all streams together."),
    "frames_dropped_total": ("counter", "Pictures replaced by newer ones before they were encoded."),
    "viewer_frames_dropped_total": ("counter", "Encoded pictures that a viewer's queue had no room for."),
    "keyframes_total": ("counter", "Keyframes encoded."),
    "keyframe_requests_total": ("counter", "Keyframes asked for by viewers."),
    "encode_seconds_total": ("counter", "Time spent encoding."),
    "encoder_cpu_seconds_total": ("counter", "Processor time of the encoder's thread."),
    "network_cpu_seconds_total": ("counter", "Processor time of the network's thread, which serves all viewers."),
    "bytes_total": ("counter", "Encoded bytes handed to viewers."),
    "data_messages_total": ("counter", "Face messages handed to viewers."),
    "sessions_total": ("counter", "Sessions opened."),
    "refused_total": ("counter", "Requests refused: no token, too many, too big, not understood."),
}


class Metrics:
    """Numbers by name; may be used from any thread.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._values = dict.fromkeys(HELP, 0.0)
        self._frames: deque[float] = deque()
        self._recent: dict[str, deque[tuple[float, float]]] = {}  # name -> (when, value) of the last seconds

    def add(self, name: str, amount: float = 1.0) -> None:
        """Counts on."""
        with self._lock:
            self._values[name] += amount

    def set(self, name: str, value: float) -> None:
        """Notes the present value."""
        with self._lock:
            self._values[name] = value

    def observe(self, name: str, value: float) -> None:
        """Notes one of many values, of which the last seconds' median is shown."""
        now = self._clock()
        with self._lock:
            recent = self._recent.setdefault(name, deque())
            recent.append((now, value))
            while recent[0][0] <= now - WINDOW:
                recent.popleft()

    def frame(self) -> None:
        """A picture came."""
        now = self._clock()
        with self._lock:
            self._values["frames_total"] += 1
            self._frames.append(now)
            while self._frames and self._frames[0] <= now - WINDOW:
                self._frames.popleft()

    def values(self) -> Mapping[str, float]:
        """All numbers as they are now."""
        now = self._clock()
        with self._lock:
            recent = sum(then > now - WINDOW for then in self._frames)
            medians = {name: median(value for _, value in values) for name, values in self._recent.items()}
            return {**self._values, **medians, "fps": recent / WINDOW}

    def text(self) -> str:
        """Prometheus' text format."""
        lines = []
        for name, value in self.values().items():
            kind, about = HELP[name]
            full = f"contourface_{name}"
            lines += [f"# HELP {full} {about}", f"# TYPE {full} {kind}", f"{full} {value:.10g}"]
        return "\n".join(lines) + "\n"
