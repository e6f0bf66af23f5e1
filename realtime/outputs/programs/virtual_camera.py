"""`--virtual-camera`: what is shown, as a camera that video calls can choose.

It takes a virtual camera of the system (OBS's on Windows and macOS, v4l2loopback on Linux) and the package
pyvirtualcam. That package is under the GPL, version 2; this program does not contain it, depends on it nor installs
it with anything but the extra of its name, and loads it here and only when it is asked to.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any

import numpy as np

from realtime.errors import UserError
from realtime.frames import FrameResult, Image
from realtime.sources.base import pad

log = logging.getLogger(__name__)

RATE = 30.0  # frames per second, told to the device; pictures are sent when they are there


class VirtualCamera:
    """A sink that shows the drawn pictures as a camera.

    Args:
        name: the device as the system calls it; empty: the first one there is.
        size: width and height of the camera's pictures; what is drawn is fitted in, never stretched.

    Raises:
        UserError: the package or the device is missing.
    """

    needs_picture = True

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise UserError(
                "--virtual-camera needs the package pyvirtualcam, which is not installed.",
                "Install it (it is under the GPL): pip install pyvirtualcam",
            ) from error
        self._size = size
        self._device: Any = None
        try:
            self._device = pyvirtualcam.Camera(*size, RATE, device=name or None)
        except (RuntimeError, OSError, ValueError) as error:
            which = f"The virtual camera {name}" if name else "A virtual camera"
            raise UserError(
                f"{which} cannot be opened: {_reason(error)}.",
                "Install OBS and start its virtual camera once; on Linux: sudo modprobe v4l2loopback exclusive_caps=1",
            ) from error
        log.info("The virtual camera is %s.", self._device.device)

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Shows one picture, (H, W, 3) RGB. When the device is taken away, the loop goes on without it."""
        if picture is None or self._device is None:
            return
        try:
            self._device.send(np.ascontiguousarray(pad(picture, self._size)))
        except (RuntimeError, OSError, ValueError) as error:
            log.warning("The virtual camera takes no more pictures: %s.", _reason(error))
            self._close()

    def __enter__(self) -> VirtualCamera:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def _close(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "no reason was given"
