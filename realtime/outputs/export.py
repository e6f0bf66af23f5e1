"""Writes one face as a 3D model: glTF with blendshapes, or OBJ as it looked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.errors import UserError
from realtime.frames import Array, FaceState, Frame, Image
from realtime.outputs.export_gltf import glb_bytes
from realtime.outputs.export_obj import obj_files
from realtime.unwrap import Unwrapper, whole_texture

TEXTURE_SIZE = 1024  # px
METRES_PER_MM = 0.001


@dataclass(frozen=True)
class ExportedFace:
    """A face ready to be written: metres, y up, the face looking along +z (glTF's own convention)."""

    neutral: Array  # (V, 3) without expression
    normals: Array  # (V, 3) unit
    uv: Array  # (V, 2) v up
    triangles: NDArray[np.int32]  # (T, 3) counter-clockwise from outside
    texture: Image  # (S, S, 3) sRGB; row 0 is v = 1
    names: tuple[str, ...]  # of the blendshapes
    weights: Array  # (B,) 0..1, the expression as seen
    shapes: Array  # (B, V, 3) what each blendshape adds to the vertices
    shape_normals: Array  # (B, V, 3) what each adds to the normals
    seen: Array  # (V, 3) the vertices with the expression as seen
    seen_normals: Array  # (V, 3)


def describe_face(model: MorphableModel, face: FaceState, frame: Frame) -> ExportedFace:
    """Everything that is written of a face, with its texture taken from the frame.

    The eyeballs turn; a blendshape can only slide them, so `eyeLook*` are exact at 0 and 1.
    """
    identity, expression = face.coefficients.identity, face.coefficients.expression
    neutral = model.neutral(identity)
    normals = model.normals(neutral)
    moved = [model.vertices(identity, one) for one in np.eye(len(expression), dtype=np.float32)]
    seen = model.vertices(identity, expression)
    return ExportedFace(
        neutral=neutral * METRES_PER_MM,
        normals=normals,
        uv=model.uv,
        triangles=model.triangles,
        texture=whole_texture(Unwrapper(model, TEXTURE_SIZE), model, frame.image, face),
        names=model.expression_names,
        weights=np.clip(expression, 0, 1),
        shapes=np.stack([vertices - neutral for vertices in moved]) * METRES_PER_MM,
        shape_normals=np.stack([model.normals(vertices) - normals for vertices in moved]),
        seen=seen * METRES_PER_MM,
        seen_normals=model.normals(seen),
    )


def export_face(path: Path, model: MorphableModel, face: FaceState, frame: Frame) -> None:
    """Write `face` to `path`, a .glb (one file) or an .obj (with its .mtl and .png beside it).

    Each file appears whole or not at all.
    """
    path = Path(path)
    writers = {".glb": lambda face: {path: glb_bytes(face)}, ".obj": lambda face: obj_files(path, face)}
    if path.suffix.lower() not in writers:
        raise UserError(f"A face cannot be exported as {path.name}.", f"Name it like one of: {', '.join(writers)}.")
    for target, data in writers[path.suffix.lower()](describe_face(model, face, frame)).items():
        _write_whole(target, data)


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside `path` first and then rename, so that a full disk leaves no half file."""
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}.", "Name another place with --export."
        ) from error
