"""`--livelink`: what the Live Link Face app sends to Unreal, version 6 of its packet.

The layout is the engine's own (`AppleARKitLiveLinkSource.cpp` in Unreal's AppleARKitFaceSupport plug-in), as
https://github.com/JimWest/PyLiveLinkFace and https://github.com/think-biq/LLV read and write it. Big-endian:

    uint8   6
    string  device id: int32 length, UTF-8 bytes
    string  subject: what Unreal calls the face
    int32   frame, float32 part of a frame, int32 and int32 rate: the time of day at capture
    uint8   61
    float32 52 blendshapes in the order below; yaw, pitch, roll of the head, the left eye and the right eye

Angles are radians with the signs of `conventions.py`. The signs are those of the engine's `ToBlendShapeMap`. Its
unit is not settled: that source of 2019 divides degrees by 180, while importers of the app's recordings take radians,
and so do most senders; Unreal's blueprints scale these curves in any case.

Every face is a subject of its own, "contourface", "contourface-2" and so on; a face keeps its subject while its track
lives. Nothing is sent while no face is seen: Unreal holds the last pose.
"""

from __future__ import annotations

import datetime
import platform
import struct
import time
import uuid
from collections.abc import Iterable, Sequence

from realtime.frames import FaceState, FrameResult
from realtime.outputs.programs.conventions import head_of, shapes_of
from realtime.outputs.programs.options import Address
from realtime.outputs.programs.sinks import DatagramSink

VERSION = 6
RATE = 60  # frames per second of the time code: the app's own
SUBJECT = "contourface"
SHAPES = (
    *("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft"),
    *("eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight"),
    *("eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel"),
    *("mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft"),
    *("mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight"),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft"),
    *("browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft"),
    *("cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)
VALUES = struct.Struct(">B61f")
TIME = struct.Struct(">ifii")


class LiveLink(DatagramSink):
    """A sink that sends Live Link Face's packets; `names` are the blendshapes in the order of the coefficients."""

    def __init__(self, address: Address, faces: int, names: Sequence[str]) -> None:
        super().__init__("--livelink", address, faces, ports=1)
        self._headers = [subject_header(slot) for slot in range(faces)]
        self._order = [list(names).index(name) for name in SHAPES]
        self._wall = time.time() - time.monotonic()  # what makes the time of capture one of the day

    def datagrams(self, result: FrameResult, slot: int, face: FaceState | None) -> Iterable[bytes]:
        """The packet about one subject."""
        if face is None:
            return []
        captured = datetime.datetime.fromtimestamp(result.frame.captured + self._wall)
        return [self._headers[slot] + frame_time(captured) + face_values(face, self._order)]


def subject_header(slot: int) -> bytes:
    """The packet's beginning for the face with this number, from 0: the same whenever this machine sends it."""
    subject = SUBJECT if slot == 0 else f"{SUBJECT}-{slot + 1}"
    # 36 characters: some receivers look for the rest of the packet behind just so many.
    device = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{slot}.{platform.node()}.{SUBJECT}")).upper()
    return struct.pack(">B", VERSION) + _string(device) + _string(subject)


def frame_time(captured: datetime.datetime) -> bytes:
    """The time of day as a frame's number, the part of it that has passed, and the rate."""
    midnight = captured.replace(hour=0, minute=0, second=0, microsecond=0)
    frame, part = divmod((captured - midnight).total_seconds() * RATE, 1)
    return TIME.pack(int(frame), part, RATE, 1)


def face_values(face: FaceState, order: Sequence[int]) -> bytes:
    """The count and the 61 values.

    Args:
        face: the face.
        order: where each of `SHAPES` is among the coefficients.
    """
    head, shapes = head_of(face), shapes_of(face)
    pitch, yaw, roll = head.angles
    (right_pitch, right_yaw), (left_pitch, left_yaw) = head.eyes
    angles = (yaw, pitch, roll, left_yaw, left_pitch, 0.0, right_yaw, right_pitch, 0.0)
    return VALUES.pack(len(SHAPES) + len(angles), *(shapes[index] for index in order), *angles)


def _string(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">i", len(data)) + data
