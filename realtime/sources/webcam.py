"""A camera of this machine, by number or name; waited for when it is unplugged."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from realtime.errors import UserError
from realtime.sources.base import Shot

log = logging.getLogger(__name__)

FAILURES = 10  # reads in a row without a picture that mean the camera is gone
PATIENCE = 0.02  # seconds between two such reads
RETRY = 1.0  # seconds between two attempts to open a camera that is gone


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used here."""

    def isOpened(self) -> bool:
        """Whether the camera is ours."""
        ...

    def set(self, key: int, value: float) -> bool:
        """Asks for a mode."""
        ...

    def read(self) -> tuple[bool, np.ndarray | None]:
        """The next picture, BGR."""
        ...

    def release(self) -> None:
        """Gives the camera back."""
        ...


def open_capture(index: int) -> Capture:
    """Opens camera `index` with the system's own interface."""
    interfaces = {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_DSHOW}
    return cv2.VideoCapture(index, interfaces.get(sys.platform, cv2.CAP_ANY))


def camera_names() -> dict[int, str]:
    """The cameras that the system lists: number -> name. Only Linux lists them without more packages."""
    found = {}
    for entry in Path("/sys/class/video4linux").glob("video*"):
        try:
            # One camera has several nodes; only the first of them gives pictures.
            if (entry / "index").read_text().strip() == "0":
                found[int(entry.name.removeprefix("video"))] = (entry / "name").read_text().strip()
        except (OSError, ValueError):
            continue
    return dict(sorted(found.items()))


def find_camera(wanted: str, names: Mapping[int, str]) -> int | None:
    """The number of the camera that `wanted` means: a number, /dev/videoN or (part of) a name."""
    number = wanted.removeprefix("/dev/video")
    if number.isdecimal():
        return int(number)
    matches = [index for index, name in names.items() if wanted.casefold() in name.casefold()]
    return matches[0] if matches else None


class Webcam:
    """A camera as a source.

    Args:
        wanted: a number, /dev/videoN or (part of) a name.
        size: width and height asked of the camera; it may choose the nearest that it has.
        rate: frames per second asked of the camera.
        opener: opens a camera by its number.
        lister: lists the cameras' names.
        clock: seconds, monotonic.
    """

    live = True
    still = False
    names: tuple[str, ...] = ()

    def __init__(
        self,
        wanted: str,
        size: tuple[int, int] = (640, 480),
        rate: float = 30.0,
        opener: Callable[[int], Capture] = open_capture,
        lister: Callable[[], Mapping[int, str]] = camera_names,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wanted, self._size, self._rate = wanted, size, rate
        self._opener, self._lister, self._clock = opener, lister, clock
        self._stop = threading.Event()
        self._capture: Capture | None = self._open()
        if self._capture is None:
            raise self._explained()

    def shots(self) -> Iterator[Shot]:
        """Pictures as the camera takes them, until `close`."""
        start = self._clock()
        failures = 0
        try:
            while not self._stop.is_set():
                good, bgr = self._capture.read() if self._capture else (False, None)
                if good and bgr is not None:
                    failures = 0
                    yield Shot(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), self._clock() - start)
                    continue
                failures += 1
                if failures < FAILURES:
                    self._stop.wait(PATIENCE)
                else:
                    failures = 0
                    self._wait_for_return()
        finally:
            self._release()

    def close(self) -> None:
        """Ends a running `shots`, which then gives the camera back."""
        self._stop.set()

    def _wait_for_return(self) -> None:
        log.warning("Camera %s gives no pictures. Waiting for it to come back.", self._wanted)
        self._release()
        while not self._stop.wait(RETRY):
            self._capture = self._open()
            if self._capture:
                log.info("Camera %s is back.", self._wanted)
                return

    def _open(self) -> Capture | None:
        index = find_camera(self._wanted, self._lister())
        if index is None:
            return None
        capture = self._opener(index)
        if capture.isOpened():
            # MJPG first: most cameras reach 30 frames a second at this size only when they compress.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
            capture.set(cv2.CAP_PROP_FPS, self._rate)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # old pictures are of no use
            if any(capture.read()[0] for _ in range(FAILURES)):  # a busy camera opens, but gives nothing
                return capture
        capture.release()
        return None

    def _release(self) -> None:
        if self._capture:
            self._capture.release()
            self._capture = None

    def _explained(self) -> UserError:
        """Why the camera could not be opened."""
        names = self._lister()
        listed = ", ".join(f"{index} ({name})" for index, name in names.items())
        index = find_camera(self._wanted, names)
        device = Path(f"/dev/video{index}")
        if index is not None and device.exists():
            if not os.access(device, os.R_OK | os.W_OK):
                return UserError(
                    f"Camera {self._wanted} may not be used by you.", "Join the group: sudo usermod -aG video $USER."
                )
            return UserError(
                f"Camera {self._wanted} is busy or gives no pictures.",
                "Close what else uses it, or replug it.",
            )
        if listed:
            return UserError(f"There is no camera {self._wanted}.", f"Choose one with --source: {listed}.")
        return UserError(
            f"Camera {self._wanted} cannot be opened: none is there, or another program uses it.",
            "Plug one in or close the other program; --source also takes a video, a picture or demo.",
        )
