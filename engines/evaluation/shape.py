"""How well the shape of a head is found from one picture, clear or covered: a Markdown table.

    python -m engines.evaluation.shape --data ../shared/data

The heads are samples of the scan-based model on its own mesh, textured from photographs kept out of training, posed,
lit, rendered and covered. Errors are distances between corresponding vertices of the face (within 95 mm of the tip of
the nose), after a similarity alignment, in mm.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engines.evaluation.regressed import KeptOut, Recovery, StillLandmarks, command, kept_out
from engines.face_model.model import MorphableModel
from engines.face_model.registration import similarity
from engines.face_model.scans import FILE, ScanModel
from engines.face_model.surface import Surface
from engines.training.occluders import JUDGED, Library, load_library, occlude
from engines.training.regression.examples import Look, centered_points, random_light, random_pose
from engines.training.regression.folds import SIDE as UV_SIDE
from engines.training.regression.heads import FittedPhoto, Mesh, fitted_photo, render_head
from engines.training.regression.pseudo_truth import STORE_CAMERA, of_parts
from realtime.camera import picture_vertices
from realtime.fitting import Fitter
from realtime.frames import Array, Image
from realtime.reconstruction import TRUST
from realtime.regressor import prior_of, with_hidden

NOSE_TIP = 1
REACH = 95.0  # mm around it that count as the face
FAR = 12.0  # mm: the scan's skin beyond this from our mesh has no texture and is not rendered
SEED = 90_000
# Where a shape comes from. "What is seen": the points of the completed face, the hidden ones counting little.
ROWS = ("mean face", "landmark fit", "landmark fit to what is seen", "regression", "fit with the regression as prior")


@dataclass(frozen=True)
class ScanHeads:
    """The scan-based model beside ours: which point of one lies where on the other, on the mean faces."""

    model: MorphableModel
    scans: ScanModel
    mean: NDArray[np.float64]  # (N, 3) mm: the scans' mean in our head frame
    scale: float  # of that move
    rotation: NDArray[np.float64]  # (3, 3)
    on_ours: tuple[NDArray[np.int64], NDArray[np.float64]]  # (N,) triangle, (N, 3) barycentric
    on_scan: tuple[NDArray[np.int64], NDArray[np.float64]]  # (V,), (V, 3) of all our vertices
    face: NDArray[np.int64]  # (F,) our vertices that are judged
    mesh: Mesh  # the scans', only what lies near our mesh

    @classmethod
    def load(cls, model: MorphableModel, data: Path) -> ScanHeads:
        """Read the scan-based model and lay it on ours."""
        scans = ScanModel.load(data / "shapes")
        scale, rotation, shift = similarity(scans.landmarks, model.landmarks(model.mean).astype(np.float64))
        mean = scale * scans.mean @ rotation.T + shift
        skin = of_parts(model, ("skin", "nose", "left_brow", "right_brow", "upper_lip", "lower_lip"))
        front = np.flatnonzero(
            skin & (np.linalg.norm(model.mean - model.landmarks(model.mean)[NOSE_TIP], axis=1) < REACH)
        )
        ours = Surface(model.mean.astype(np.float64), model.triangles.astype(np.int64))
        triangle, barycentric, distance = ours.closest(mean)
        near = distance < FAR
        scan = Surface(mean, scans.triangles)
        there, shares, _ = scan.closest(model.mean.astype(np.float64))
        with np.load(data / "shapes" / FILE) as file:
            mirror = file["mirror"].astype(np.int64)
        triangles = scans.triangles[near[scans.triangles].all(1)]
        uv = np.einsum("pcd,pc->pd", model.uv[model.triangles[triangle]], barycentric)
        mesh = Mesh(triangles, uv.astype(np.float32), mirror, near)
        return cls(model, scans, mean, scale, rotation, (triangle, barycentric), (there, shares), front, mesh)

    def sample(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """(N, 3) mm a random head, in our head frame."""
        coefficients = rng.standard_normal(len(self.scans.basis))
        return self.mean + self.scale * np.tensordot(coefficients, self.scans.basis, 1) @ self.rotation.T

    def truth(self, head: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F, 3) where the judged vertices belong on a head of `sample`."""
        return self.ours_on(head)[self.face]

    def ours_on(self, points: NDArray) -> NDArray:
        """(N, D) at the scans' vertices, mm or px -> (V, D) at ours."""
        triangle, barycentric = self.on_scan
        return np.einsum("pcd,pc->pd", points[self.scans.triangles[triangle]], barycentric)

    def carry(self, values: Array) -> Array:
        """(V, D) at our vertices -> (N, D) at the scans'."""
        triangle, barycentric = self.on_ours
        return np.einsum("pcd,pc->pd", values[self.model.triangles[triangle]], barycentric).astype(np.float32)

    def texture(self, photo: FittedPhoto) -> FittedPhoto:
        """A photograph fitted with our mesh, for theirs."""
        carried = self.carry(np.hstack([photo.points, photo.normals, photo.seen[:, None], photo.fill]))
        points, normals, seen, fill = carried[:, :3], carried[:, 3:6], carried[:, 6], carried[:, 7:10]
        return FittedPhoto(photo.image, photo.backdrop, points, normals, seen, photo.light, fill)


def shape_error(found: NDArray, truth: NDArray) -> float:
    """Median distance (mm) of corresponding points (F, 3) after the best similarity."""
    scale, rotation, shift = similarity(found.astype(np.float64), truth)
    return float(np.median(np.linalg.norm(scale * found @ rotation.T + shift - truth, axis=1)))


def render(heads: ScanHeads, head: NDArray, photo: FittedPhoto, lights: Array, rng: np.random.Generator) -> Image:
    """A picture of a head of `ScanHeads.sample`."""
    head = head.astype(np.float32)
    normals = Surface(head.astype(np.float64), heads.scans.triangles).vertex_normals.astype(np.float32)

    def landmarks(pose: Array) -> Array:
        points = picture_vertices(head, pose, STORE_CAMERA)[:, :2]
        return heads.model.landmarks(heads.ours_on(points).astype(np.float32))

    pose = random_pose(rng, np.diag([1.0, -1.0, -1.0, 1.0]).astype(np.float32) + _DISTANCE)
    look = Look(
        pose=centered_points(landmarks, pose),
        light=random_light(rng, photo.light, lights),
        displacement=np.zeros((UV_SIDE, UV_SIDE), np.float32),
    )
    return render_head(heads.mesh, heads.texture(photo), head, normals, look).image


_DISTANCE = np.zeros((4, 4), np.float32)
_DISTANCE[2, 3] = 700.0


def measure(
    data: Path, faces: KeptOut, recovery: Recovery, count: int, progress: Callable = iter
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Row -> {"clear": (count,), "covered": (count,)} errors in mm; heads in which no face is found are nan."""
    model = recovery.model
    heads, fitter = ScanHeads.load(model, data), Fitter(model)
    store, truth, chosen = faces.store, faces.truth, faces.chosen
    library = load_library(data, validation=True)
    rows: dict[str, dict[str, list[float]]] = {name: {"clear": [], "covered": []} for name in ROWS}
    with StillLandmarks() as tracker:
        for number in progress(range(count)):
            rng = np.random.default_rng((SEED, number))
            head, source = heads.sample(rng), int(rng.choice(chosen))
            photo = fitted_photo(model, store.images[source], truth, source)
            clear = render(heads, head, photo, truth.light[chosen], rng)
            points = tracker.find(clear)
            right = heads.truth(head)
            for state in ("clear", "covered"):
                found = None
                if points is not None:
                    image = clear if state == "clear" else cover(clear, points, library, rng, number)
                    found = shapes(image, tracker, recovery, fitter)
                for name in rows:
                    neutral = None if found is None else model.neutral(found[name])[heads.face]
                    rows[name][state].append(np.nan if neutral is None else shape_error(neutral, right))
    return {name: {state: np.array(values) for state, values in row.items()} for name, row in rows.items()}


def cover(image: Image, points: Array, library: Library, rng: np.random.Generator, number: int) -> Image:
    """The picture with an occluder of the judged kinds, in turn."""
    return occlude(image, points, library, rng, [JUDGED[number % len(JUDGED)]]).image


def shapes(image: Image, tracker: StillLandmarks, recovery: Recovery, fitter: Fitter) -> dict[str, Array] | None:
    """Row -> identity (K,) found from one picture; None where no face is found."""
    points = tracker.find(image)
    if points is None:
        return None
    seen, regression = recovery.regress(image, points)
    seeing = seen.face.landmarks
    prior = prior_of(regression, seen.mask is not None, TRUST)
    believed, weights = with_hidden(seen, regression, TRUST)
    fits = (
        fitter.fit(points, STORE_CAMERA),
        fitter.fit(seeing, STORE_CAMERA, seen.weights),
        fitter.fit(believed.landmarks, STORE_CAMERA, weights, prior),
    )
    if any(fit is None for fit in fits):
        return None
    identities = (np.zeros_like(regression.identity), *(fit.identity for fit in fits[:2]), regression.identity)
    return dict(zip(ROWS, (*identities, fits[2].identity), strict=True))


def consistency(
    faces: KeptOut, library: Library, recovery: Recovery, count: int, progress: Callable = iter
) -> tuple[float, float, float]:
    """How much nearer one photograph under two occluders is than two people.

    Returns:
        Median distance (mm, root mean square over the face) of the shapes of the same photograph, of different
        people's, and the share of pairs in which the former is smaller.
    """
    model = recovery.model
    size = np.sqrt(np.square(model.identity_basis).sum(-1).mean(-1))
    store, chosen = faces.store, faces.chosen
    found = []
    for number in progress(range(count)):
        rng = np.random.default_rng((SEED + 1, number))
        index = int(chosen[number * len(chosen) // count])
        image, points = store.images[index], store.landmarks[index]
        kinds = rng.choice(JUDGED, 2, replace=False)
        pair = [occlude(image, points, library, rng, [kind]).image for kind in kinds]
        found.append([size * recovery.regress(p, points)[1].identity for p in pair])
    shapes = np.array(found)  # (count, 2, K)
    same = np.linalg.norm(shapes[:, 0] - shapes[:, 1], axis=-1)
    other = np.linalg.norm(shapes[:, 0] - np.roll(shapes[:, 1], 1, 0), axis=-1)
    return float(np.median(same)), float(np.median(other)), float((same < other).mean())


def table(rows: dict[str, dict[str, NDArray[np.float64]]]) -> str:
    """Markdown: each head's median vertex error, the median and the mean of it over the heads."""
    lines = [
        "| shape from | clear, mm | covered, mm | covered / clear | mean: clear | covered | covered / clear |",
        "|---|---|---|---|---|---|---|",
    ]
    every = [values for row in rows.values() for values in row.values()]
    whole = np.isfinite(every).all(0)
    for name, row in rows.items():
        cells = []
        for over in (np.median, np.mean):
            clear, covered = (float(over(row[state][whole])) for state in ("clear", "covered"))
            cells += [clear, covered, covered / clear]
        lines.append(f"| {name} | " + " | ".join(f"{value:.3f}" for value in cells) + " |")
    lines.append(f"\n{int(whole.sum())} of {len(whole)} heads: in the others no face was found, clear or covered.")
    return "\n".join(lines)


def report(options: argparse.Namespace, recovery: Recovery) -> str:
    """Both tables as Markdown."""
    faces = kept_out(options.data, options.faces, options.run)
    rows = measure(options.data, faces, recovery, options.count, lambda numbers: tqdm(numbers, "heads"))
    library = load_library(options.data, validation=True)
    same, other, share = consistency(faces, library, recovery, options.count, lambda numbers: tqdm(numbers, "pairs"))
    return (
        f"{table(rows)}\n\nOne photograph under two occluders: {same:.2f} mm apart; two people: {other:.2f} mm; "
        f"the former is smaller in {100 * share:.0f} % of {options.count} pairs."
    )


if __name__ == "__main__":
    sys.exit(command("shape", __doc__.splitlines()[0], report))
