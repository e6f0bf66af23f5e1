"""How well the bump map tells a displacement that is known: Markdown tables.

    python -m engines.evaluation.bump --data ../shared/data

Heads of the face model carry folds drawn at random, are textured from photographs kept out of training (freed of the
photograph's own mid-level shading), lit, rendered and covered. The angle between the true normals and those of the
smooth mesh is compared with the angle that remains once the mesh carries the bump map.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engines.evaluation.regressed import SIZE, Recovery, RegressedFace
from engines.evaluation.shape import kept_out
from engines.training.occluders import JUDGED, load_library, occlude
from engines.training.regression.bump_targets import read_photo, without_relief
from engines.training.regression.examples import centered, random_light, random_pose
from engines.training.regression.folds import FoldMaker
from engines.training.regression.heads import Look, Mesh, Picture, fitted_photo, render_head
from engines.training.regression.raster import shading
from engines.training.store import SIDE
from realtime.alignment import invert
from realtime.errors import UserError
from realtime.frames import Array

SEED = 95_000
GREY = np.array([1 / 3, 1 / 3, 1 / 3], np.float32)


@dataclass
class Sums:
    """Totals over pixels of one kind of skin."""

    pixels: int = 0
    smooth: float = 0.0  # degrees between the true normal and the smooth mesh's
    bumpy: float = 0.0  # the same with the bump map
    shade_smooth: float = 0.0  # squared error of the shading under another light, from the smooth mesh
    shade_bumpy: float = 0.0  # from the mesh with the bump map

    def add(self, where: NDArray[np.bool_], normals: tuple[Array, Array, Array], light: Array) -> None:
        """`normals` (S, S, 3): true, smooth, with bump map; `light` (27,) is another than the picture's."""
        true, smooth, bumpy = (n[where] for n in normals)
        self.pixels += int(where.sum())
        self.smooth += float(_angles(true, smooth).sum())
        self.bumpy += float(_angles(true, bumpy).sum())
        seen, plain, guessed = (shading(n, light) @ GREY for n in (true, smooth, bumpy))
        self.shade_smooth += float(np.square(plain - seen).sum())
        self.shade_bumpy += float(np.square(guessed - seen).sum())


def _angles(a: Array, b: Array) -> NDArray[np.float64]:
    return np.degrees(np.arccos(np.clip((a * b).sum(-1), -1, 1)))


def in_store(face: RegressedFace) -> Array:
    """(SIDE, SIDE) mm: the network's bump map in the frame of the picture that it was cut from."""
    # mm stay mm: the heights do not scale with the crop.
    return cv2.warpAffine(face.bump, invert(face.matrix), (SIDE, SIDE), flags=cv2.INTER_LINEAR)


def measure(data: Path, faces: Path, recovery: Recovery, count: int, progress: Callable = iter) -> dict[str, Sums]:
    """Totals for visible skin of clear heads, visible and hidden skin of covered ones."""
    model = recovery.model
    mesh, folds = Mesh.of(model), FoldMaker(model)
    store, truth, chosen = kept_out(data, faces)
    library = load_library(data, validation=True)
    sums = {name: Sums() for name in ("clear face", "covered face, visible skin", "covered face, hidden skin")}
    for number in progress(range(count)):
        rng = np.random.default_rng((SEED, number))
        source = int(rng.choice(chosen))
        stored = store.images[source], store.labels[source], store.landmarks[source]
        texture = without_relief(stored[0], read_photo(model, *stored, truth, source))
        photo = fitted_photo(model, texture, truth, source)
        identity = rng.standard_normal(len(model.identity_basis)).astype(np.float32)
        vertices = model.vertices(identity, truth.expression[source])
        look = Look(
            pose=centered(model, vertices, random_pose(rng, truth.pose[source])),
            light=random_light(rng, photo.light, truth.light[chosen]),
            displacement=folds.draw(rng),
        )
        other_light = random_light(rng, photo.light, truth.light[chosen])
        picture = render_head(mesh, photo, vertices, model.normals(vertices), look)
        points = model.landmarks(picture.points[:, :2])
        occlusion = occlude(picture.image, points, library, rng, [JUDGED[number % len(JUDGED)]])

        clear = recovery.regress(picture.image, points, covered=False)
        covered = recovery.regress(occlusion.image, points, covered=True)
        skin = judged_skin(picture, clear)
        cases = (
            ("clear face", clear, skin),
            ("covered face, visible skin", covered, skin & ~occlusion.mask),
            ("covered face, hidden skin", covered, skin & occlusion.mask),
        )
        true = picture.relief.normals_of(picture.bump)
        for name, face, where in cases:
            normals = true, picture.relief.normals, picture.relief.normals_of(in_store(face))
            sums[name].add(where, normals, other_light)
    return sums


def judged_skin(picture: Picture, face: RegressedFace) -> NDArray[np.bool_]:
    """(SIDE, SIDE) skin of known displacement inside the crop that the network saw, not seen edge-on."""
    inside = cv2.warpAffine(np.ones((SIZE, SIZE), np.uint8), invert(face.matrix), (SIDE, SIDE)) > 0
    inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return picture.bump_known & inside & (picture.relief.normals[..., 2] < -0.3)


def table(sums: dict[str, Sums]) -> str:
    """Markdown."""
    lines = [
        "| skin | smooth mesh, ° | with bump map, ° | less by | shading under another light explained |",
        "|---|---|---|---|---|",
    ]
    for name, s in sums.items():
        smooth, bumpy = s.smooth / max(1, s.pixels), s.bumpy / max(1, s.pixels)
        explained = 1 - s.shade_bumpy / max(s.shade_smooth, 1e-12)
        lines.append(
            f"| {name} | {smooth:.2f} | {bumpy:.2f} | {100 * (1 - bumpy / smooth):.0f} % | {100 * explained:.0f} % |"
        )
    return "\n".join(lines)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m engines.evaluation.bump", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="(default: %(default)s)")
    parser.add_argument("--faces", type=Path, default=Path("runs/faces"), help="cut-out faces (default: %(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="of the trainings (default: %(default)s)")
    parser.add_argument("--count", type=int, default=100, help="heads (default: %(default)s)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; a user's mistake ends with two lines on stderr and exit code 2."""
    from tqdm import tqdm

    options = parse(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        recovery = Recovery.load(options.runs)
        sums = measure(options.data, options.faces, recovery, options.count, lambda r: tqdm(r, "heads"))
    except UserError as error:
        print(f"{error.message}\n{error.remedy}", file=sys.stderr)
        return 2
    print(table(sums))
    return 0


if __name__ == "__main__":
    sys.exit(main())
