"""Keeps the clearest view of the face, and exports it when the program ends."""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType

import numpy as np

from engines.face_model.model import MorphableModel
from realtime.errors import UserError
from realtime.frames import FaceState, Frame, FrameResult, Image
from realtime.outputs.paths import check_writable

log = logging.getLogger(__name__)

SUFFIXES = (".glb", ".obj")
NEWER = 0.97  # a view nearly as clear as the best so far is taken: what is known about a face grows with time


def clarity(face: FaceState) -> float:
    """How much there is to see of a face: its visible share times its size in px."""
    extent = np.ptp(face.landmarks, axis=0)
    return float(face.visibility.mean() * np.sqrt(extent[0] * extent[1]))


class ClearestFace:
    """A sink that exports the largest face as it was where it could be seen best.

    Args:
        path: a .glb or .obj file.
        model: the face model.
    """

    needs_picture = False

    def __init__(self, path: Path, model: MorphableModel) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"--export writes .glb or .obj, not {path.name}.", "Name it like face.glb.")
        check_writable(path)
        self._path, self._model = path, model
        self._best: tuple[float, FaceState, Frame] | None = None

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Looks at one frame."""
        if not result.faces:
            return
        value = clarity(result.faces[0])
        if self._best is None or value >= NEWER * self._best[0]:
            best = max(value, self._best[0]) if self._best else value
            self._best = (best, result.faces[0], result.frame)

    def __enter__(self) -> ClearestFace:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._best is None:
            if error is None:
                raise UserError(f"No face was seen: {self._path} was not written.", "Show a face, larger or brighter.")
            return
        from realtime.outputs.export import export_face

        export_face(self._path, self._model, self._best[1], self._best[2])
        log.info("Exported %s", self._path)
