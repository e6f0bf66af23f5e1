"""How well the bump map tells a displacement that is known: Markdown tables.

    python -m engines.evaluation.bump --data ../shared/data

Heads of the face model carry folds drawn at random, are textured from photographs kept out of training (freed of the
photograph's own mid-level shading), lit, rendered and covered. The angle between the true normals and those of the
smooth mesh is compared with the angle that remains once the mesh carries a bump map: the network's, the one read from
the shading of the skin in view, and the two put together. All get the true mesh.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engines.evaluation.regressed import KeptOut, Recovery, command, kept_out
from engines.face_model.model import MorphableModel
from engines.training.occluders import JUDGED, load_library, occlude
from engines.training.regression.bump_targets import Reading, skin_of
from engines.training.regression.examples import draw_head, random_light
from engines.training.regression.folds import FoldMaker
from engines.training.regression.heads import Mesh, Picture, render_head
from engines.training.regression.pseudo_truth import STORE_CAMERA
from engines.training.regression.raster import rasterize, shading
from engines.training.store import SIDE
from realtime.alignment import invert
from realtime.bump import BumpEstimator, skin_vertices
from realtime.bump_memory import BumpMemory
from realtime.frames import Array, Image
from realtime.light import estimate_light
from realtime.reconstruction import TRUST
from realtime.regressor import Regression
from realtime.seen import Seen
from realtime.visibility import vertex_visibility

SEED = 95_000
GUESSED = TRUST.bump  # share of the network where the shading is seen, in "together"
GREY = np.array([1 / 3, 1 / 3, 1 / 3], np.float32)


MAPS = ("network", "shading", "together")


@dataclass
class Sums:
    """Totals over pixels of one kind of skin."""

    pixels: int = 0
    smooth: float = 0.0  # degrees between the true normal and the smooth mesh's
    shade_smooth: float = 0.0  # squared error of the shading under another light, from the smooth mesh
    bumpy: dict[str, float] = field(default_factory=lambda: dict.fromkeys(MAPS, 0.0))  # degrees, with each bump map
    shade_bumpy: dict[str, float] = field(default_factory=lambda: dict.fromkeys(MAPS, 0.0))

    def add(self, where: NDArray[np.bool_], true: Array, smooth: Array, bumpy: dict[str, Array], light: Array) -> None:
        """Normals (S, S, 3) of pixels (S, S); `light` (27,) is another than the picture's."""
        true, smooth = true[where], smooth[where]
        seen, plain = (shading(n, light) @ GREY for n in (true, smooth))
        self.pixels += int(where.sum())
        self.smooth += float(_angles(true, smooth).sum())
        self.shade_smooth += float(np.square(plain - seen).sum())
        for name, normals in bumpy.items():
            self.bumpy[name] += float(_angles(true, normals[where]).sum())
            self.shade_bumpy[name] += float(np.square(shading(normals[where], light) @ GREY - seen).sum())


def _angles(a: Array, b: Array) -> NDArray[np.float64]:
    return np.degrees(np.arccos(np.clip((a * b).sum(-1), -1, 1)))


def in_store(regression: Regression) -> Array:
    """(SIDE, SIDE) mm: the network's bump map in the frame of the picture that it was cut from."""
    # mm stay mm: the heights do not scale with the crop.
    return cv2.warpAffine(regression.bump, invert(regression.matrix), (SIDE, SIDE), flags=cv2.INTER_LINEAR)


class Laid:
    """The true mesh in one picture, and the maps that the program would lay over it."""

    def __init__(
        self, model: MorphableModel, estimator: BumpEstimator, picture: Picture, normals: Array, pose: Array
    ) -> None:
        self.model, self.estimator = model, estimator
        self.points, self.normals, self.pose = picture.points, normals, pose
        fragments = rasterize(picture.points, model.triangles, SIDE)
        uv = fragments.interpolate(model.triangles, model.uv)
        self.where = np.stack([uv[..., 0], 1 - uv[..., 1]], -1)
        self.visible = vertex_visibility(picture.points, model.triangles, normals, STORE_CAMERA)

    def maps(self, image: Image, seen: Seen, regression: Regression) -> dict[str, Array]:
        """Name -> (SIDE, SIDE) mm in the picture."""
        visibility = self.visible * seen.uncovered(self.points)
        colors = self.model.albedo(regression.albedo)
        light = estimate_light(image, self.points, self.normals, colors, visibility * skin_vertices(self.model))
        shaded = self.estimator.relief(image, self.points, self.normals, self.pose[:3, :3], colors, light, visibility)
        guessed = self.estimator.from_crop(regression.bump, regression.matrix, self.points, self.normals)
        alone, together = BumpMemory(), BumpMemory(GUESSED)
        for memory in (alone, together):
            memory.add(*shaded)
        together.guess(*guessed)
        return {
            "network": in_store(regression),
            "shading": self._in_picture(alone.bump),
            "together": self._in_picture(together.bump),
        }

    def _in_picture(self, bump: Array) -> Array:
        where = self.where * np.float32(bump.shape[0]) - np.float32(0.5)
        return cv2.remap(bump.astype(np.float32), where.astype(np.float32), None, cv2.INTER_LINEAR)


def measure(data: Path, faces: KeptOut, recovery: Recovery, count: int, progress: Callable = iter) -> dict[str, Sums]:
    """Totals for visible skin of clear heads, visible and hidden skin of covered ones."""
    model = recovery.model
    mesh, folds, estimator = Mesh.of(model), FoldMaker(model), BumpEstimator(model)
    truth, chosen = faces.truth, faces.chosen
    library = load_library(data, validation=True)
    sums = {name: Sums() for name in ("clear face", "covered face, visible skin", "covered face, hidden skin")}
    for number in progress(range(count)):
        rng = np.random.default_rng((SEED, number))
        head = draw_head(model, faces.store, truth, chosen, folds, rng)
        if head.reading is None:
            continue
        picture = render_head(mesh, head.photo, head.vertices, head.normals, head.look)
        pose = head.look.pose
        other_light = random_light(rng, head.photo.light, truth.light[chosen])
        points = model.landmarks(picture.points[:, :2])
        occlusion = occlude(picture.image, points, library, rng, [JUDGED[number % len(JUDGED)]])
        laid = Laid(model, estimator, picture, head.normals @ pose[:3, :3].T, pose)
        true = picture.relief.normals_of(picture.bump)
        for image, hidden in ((picture.image, None), (occlusion.image, occlusion.mask)):
            seen, regression = recovery.regress(image, points)
            skin = judged_skin(picture, head.reading, regression)
            turned = {
                name: picture.relief.normals_of(height) for name, height in laid.maps(image, seen, regression).items()
            }
            cases = (
                {"clear face": skin}
                if hidden is None
                else {"covered face, visible skin": skin & ~hidden, "covered face, hidden skin": skin & hidden}
            )
            for name, where in cases.items():
                sums[name].add(where, true, picture.relief.normals, turned, other_light)
    return sums


def judged_skin(picture: Picture, reading: Reading, regression: Regression) -> NDArray[np.bool_]:
    """(SIDE, SIDE) skin of known displacement inside the crop that the network saw, not seen edge-on.

    Skin by the photograph's part map: where the head wears its brows, lips, hair or beard nothing can be read.
    """
    whole = np.ones(regression.bump.shape, np.uint8)
    inside = cv2.warpAffine(whole, invert(regression.matrix), (SIDE, SIDE)) > 0
    inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    skin = skin_of(picture, reading) & picture.bump_known
    return skin & inside & (picture.relief.normals[..., 2] < -0.3)


def table(sums: dict[str, Sums]) -> str:
    """Markdown."""
    lines = [
        "| skin | smooth mesh, ° | bump map | with it, ° | less by | shading under another light explained |",
        "|---|---|---|---|---|---|",
    ]
    for name, s in sums.items():
        smooth = s.smooth / max(1, s.pixels)
        for which in MAPS:
            bumpy = s.bumpy[which] / max(1, s.pixels)
            explained = 1 - s.shade_bumpy[which] / max(s.shade_smooth, 1e-12)
            lines.append(
                f"| {name} | {smooth:.2f} | {which} | {bumpy:.2f} | {100 * (1 - bumpy / smooth):.1f} % "
                f"| {100 * explained:.0f} % |"
            )
    return "\n".join(lines)


def report(options: argparse.Namespace, recovery: Recovery) -> str:
    """The table as Markdown."""
    faces = kept_out(options.data, options.faces, options.run)
    return table(measure(options.data, faces, recovery, options.count, lambda numbers: tqdm(numbers, "heads")))


if __name__ == "__main__":
    sys.exit(command("bump", __doc__.splitlines()[0], report))
