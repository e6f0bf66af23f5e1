"""Contact sheets to look at: covered, mask, parts, completed, clean and mesh, one column per face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from engines.evaluation.pairs import Pair
from engines.evaluation.score import read_pictures, read_result
from engines.face_model.model import MorphableModel
from engines.training.report import PALETTE
from realtime.frames import Array, Image
from realtime.raster import rasterise

COLUMNS, SIDE = 10, 160  # faces in a row; px of one picture
CLAY = 235.0  # grey of a surface that faces the camera


def sheet(folder: Path, pairs: Sequence[Pair], covered: Path) -> Image:
    """All pairs, `COLUMNS` in a row of six pictures each, RGB; `covered` is the dump of the covered pictures."""
    model = MorphableModel.load()
    columns = [column(folder, pair, covered, model) for pair in pairs]
    blank = np.zeros_like(columns[0])
    columns += [blank] * (-len(columns) % COLUMNS)
    return np.vstack([np.hstack(columns[i : i + COLUMNS]) for i in range(0, len(columns), COLUMNS)])


def column(folder: Path, pair: Pair, covered: Path, model: MorphableModel) -> Image:
    """Covered, mask, parts, completed, clean and mesh of one pair, one below the other."""
    pictures = read_pictures(folder, pair)
    result = read_result(covered / f"{pair.id}_occ.npz")
    mask = np.repeat(np.where(result.occlusion, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    mesh = pictures.covered if result.vertices is None else in_clay(pictures.covered, result.vertices, model)
    rows = (pictures.covered, mask, PALETTE[result.parts], result.complete, pictures.clean, mesh)
    return np.vstack([cv2.resize(row, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for row in rows])


def in_clay(image: Image, vertices: Array, model: MorphableModel) -> Image:
    """The square picture (S, S, 3) with the mesh, vertices (V, 3) px, in grey over it, lit from the camera."""
    hits = rasterise(vertices, model.triangles, image.shape[0])
    normals = model.normals(vertices * np.float32([1, -1, -1]))  # y up, z towards the camera
    out = image.copy().reshape(-1, 3)
    out[hits.pixels] = np.clip(CLAY * hits.mix(normals[:, 2]), 0, 255)[:, None].astype(np.uint8)
    return out.reshape(image.shape)


def write_sheets(folder: Path, pairs: Sequence[Pair], covered: Path, out: Path, most: int = 40) -> list[Path]:
    """One PNG per kind of occluder with up to `most` faces."""
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind in dict.fromkeys(pair.kind for pair in pairs):
        shown = [pair for pair in pairs if pair.kind == kind][:most]
        path = out / f"{kind}.png"
        cv2.imwrite(str(path), cv2.cvtColor(sheet(folder, shown, covered), cv2.COLOR_RGB2BGR))
        paths.append(path)
    return paths
