"""The figures of one pair of pictures, from what `run.py --stills --dump` wrote, and of what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.evaluation.metrics import (
    drift,
    face_region,
    hidden_points,
    interocular,
    mask_iou,
    psnr,
    sharpness,
)
from engines.evaluation.pairs import Pair, StillMesh
from engines.training.sources import read_rgb
from realtime.errors import UserError
from realtime.frames import Array, Image

TELEA_RADIUS = 5  # px


@dataclass(frozen=True)
class Pictures:
    """One pair as it was given."""

    clean: Image  # (H, W, 3) RGB
    covered: Image
    mask: NDArray[np.bool_]  # (H, W) the truth
    face: NDArray[np.bool_]  # (H, W) inside the face's oval


@dataclass(frozen=True)
class Result:
    """What a dump says of one picture."""

    landmarks: Array | None  # (478, 2) px of the largest face; None: no face was found
    occlusion: NDArray[np.bool_]  # (H, W)
    complete: Image  # (H, W, 3) RGB
    parts: Image  # (H, W)
    vertices: Array | None = None  # (V, 3) px of the same face's mesh


@dataclass(frozen=True)
class Scored:
    """All figures of one pair; a figure that cannot be computed for it is missing."""

    pair: Pair
    share: float  # of the face that is hidden, 0..1
    figures: dict[str, float] = field(default_factory=dict)


def read_pictures(folder: Path, pair: Pair) -> Pictures:
    """The three pictures of a pair.

    Raises:
        UserError: one is missing.
    """
    clean, covered = read_rgb(folder / f"{pair.id}_clean.jpg"), read_rgb(folder / f"{pair.id}_occ.jpg")
    mask = cv2.imread(str(folder / f"{pair.id}_mask.png"), cv2.IMREAD_GRAYSCALE)
    if clean is None or covered is None or mask is None:
        raise UserError(f"The pictures of {pair.id} in {folder} are incomplete.", "Make the pairs again.")
    return Pictures(clean, covered, mask > 127, face_region(pair.landmarks, mask.shape))


def read_result(path: Path) -> Result:
    """One frame's file of a dump.

    Raises:
        UserError: it is missing or lacks a key.
    """
    try:
        with np.load(path) as arrays:
            landmarks, vertices = (arrays[n][0] if len(arrays[n]) else None for n in ("landmarks", "vertices"))
            return Result(landmarks, arrays["occlusion"] > 127, arrays["complete"], arrays["parts"], vertices)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{path} is no dump of a frame ({type(error).__name__}).", "Let run.py write it anew."
        ) from error


def score_pair(pair: Pair, pictures: Pictures, clean: Result, covered: Result) -> Scored:
    """The figures by which the program is judged, as the module `metrics` defines them.

    Args:
        pair: whose they are.
        pictures: as given to the program.
        clean: its result on the clean picture.
        covered: its result on the covered one; without a face nothing counts as found.
    """
    lost = covered.landmarks is None
    hidden = hidden_points(pair.landmarks, pictures.mask)
    unit = interocular(pair.landmarks)
    error = drift(covered.landmarks, pair.landmarks, unit)
    found = np.zeros_like(pictures.mask) if lost else covered.occlusion
    shown = pictures.covered if lost else covered.complete
    hole = pictures.mask & pictures.face
    figures = {
        "lost": 100.0 * lost,
        "false": 100.0 * float(clean.occlusion[pictures.face].mean()),
        "clear": float(drift(clean.landmarks, pair.landmarks, unit).mean()),
        "drift": float(error.mean()),
        "hidden": float(error[hidden].mean()) if hidden.any() else None,
        "self_drift": float(drift(covered.landmarks, clean.landmarks, unit).mean()),
        "iou": mask_iou(found, pictures.mask, pictures.face),
        "psnr": psnr(shown, pictures.clean, hole),
        "sharp": sharpness(shown, pictures.clean, hole),
    }
    return Scored(pair, float(hole.sum() / pictures.face.sum()), _known(figures))


def inpainted(pictures: Pictures) -> Image:
    """(H, W, 3) the covered picture with what the true mask hides filled in by OpenCV's Telea."""
    return cv2.inpaint(pictures.covered, pictures.mask.astype(np.uint8), TELEA_RADIUS, cv2.INPAINT_TELEA)


def score_others(pair: Pair, pictures: Pictures, covered: Result, mesh: StillMesh) -> dict[str, float]:
    """What others reach on the same pair: MediaPipe alone, MediaPipe on our completed picture, Telea's inpainting."""
    hidden = hidden_points(pair.landmarks, pictures.mask)
    hole = pictures.mask & pictures.face
    figures: dict[str, float | None] = {}
    for name, picture in (("mediapipe", pictures.covered), ("completed", covered.complete)):
        found = mesh.find(picture)
        error = drift(found, pair.landmarks, interocular(pair.landmarks))
        figures[f"drift {name}"] = float(error.mean())
        figures[f"hidden {name}"] = float(error[hidden].mean()) if hidden.any() else None
        figures[f"lost {name}"] = 100.0 * (found is None)
    telea = inpainted(pictures)
    figures["psnr telea"] = psnr(telea, pictures.clean, hole)
    figures["sharp telea"] = sharpness(telea, pictures.clean, hole)
    figures["psnr covered"] = psnr(pictures.covered, pictures.clean, hole)
    return _known(figures)


def _known(figures: dict[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if value is not None}
