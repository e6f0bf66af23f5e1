"""Wavefront OBJ: the face as it looked, with its material and texture beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from realtime.outputs.export import ExportedFace


def obj_files(path: Path, face: ExportedFace) -> dict[Path, bytes]:
    """What to write where, in an order in which no file names one that is not there yet."""
    material, texture = path.with_suffix(".mtl"), path.with_suffix(".png")
    _, png = cv2.imencode(".png", cv2.cvtColor(face.texture, cv2.COLOR_RGB2BGR))
    return {
        texture: png.tobytes(),
        material: f"newmtl skin\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {texture.name}\n".encode(),
        path: _obj_text(material.name, face).encode(),
    }


def _obj_text(material: str, face: ExportedFace) -> str:
    indices = face.triangles + 1  # OBJ counts from 1
    return "\n".join(
        [
            "# metres, y up",
            f"mtllib {material}",
            "o face",
            *(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in face.seen.tolist()),
            *(f"vt {u:.6f} {v:.6f}" for u, v in face.uv.tolist()),
            *(f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in face.seen_normals.tolist()),
            "usemtl skin",
            "s 1",
            *(f"f {a}/{a}/{a} {b}/{b}/{b} {c}/{c}/{c}" for a, b, c in indices.tolist()),
            "",
        ]
    )
