"""`--ifacialmocap`: what the iFacialMocap app sends by UDP, version 1 of its text.

Specification: https://www.ifacialmocap.com/for-developer/. One datagram per frame:

    browInnerUp-20|mouthSmile_L-9|...|=head#pitch,yaw,roll,x,y,z|rightEye#pitch,yaw,roll|leftEye#pitch,yaw,roll|

Blendshapes are whole numbers 0..100, sides are `_L` and `_R`. Angles are degrees, positions metres, in ARKit's axes
(`conventions.py`). The page does not name the axes; its example does: eyes that look down have a positive pitch, and
a right eye that looks inwards a positive yaw. Receivers in Unity negate yaw and roll, which is the change to its axes.

The app starts when a receiver asks it to; receivers take what comes unasked, too. Nothing is sent while no face is
seen: the text has no word for it, and receivers let go after a moment. It has no time and no ids either: a second face
goes to the next port, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from realtime.frames import FaceState, FrameResult
from realtime.outputs.programs.conventions import head_of, shapes_of
from realtime.outputs.programs.options import Address
from realtime.outputs.programs.sinks import DatagramSink

DIRECTIONS = {"jawLeft", "jawRight", "mouthLeft", "mouthRight"}  # not the shapes of a side, but ways to go


class IFacialMocap(DatagramSink):
    """A sink that sends iFacialMocap's text; `names` are the blendshapes in the order of the coefficients."""

    def __init__(self, address: Address, faces: int, names: Sequence[str]) -> None:
        super().__init__("--ifacialmocap", address, faces, ports=faces)
        self._names = [short_name(name) for name in names]

    def datagrams(self, result: FrameResult, slot: int, face: FaceState | None) -> Iterable[bytes]:
        """The datagram about one avatar."""
        return [face_text(face, self._names).encode()] if face is not None else []


def short_name(name: str) -> str:
    """ARKit's name of a blendshape -> iFacialMocap's."""
    if name in DIRECTIONS:
        return name
    for side in ("Left", "Right"):
        if name.endswith(side):
            return f"{name.removesuffix(side)}_{side[0]}"
    return name


def face_text(face: FaceState, names: Sequence[str]) -> str:
    """One face as text.

    Args:
        face: the face.
        names: the blendshapes' short names, in the order of the coefficients.
    """
    head = head_of(face)
    shapes = "".join(f"{name}-{round(100 * value)}|" for name, value in zip(names, shapes_of(face), strict=True))
    right, left = ((*np.degrees(eye), 0.0) for eye in head.eyes)
    place = _numbers([*np.degrees(head.angles), *head.position])
    return f"{shapes}=head#{place}|rightEye#{_numbers(right)}|leftEye#{_numbers(left)}|"


def _numbers(values: Iterable[float]) -> str:
    return ",".join(f"{value:.5f}" for value in values)
