"""What every source gives, and what is done to all of them alike: size, pace, repetition."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from realtime.frames import Frame, Image

STILL_SECONDS = 1 / 30  # how long a frame lasts when its source does not say


@dataclass(frozen=True)
class Shot:
    """One picture as a source gives it."""

    image: Image  # (H, W, 3) RGB
    time: float  # seconds since the source's first shot, strictly rising
    name: str | None = None  # a picture's stem; None: named by its number


class Source(Protocol):
    """Where pictures come from."""

    live: bool  # its pictures come when they come and are lost if nobody takes them
    still: bool  # a single picture: while somebody watches, it is shown again and again
    names: tuple[str, ...]  # the names of the shots where they are known beforehand, else empty

    def shots(self) -> Iterator[Shot]:
        """The pictures, from the start. Errors of the user raise `UserError`."""
        ...

    def close(self) -> None:
        """Ends a running `shots` soon; may be called from any thread."""
        ...


def pad(image: Image, size: tuple[int, int]) -> Image:
    """Scales a picture to fit into `size` (width, height) and centres it on black; never stretches it."""
    width, height = size
    rows, columns = image.shape[:2]
    if (columns, rows) == size:
        return image
    scale = min(width / columns, height / rows)
    inner = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    if inner != (columns, rows):
        # Averaging over an area costs six times as much, and is needed only where pixels would be skipped.
        image = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR)
    if inner == size:
        return image
    out = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    out[top : top + inner[1], left : left + inner[0]] = image
    return out


def repeated(source: Source, forever: bool) -> Generator[Shot]:
    """The source's shots, over and over if asked, their times going on where the last round ended."""
    offset = 0.0
    while True:
        last, step = None, STILL_SECONDS
        for shot in source.shots():
            step = shot.time - last if last is not None else step
            last = shot.time
            yield Shot(shot.image, offset + shot.time, shot.name)
        if not forever or last is None:
            return
        offset += last + step


def frames(
    source: Source,
    *,
    size: tuple[int, int] | None = None,
    realtime: bool = False,
    loop: bool = False,
    count: int | None = None,
    seconds: float | None = None,
    stop: threading.Event | None = None,
    measure: Callable[[str], AbstractContextManager[object]] = nullcontext,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Frame]:
    """Turns a source into the frames that the loop works on.

    Args:
        source: what to read.
        size: width and height that every picture is fitted into; None: as they come.
        realtime: wait for each frame's own time. Live sources set the pace themselves.
        loop: begin again at the end.
        count: stop after this many frames.
        seconds: stop where the source's own time line reaches this.
        stop: ends the waiting between two frames.
        measure: times what it is given the name of; told about each picture's reading.
        clock: seconds, monotonic.
    """
    stop = stop or threading.Event()
    forever = loop or (source.still and realtime)
    started: float | None = None
    shots = repeated(source, forever and not source.live)
    try:
        for index in itertools.count() if count is None else range(count):
            with measure("capture"):
                shot = next(shots, None)
                if shot is None or (seconds is not None and shot.time >= seconds):
                    return
                image = pad(shot.image, size) if size else shot.image
            if realtime and not source.live:
                started = clock() - shot.time if started is None else started
                stop.wait(max(0.0, started + shot.time - clock()))
            if stop.is_set():
                return
            yield Frame(image, clock(), shot.time, index, shot.name or f"frame_{index:06d}")
    finally:
        shots.close()
