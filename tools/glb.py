"""Writes small .glb files (glTF 2.0, binary): meshes with plain materials, for the overlays that are shipped."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

METRES = 1e-3  # glTF's unit; everything here is in millimetres
FLOAT, UNSIGNED_SHORT = 5126, 5123
MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942


@dataclass
class Mesh:
    """Triangles with one material."""

    name: str
    positions: NDArray  # (N, 3) mm
    triangles: NDArray  # (T, 3), fewer than 65536 vertices
    material: dict[str, Any]  # as glTF has it; a texture is named by "texture": PNG bytes
    uv: NDArray | None = None  # (N, 2) v down
    colors: NDArray | None = None  # (N, 4) linear RGB, alpha


class _Buffer:
    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, data: bytes) -> int:
        self.data.extend(b"\0" * (-len(self.data) % 4))
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)})
        self.data.extend(data)
        return len(self.views) - 1

    def accessor(self, values: NDArray, kind: str, bounds: bool = False) -> int:
        component = FLOAT if values.dtype == np.float32 else UNSIGNED_SHORT
        accessor = {
            "bufferView": self.view(np.ascontiguousarray(values).tobytes()),
            "componentType": component,
            "count": values.size if kind == "SCALAR" else len(values),
            "type": kind,
        }
        if bounds:
            accessor |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def smooth_normals(positions: NDArray, triangles: NDArray) -> NDArray:
    """(N, 3) unit normals, smooth across vertices at the same place."""
    a, b, c = (positions[triangles[:, corner]] for corner in range(3))
    _, same = np.unique(positions.round(3), axis=0, return_inverse=True)
    same = same.ravel()
    normals = np.zeros((same.max() + 1, 3))
    for corner in range(3):
        np.add.at(normals, same[triangles[:, corner]], np.cross(b - a, c - a))
    return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))[same]


def write_glb(path: Path, meshes: list[Mesh]) -> None:
    """Writes one node and one material per mesh."""
    buffer = _Buffer()
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "contourface tools/make_overlays.py"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(meshes)))}],
        "nodes": [{"name": mesh.name, "mesh": index} for index, mesh in enumerate(meshes)],
        "meshes": [],
        "materials": [],
    }
    for mesh in meshes:
        normals = smooth_normals(mesh.positions, mesh.triangles)
        attributes = {
            "POSITION": buffer.accessor((mesh.positions * METRES).astype(np.float32), "VEC3", bounds=True),
            "NORMAL": buffer.accessor(normals.astype(np.float32), "VEC3"),
        }
        if mesh.uv is not None:
            attributes["TEXCOORD_0"] = buffer.accessor(mesh.uv.astype(np.float32), "VEC2")
        if mesh.colors is not None:
            attributes["COLOR_0"] = buffer.accessor(mesh.colors.astype(np.float32), "VEC4")
        material = dict(mesh.material)
        texture = material.pop("texture", None)
        if texture is not None:
            document.setdefault("images", []).append({"mimeType": "image/png", "bufferView": buffer.view(texture)})
            document.setdefault("textures", []).append({"source": len(document["images"]) - 1})
            surface = dict(material.get("pbrMetallicRoughness", {}))
            material["pbrMetallicRoughness"] = surface | {"baseColorTexture": {"index": len(document["textures"]) - 1}}
        indices = buffer.accessor(mesh.triangles.astype(np.uint16), "SCALAR")
        document["materials"].append({"name": mesh.name} | material)
        primitive = {"attributes": attributes, "indices": indices, "material": len(document["materials"]) - 1}
        document["meshes"].append({"name": mesh.name, "primitives": [primitive]})
    document |= {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data) + -len(buffer.data) % 4}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = bytes(buffer.data) + b"\0" * (-len(buffer.data) % 4)
    chunks = b"".join(
        struct.pack("<II", len(data), kind) + data for kind, data in ((JSON_CHUNK, text), (BINARY_CHUNK, binary))
    )
    path.write_bytes(struct.pack("<III", MAGIC, 2, 12 + len(chunks)) + chunks)
