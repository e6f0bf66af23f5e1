"""`--osc`: the VMC protocol, which VSeeFace, Warudo, VNyan and Blender add-ons take.

Specification: https://protocol.vmc.info/marionette-spec (messages) and https://protocol.vmc.info/specification
(ports, bundles of at most 1500 bytes). Of every frame:

    /VMC/Ext/OK        i        1: a face is seen and told below; 0: none is
    /VMC/Ext/T         f        seconds from the first frame's capture to this one's
    /VMC/Ext/Bone/Pos  sfffffff Head, LeftEye, RightEye: position and quaternion x y z w, relative to the bone above
    /VMC/Ext/Tra/Pos   sfffffff "face N": where the head is, camera at the origin; N is the track's id
    /VMC/Ext/Blend/Val sf       ARKit's 52 names as models for perfect sync have them, and 0..1
    /VMC/Ext/Blend/Apply

Unity's axes and metres (`conventions.py`); the person's left is the avatar's left, and mirroring is the receiver's
business. Bones are only turned: where an avatar's head sits on its neck is the avatar's own, so their positions are 0;
where the person's head is stands in the tracker. The protocol knows one avatar per port: a second face goes to the
next port, and so on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from realtime.frames import FaceState, FrameResult
from realtime.outputs.programs import osc
from realtime.outputs.programs.conventions import eye_rotation, head_of, shapes_of, unity_position, unity_quaternion
from realtime.outputs.programs.options import Address
from realtime.outputs.programs.sinks import DatagramSink

LARGEST = 1472  # bytes: 1500 less the headers of IP and UDP, so that nothing is cut in two on the way
NOWHERE = (0.0, 0.0, 0.0)


class Vmc(DatagramSink):
    """A sink that sends VMC messages; `names` are the blendshapes in the order of the coefficients."""

    def __init__(self, address: Address, faces: int, names: Sequence[str]) -> None:
        super().__init__("--osc", address, faces, ports=faces)
        # A blendshape's message without its value, which is its last four bytes.
        self._shapes = [osc.message("/VMC/Ext/Blend/Val", name, 0.0)[:-4] for name in names]
        self._started: float | None = None

    def datagrams(self, result: FrameResult, slot: int, face: FaceState | None) -> Iterable[bytes]:
        """The bundles about one avatar."""
        captured = result.frame.captured
        self._started = captured if self._started is None else self._started
        messages = [osc.message("/VMC/Ext/OK", int(face is not None))]
        messages.append(osc.message("/VMC/Ext/T", captured - self._started))
        if face is not None:
            messages += self._about(face)
        return osc.bundles(messages, LARGEST)

    def _about(self, face: FaceState) -> list[bytes]:
        head = head_of(face)
        turned = unity_quaternion(head.rotation)
        right, left = (unity_quaternion(eye_rotation(*eye)) for eye in head.eyes)
        values = zip(self._shapes, shapes_of(face), strict=True)
        return [
            osc.message("/VMC/Ext/Bone/Pos", "Head", *NOWHERE, *turned),
            osc.message("/VMC/Ext/Bone/Pos", "LeftEye", *NOWHERE, *left),
            osc.message("/VMC/Ext/Bone/Pos", "RightEye", *NOWHERE, *right),
            osc.message("/VMC/Ext/Tra/Pos", f"face {face.id}", *unity_position(head.position), *turned),
            *(shape + struct.pack(">f", value) for shape, value in values),
            osc.message("/VMC/Ext/Blend/Apply"),
        ]
