"""glTF files of a few bytes, and pictures of a few pixels."""

import base64
import json
import struct

import cv2
import numpy as np

QUAD = np.float32([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])  # metres; faces +z
INDICES = np.uint16([0, 1, 2, 0, 2, 3])


def document(positions=QUAD, indices=INDICES, **more):
    """(JSON, binary) of one mesh in one node; `more` replaces whole lists of the JSON."""
    binary = positions.astype("<f4").tobytes() + indices.tobytes()
    kind = {1: 5121, 2: 5123, 4: 5125}[indices.itemsize]
    size = positions.size * 4
    parts = {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(positions), "type": "VEC3"},
            {"bufferView": 1, "componentType": kind, "count": len(indices), "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": size},
            {"buffer": 0, "byteOffset": size, "byteLength": indices.nbytes},
        ],
        "buffers": [{"byteLength": len(binary)}],
    }
    return parts | more, binary


def gltf(positions=QUAD, indices=INDICES, **more):
    """The bytes of a .gltf with its buffer inside."""
    parts, binary = document(positions, indices, **more)
    if "buffers" not in more:
        parts["buffers"][0]["uri"] = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    return json.dumps(parts).encode()


def glb(positions=QUAD, indices=INDICES, **more):
    """The bytes of a .glb."""
    parts, binary = document(positions, indices, **more)
    text = json.dumps(parts).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body


def png(rgba=(255, 0, 0, 255), size=(2, 2)):
    """The bytes of a PNG of one colour."""
    image = np.tile(np.uint8([rgba]), (size[1], size[0], 1))
    return cv2.imencode(".png", image[..., [2, 1, 0, 3]])[1].tobytes()


def bomb(width=60000, height=60000):
    """A PNG of a few bytes that says it is huge."""
    whole = bytearray(png())
    whole[16:24] = struct.pack(">II", width, height)
    return bytes(whole)
