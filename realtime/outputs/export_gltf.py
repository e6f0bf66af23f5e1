"""glTF 2.0 in its binary form (.glb): one mesh with a texture and named morph targets."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from realtime.outputs.export import ExportedFace

# Constants of the specification.
FLOAT, UNSIGNED_INT = 5126, 5125
VERTICES, INDICES = 34962, 34963
LINEAR, LINEAR_MIPMAP_LINEAR, CLAMP_TO_EDGE = 9729, 9987, 33071
MAGIC, VERSION, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3"}

ROUGHNESS = 0.65  # skin


class _Buffer:
    """The binary part, with the views and accessors that describe it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, data: bytes, target: int | None = None) -> int:
        """Append `data`, aligned to four bytes; its view's index."""
        self.data.extend(b"\0" * (-len(self.data) % 4))
        place = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)}
        self.views.append(place | ({"target": target} if target else {}))
        self.data.extend(data)
        return len(self.views) - 1

    def accessor(self, values: np.ndarray, target: int) -> int:
        """Append (N, C) float32 or (N,) uint32 with its bounds; its accessor's index."""
        low, high = (np.atleast_1d(bound(values, axis=0)).tolist() for bound in (np.min, np.max))
        self.accessors.append(
            {
                "bufferView": self.view(np.ascontiguousarray(values).tobytes(), target),
                "componentType": FLOAT if values.dtype == np.float32 else UNSIGNED_INT,
                "count": len(values),
                "type": KINDS[values[0].size],
                "min": low,
                "max": high,
            }
        )
        return len(self.accessors) - 1


def glb_bytes(face: ExportedFace) -> bytes:
    """The whole .glb; its default weights show the expression as it was seen."""
    buffer = _Buffer()

    def vectors(values: np.ndarray) -> int:
        return buffer.accessor(np.asarray(values, np.float32), VERTICES)

    primitive = {
        "attributes": {
            "POSITION": vectors(face.neutral),
            "NORMAL": vectors(face.normals),
            "TEXCOORD_0": vectors(face.uv * (1, -1) + (0, 1)),  # glTF counts v downwards
        },
        "indices": buffer.accessor(face.triangles.astype(np.uint32).ravel(), INDICES),
        "material": 0,
        "targets": [
            {"POSITION": vectors(shape), "NORMAL": vectors(normals)}
            for shape, normals in zip(face.shapes, face.shape_normals, strict=True)
        ],
    }
    _, png = cv2.imencode(".png", cv2.cvtColor(face.texture, cv2.COLOR_RGB2BGR))
    image = buffer.view(png.tobytes())
    buffer.data.extend(b"\0" * (-len(buffer.data) % 4))
    document = {
        "asset": {"version": "2.0", "generator": "contourface"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "face", "mesh": 0}],
        "meshes": [
            {
                "name": "face",
                "primitives": [primitive],
                "weights": face.weights.tolist(),
                "extras": {"targetNames": list(face.names)},  # where Blender and three.js look for them
            }
        ],
        "materials": [
            {
                "name": "skin",
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": 0},
                    "metallicFactor": 0.0,
                    "roughnessFactor": ROUGHNESS,
                },
            }
        ],
        "textures": [{"source": 0, "sampler": 0}],
        "images": [{"name": "face", "mimeType": "image/png", "bufferView": image}],
        "samplers": [
            {
                "magFilter": LINEAR,
                "minFilter": LINEAR_MIPMAP_LINEAR,
                "wrapS": CLAMP_TO_EDGE,
                "wrapT": CLAMP_TO_EDGE,
            }
        ],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = _chunk(JSON_CHUNK, text) + _chunk(BINARY_CHUNK, bytes(buffer.data))
    return struct.pack("<III", MAGIC, VERSION, 12 + len(chunks)) + chunks


def _chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", len(data), kind) + data
