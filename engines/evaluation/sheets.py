"""Contact sheets to look at: covered, mask, parts, completed, clean and mesh, one column per face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from engines.evaluation.pairs import Pair
from engines.evaluation.score import read_pictures, read_result
from engines.training.report import PALETTE
from realtime.frames import Array, Image

COLUMNS, SIDE = 10, 160  # faces in a row; px of one picture
DOT = (90, 255, 120)


def sheet(folder: Path, pairs: Sequence[Pair], covered: Path) -> Image:
    """All pairs, `COLUMNS` in a row of six pictures each, RGB; `covered` is the dump of the covered pictures."""
    columns = [column(folder, pair, covered) for pair in pairs]
    blank = np.zeros_like(columns[0])
    columns += [blank] * (-len(columns) % COLUMNS)
    return np.vstack([np.hstack(columns[i : i + COLUMNS]) for i in range(0, len(columns), COLUMNS)])


def column(folder: Path, pair: Pair, covered: Path) -> Image:
    """Covered, mask, parts, completed, clean and mesh of one pair, one below the other."""
    pictures = read_pictures(folder, pair)
    result = read_result(covered / f"{pair.id}_occ.npz")
    mask = np.repeat(np.where(result.occlusion, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    mesh = dotted(pictures.covered, result.landmarks)
    rows = (pictures.covered, mask, PALETTE[result.parts], result.complete, pictures.clean, mesh)
    return np.vstack([cv2.resize(row, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for row in rows])


def dotted(image: Image, landmarks: Array | None) -> Image:
    """The picture with a dot on each landmark (478, 2) px."""
    out = image.copy()
    if landmarks is not None:
        for x, y in landmarks:
            cv2.circle(out, (round(float(x)), round(float(y))), 1, DOT, -1)
    return out


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
