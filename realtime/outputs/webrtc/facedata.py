"""The data channel `face`: what is known about the faces of one picture, as JSON or in binary."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.frames import FaceState, FrameResult

CLOCK = 90_000
VERSION = 1
SHAPES = 52
HEADER = struct.Struct("<4sBBHII")  # magic, version, faces, reserved, rtp, frame
FACE = struct.Struct("<i3f4f6ff52f")  # id, position, rotation, gaze, hidden, blendshapes
MAGIC = b"FACE"
_TIMESTAMP = struct.Struct("<I")
_TIMESTAMP_AT = 8  # bytes into the binary message


@dataclass(frozen=True)
class FaceMessage:
    """One picture's faces, ready to be given to every viewer with the viewer's own RTP time stamp."""

    timestamp: int  # 90 kHz, before the viewer's offset
    text: str  # JSON without its opening brace and time stamp
    binary: bytes

    def as_json(self, offset: int) -> str:
        """The message for a viewer whose RTP time stamps begin at `offset`."""
        return f'{{"rtp":{(self.timestamp + offset) & 0xFFFFFFFF},{self.text}'

    def as_binary(self, offset: int) -> bytes:
        """The same in the binary layout."""
        stamp = _TIMESTAMP.pack((self.timestamp + offset) & 0xFFFFFFFF)
        return self.binary[:_TIMESTAMP_AT] + stamp + self.binary[_TIMESTAMP_AT + 4 :]


def face_message(result: FrameResult, timestamp: int, size: tuple[int, int]) -> FaceMessage:
    """What is sent about one picture.

    Args:
        result: the picture and its faces.
        timestamp: of the video frame, 90 kHz.
        size: width and height of the picture that is sent, which may be smaller than the camera's.
    """
    faces = [_face(state, _hidden(state, result)) for state in result.faces]
    text = json.dumps({"frame": result.frame.index, "size": list(size), "faces": faces}, separators=(",", ":"))
    binary = HEADER.pack(MAGIC, VERSION, len(faces), 0, 0, result.frame.index & 0xFFFFFFFF)
    binary += b"".join(_packed(face) for face in faces)
    return FaceMessage(timestamp, text[1:], binary)


def quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """(x, y, z, w) of a (3, 3) rotation, w not negative."""
    m = np.asarray(rotation, np.float64)
    # The largest of the four is found first: dividing by it is safe.
    squares = np.array(
        [
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
            1 + m[0, 0] + m[1, 1] + m[2, 2],
        ]
    )
    row = int(np.argmax(squares))
    xy, xz, yz = m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]
    wx, wy, wz = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    q = np.array(
        [
            [squares[0], xy, xz, wx],
            [xy, squares[1], yz, wy],
            [xz, yz, squares[2], wz],
            [wx, wy, wz, squares[3]],
        ]
    )[row]
    q /= np.linalg.norm(q)
    q = q if q[3] >= 0 else -q
    return float(q[0]), float(q[1]), float(q[2]), float(q[3])


def _hidden(state: FaceState, result: FrameResult) -> float:
    """The share of the face's landmarks inside the picture that something covers, 0..1."""
    if result.occlusion is None:
        return 0.0
    rows, columns = result.occlusion.shape
    x, y = np.floor(state.landmarks).astype(np.int64).T
    inside = (x >= 0) & (y >= 0) & (x < columns) & (y < rows)
    return float((result.occlusion[y[inside], x[inside]] > 127).mean()) if inside.any() else 0.0


def _face(state: FaceState, hidden: float) -> dict[str, object]:
    pose = np.asarray(state.coefficients.pose, np.float64)
    return {
        "id": int(state.id),
        "position": _rounded(pose[:3, 3], 2),
        "rotation": _rounded(quaternion(pose[:3, :3]), 5),
        "gaze": [_rounded(eye, 4) for eye in state.gaze],
        "hidden": round(hidden, 3),
        "blendshapes": _rounded(state.coefficients.expression, 4),
    }


def _rounded(values: Sequence[float] | np.ndarray, digits: int) -> list[float]:
    # Not a number would be no JSON; nobody can use it either.
    return [round(value, digits) for value in np.nan_to_num(np.asarray(values, np.float64)).tolist()]


def _packed(face: dict[str, object]) -> bytes:
    gaze = [value for eye in face["gaze"] for value in eye]  # type: ignore[attr-defined]
    return FACE.pack(face["id"], *face["position"], *face["rotation"], *gaze, face["hidden"], *face["blendshapes"])  # type: ignore[misc]


def schema(names: Sequence[str]) -> dict[str, object]:
    """What `/schema` says: the JSON message as JSON Schema, and the binary layout in words.

    Args:
        names: the 52 blendshapes in the order of the arrays.
    """

    def numbers(count: int, about: str) -> dict[str, object]:
        items = {"type": "number"}
        return {"type": "array", "items": items, "minItems": count, "maxItems": count, "description": about}

    face = {
        "id": {"type": "integer", "description": "Stays with the person while the face is followed."},
        "position": numbers(3, "The head's origin in the camera frame, mm: x right, y down, z forward."),
        "rotation": numbers(
            4, "Quaternion x, y, z, w: head frame (x to the person's left, y up, z out of the face) to camera frame."
        ),
        "gaze": {
            "type": "array",
            "items": numbers(3, "A unit vector in the camera frame."),
            "minItems": 2,
            "maxItems": 2,
            "description": "Where the right and the left eye look.",
        },
        "hidden": {"type": "number", "minimum": 0, "maximum": 1, "description": "Share of the face that is covered."},
        "blendshapes": numbers(SHAPES, "0..1, ARKit's names in the order of blendshapeNames."),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One message of the data channel `face`: the faces of one picture",
        "type": "object",
        "properties": {
            "rtp": {
                "type": "integer",
                "minimum": 0,
                "maximum": 0xFFFFFFFF,
                "description": "RTP time stamp of the video frame: rtpTimestamp of requestVideoFrameCallback.",
            },
            "frame": {"type": "integer", "description": "Number of the picture, from 0."},
            "size": {
                "type": "array",
                "items": {"type": "integer"},
                "minItems": 2,
                "maxItems": 2,
                "description": "Width and height of the picture, px.",
            },
            "faces": {
                "type": "array",
                "description": "Largest first.",
                "items": {"type": "object", "properties": face, "required": list(face)},
            },
        },
        "required": ["rtp", "frame", "size", "faces"],
        "blendshapeNames": list(names),
        "binary": {
            "protocol": "Open the channel with protocol 'binary' to get this instead of JSON. Little endian.",
            "header": [
                ["magic", "4 bytes", "FACE"],
                ["version", "uint8", VERSION],
                ["faces", "uint8", "how many follow"],
                ["reserved", "uint16", 0],
                ["rtp", "uint32", "as above"],
                ["frame", "uint32", "as above, modulo 2^32"],
            ],
            "headerBytes": HEADER.size,
            "face": [
                ["id", "int32"],
                ["position", "float32 x 3"],
                ["rotation", "float32 x 4"],
                ["gaze", "float32 x 6", "right eye, then left eye"],
                ["hidden", "float32"],
                ["blendshapes", f"float32 x {SHAPES}"],
            ],
            "faceBytes": FACE.size,
        },
    }
