"""Writes every result as numbers: `mesh.npz` once and one .npz per frame. The files are a contract.

`mesh.npz`: triangles (T, 3) int32, uv (V, 2), landmark_triangle (478,) int32, landmark_barycentric (478, 3),
part_names, expression_names.

Each frame's file, named after the picture or `frame_000123`, F faces, the largest first, F = 0 where there is none:
landmarks (F, 478, 2) px, vertices (F, V, 3) px, neutral_mm (F, V, 3), identity (F, K), expression (F, 52),
albedo (F, A), light (F, 27), pose (F, 4, 4), visibility (F, V), all float32, bump (F, 256, 256) float16 mm;
of the picture's size, uint8: occlusion (H, W) 0 or 255, parts (H, W), complete (H, W, 3) RGB;
timings_ms, records of (stage, ms). Every key is always there.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from engines.face_model.model import MorphableModel
from realtime.bump import SIZE as BUMP_SIDE
from realtime.errors import UserError
from realtime.frames import PART_NAMES, FrameResult, Image
from realtime.outputs.paths import make_folder

MESH_NAME = "mesh"
TIMING = np.dtype([("stage", "U32"), ("ms", np.float32)])
LANDMARKS = 478


class Dump:
    """A sink that writes each frame's results into a folder. A picture that comes again is written once.

    Args:
        folder: where to; made if it is missing.
        model: the face model that the results belong to.
        names: the frames' names, where they are known beforehand.

    Raises:
        UserError: two names are the same, or the folder cannot be written.
    """

    needs_picture = False

    def __init__(self, folder: Path, model: MorphableModel, names: Sequence[str] = ()) -> None:
        _check_names(names)
        make_folder(folder)
        self._folder, self._model = folder, model
        self._written: set[str] = set()
        self._save(MESH_NAME, mesh_arrays(model))

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Writes one frame; the drawn picture is not part of it."""
        name = result.frame.name
        if name not in self._written:
            self._save(name, frame_arrays(result, self._model))
            self._written.add(name)

    def __enter__(self) -> Dump:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Every file is complete as soon as it is written."""

    def _save(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        path = self._folder / f"{name}.npz"
        data = io.BytesIO()  # written at once: a zip file that fails half-way complains on its own later
        np.savez(data, **arrays)
        try:
            path.write_bytes(data.getbuffer())
        except OSError as error:
            with suppress(OSError):
                path.unlink()  # half a file is worse than none
            reason = (error.strerror or str(error)).lower()
            raise UserError(
                f"{path} cannot be written: {reason}.", "Make room, or name another folder with --dump."
            ) from error


def mesh_arrays(model: MorphableModel) -> dict[str, np.ndarray]:
    """What is the same for all frames."""
    return {
        "triangles": model.triangles.astype(np.int32),
        "uv": model.uv.astype(np.float32),
        "landmark_triangle": model.landmark_triangle.astype(np.int32),
        "landmark_barycentric": model.landmark_barycentric.astype(np.float32),
        "part_names": np.array(PART_NAMES),
        "expression_names": np.array(model.expression_names),
    }


def frame_arrays(result: FrameResult, model: MorphableModel) -> dict[str, np.ndarray]:
    """One frame's file as named arrays; the shapes are in the module's description."""
    faces = result.faces
    vertices = len(model.mean)

    def stacked(values: list[np.ndarray], shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
        return np.stack(values).astype(dtype, copy=False) if values else np.zeros((0, *shape), dtype)

    height, width = result.frame.image.shape[:2]
    blank = np.zeros((height, width), np.uint8)
    return {
        # Always the mesh's own points, never the tracker's output.
        "landmarks": stacked([model.landmarks(face.vertices)[:, :2] for face in faces], (LANDMARKS, 2)),
        "vertices": stacked([face.vertices for face in faces], (vertices, 3)),
        "neutral_mm": stacked([face.neutral for face in faces], (vertices, 3)),
        "identity": stacked([face.coefficients.identity for face in faces], (len(model.identity_basis),)),
        "expression": stacked([face.coefficients.expression for face in faces], (len(model.expression_names),)),
        "albedo": stacked([face.coefficients.albedo for face in faces], (len(model.albedo_basis),)),
        "light": stacked([face.coefficients.light for face in faces], (27,)),
        "bump": stacked([face.bump for face in faces], (BUMP_SIDE, BUMP_SIDE), np.float16),
        "pose": stacked([face.coefficients.pose for face in faces], (4, 4)),
        "visibility": stacked([face.visibility for face in faces], (vertices,)),
        "occlusion": blank if result.occlusion is None else result.occlusion,
        "parts": blank if result.parts is None else result.parts,
        "complete": result.frame.image if result.complete is None else result.complete,
        "timings_ms": np.array(list(result.timings.items()), TIMING),
    }


def _check_names(names: Sequence[str]) -> None:
    """Raises `UserError` if two frames, or a frame and the mesh, would share a file."""
    twice = [name for name, count in Counter(name.casefold() for name in names).items() if count > 1]
    if twice:
        raise UserError(f"Two pictures are called {twice[0]}: --dump would write both to one file.", "Rename one.")
    if MESH_NAME in {name.casefold() for name in names}:
        raise UserError(f"A picture called {MESH_NAME} would overwrite {MESH_NAME}.npz.", "Rename it.")
