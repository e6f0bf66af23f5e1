"""What the regression network learns from: photographs with pseudo-truth and heads with exact truth, in one form."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from engines.training.regression.bump_targets import (
    BUMP_SIDE,
    UNKNOWN,
    Reading,
    bump_target,
    quantise,
    read_photo,
    without_relief,
)
from engines.training.regression.folds import FoldMaker
from engines.training.regression.heads import FittedPhoto, Look, Mesh, fitted_photo, render_head
from engines.training.regression.pseudo_truth import STORE_CAMERA, PseudoTruth
from engines.training.store import MARGIN, SIDE, FaceStore
from realtime.alignment import crop_matrix
from realtime.camera import FACING, make_pose, picture_vertices, rotation_from_vector
from realtime.frames import Array, Image

Rng = np.random.Generator
Progress = Callable[[Iterable[int]], Iterable[int]]

# A fit that misses its landmarks by more (% of the distance of the outer eye corners) teaches nothing.
WORST_RESIDUAL = 3.5
CAVITY = (0.05, 0.45)  # how much darker folds are for the sky that they do not see, see `Look`


@dataclass(frozen=True)
class Examples:
    """N faces in the frame of the store."""

    images: Image  # (N, SIDE, SIDE, 3) RGB
    landmarks: Array  # (N, 478, 2) px: MediaPipe's, or those of the rendered mesh
    fitted: Array  # (N, 478, 2) px: those of the fitted mesh, or of the rendered one
    identity: Array  # (N, K)
    expression: Array  # (N, 52)
    pose: Array  # (N, 4, 4) head -> STORE_CAMERA
    albedo: Array  # (N, A)
    light: Array  # (N, 27)
    bump: NDArray[np.int8]  # (N, B, B) see `quantise`; B is BUMP_SIDE, of rendered heads SIDE

    def __len__(self) -> int:
        return len(self.images)


def photo_examples(
    store: FaceStore, truth: PseudoTruth, with_bump: Array, path: Path, progress: Progress = iter
) -> Examples:
    """The photographs of a store as examples.

    Args:
        store: the faces.
        truth: their pseudo-truth.
        with_bump: indices of the faces whose bump map is wanted; those of the others are unknown.
        path: an .npy file that keeps the bump maps; they are solved for (minutes) unless it holds them.
        progress: wraps the indices while they are worked through.
    """
    key = _key(truth.identity, truth.light, truth.pose, np.asarray(with_bump))
    key_path = path.with_suffix(".key")
    if not path.exists() or not key_path.exists() or key_path.read_text() != key:
        path.parent.mkdir(parents=True, exist_ok=True)
        model = MorphableModel.load()
        bump = np.lib.format.open_memmap(path, "w+", np.int8, (len(store), BUMP_SIDE, BUMP_SIDE))
        bump[:] = UNKNOWN
        for i in progress(with_bump):
            bump[i] = bump_target(read_photo(model, *_stored(store, i), truth, i))
        bump.flush()
        key_path.write_text(key)
    return Examples(
        images=store.images,
        landmarks=store.landmarks,
        bump=np.load(path, mmap_mode="r"),
        **{f.name: getattr(truth, f.name) for f in fields(Examples) if hasattr(truth, f.name)},
    )


def _stored(store: FaceStore, index: int) -> tuple[Image, Image, Array]:
    return store.images[index], store.labels[index], store.landmarks[index]


def usable(truth: PseudoTruth, indices: Array) -> Array:
    """Those of `indices` whose fit can be believed."""
    return indices[truth.residual[indices] < WORST_RESIDUAL]


def head_examples(
    store: FaceStore, truth: PseudoTruth, sources: Array, count: int, seed: int, folder: Path, progress: Progress = iter
) -> Examples:
    """`count` rendered heads textured from the photographs `sources`; rendered first unless `folder` holds them."""
    key = _key(truth.identity, truth.light, np.asarray(sources), np.array([count, seed, SIDE]))
    key_path = folder / "key"
    if not key_path.exists() or key_path.read_text() != key:
        _render(store, truth, sources, count, seed, folder, progress)
        key_path.write_text(key)
    return Examples(**{f.name: np.load(folder / f"{f.name}.npy", mmap_mode="r") for f in fields(Examples)})


def _render(
    store: FaceStore, truth: PseudoTruth, sources: Array, count: int, seed: int, folder: Path, progress: Progress
) -> None:
    maker = HeadMaker(store, truth, sources, seed)
    save_heads((maker.make(number) for number in progress(range(count))), count, folder)


def save_heads(heads: Iterable[dict[str, Array]], count: int, folder: Path) -> None:
    """Writes `count` heads as `HeadMaker.make` makes them, one file for each field of `Examples`."""
    folder.mkdir(parents=True, exist_ok=True)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (count, SIDE, SIDE, 3))
    rows: dict[str, list[Array]] = {f.name: [] for f in fields(Examples) if f.name != "images"}
    for number, head in enumerate(heads):
        images[number] = head["images"]
        for name, values in rows.items():
            values.append(head[name])
    images.flush()
    for name, values in rows.items():
        stacked = np.stack(values)
        np.save(folder / f"{name}.npy", stacked if name == "bump" else stacked.astype(np.float32))


@dataclass(frozen=True)
class Head:
    """A head to be rendered: of known shape and displacement, in the skin of a photograph."""

    source: int  # the photograph's index
    photo: FittedPhoto
    reading: Reading | None  # of the photograph; None where it shows hardly any skin
    identity: Array  # (K,)
    expression: Array  # (52,)
    vertices: Array  # (V, 3) mm, head frame
    normals: Array  # (V, 3) unit, head frame
    look: Look


def draw_head(
    model: MorphableModel,
    store: FaceStore,
    truth: PseudoTruth,
    sources: Array,
    folds: FoldMaker,
    rng: Rng,
    age: float | None = None,
    vary_expression: bool = False,
) -> Head:
    """One head at random.

    Args:
        model: the face model.
        store: the photographs.
        truth: their pseudo-truth.
        sources: indices of those that lend their skin and light.
        folds: draws the displacement.
        rng: decides everything.
        age: as for `FoldMaker.draw`.
        vary_expression: not always the photograph's own; see `random_expression`.
    """
    source = int(rng.choice(sources))
    image, codes, landmarks = _stored(store, source)
    reading = read_photo(model, image, codes, landmarks, truth, source)
    photo = fitted_photo(model, without_relief(image, reading), truth, source)
    identity = rng.standard_normal(len(model.identity_basis)).astype(np.float32)
    expression = truth.expression[source]
    if vary_expression:
        expression = random_expression(rng, expression)
    vertices = model.vertices(identity, expression)
    look = Look(
        pose=centered(model, vertices, random_pose(rng, truth.pose[source])),
        light=random_light(rng, photo.light, truth.light[sources]),
        displacement=folds.draw(rng, age),
        cavity=float(rng.uniform(*CAVITY)),
    )
    return Head(source, photo, reading, identity, expression, vertices, model.normals(vertices), look)


class HeadMaker:
    """Makes head number n, always the same for one seed: the truth about it under the names of `Examples`."""

    def __init__(self, store: FaceStore, truth: PseudoTruth, sources: Array, seed: int) -> None:
        self.store, self.truth, self.sources, self.seed = store, truth, sources, seed
        self.model = MorphableModel.load()
        self.mesh, self.folds = Mesh.of(self.model), FoldMaker(self.model)

    def make(self, number: int) -> dict[str, Array]:
        """One head."""
        model = self.model
        rng = np.random.default_rng((self.seed, number))
        head = draw_head(model, self.store, self.truth, self.sources, self.folds, rng, vary_expression=True)
        picture = render_head(self.mesh, head.photo, head.vertices, head.normals, head.look)
        points = model.landmarks(picture.points[:, :2])
        return {
            "images": picture.image,
            "landmarks": points,
            "fitted": points,
            "identity": head.identity,
            "expression": head.expression,
            "pose": head.look.pose,
            "albedo": self.truth.albedo[head.source],
            "light": head.look.light,
            "bump": quantise(picture.bump, picture.bump_known),
        }


def random_pose(rng: Rng, photo_pose: Array) -> Array:
    """(4, 4) a pose to +-60 degrees of yaw, half of the time near the photograph's own."""
    if rng.random() < 0.5:
        rotation = photo_pose[:3, :3] @ rotation_from_vector(rng.normal(0, (0.12, 0.25, 0.05)))
    else:
        yaw, pitch = np.clip(rng.normal(0, 0.5), -1.05, 1.05), np.clip(rng.normal(0, 0.2), -0.5, 0.5)
        rotation = FACING @ rotation_from_vector([0, yaw, 0]) @ rotation_from_vector([pitch, 0, 0])
    return make_pose(rotation, photo_pose[:3, 3])


def random_light(rng: Rng, own: Array, lights: Array) -> Array:
    """(27,) as bright and of the colour of the photograph's own light, with the directions of another of `lights`."""
    own, other = own.reshape(3, 9), lights[rng.integers(len(lights))].reshape(3, 9)
    light = other / np.maximum(other[:, :1], 0.1)
    if rng.random() < 0.5:
        light[:, [3, 4, 7]] *= -1  # mirrored: what is odd in x
    light[:, 1:4] += rng.normal(0, 0.25, 3)
    return (light * own[:, :1] * np.exp(rng.normal(0, 0.15))).astype(np.float32).ravel()


def random_expression(rng: Rng, own: Array) -> Array:
    """(52,) the photograph's own expression, at times weaker, at times with a bit of others."""
    out = own * np.float32(rng.choice([1.0, rng.random()]))
    if rng.random() < 0.6:
        some = rng.integers(0, len(out), 3)
        out[some] += rng.beta(1, 3, 3).astype(np.float32)
    return np.clip(out, 0, 1)


def centered(model: MorphableModel, vertices: Array, pose: Array) -> Array:
    """The pose moved so that the face, vertices (V, 3) mm, lies where the store has its faces."""
    return centered_points(lambda pose: model.landmarks(picture_vertices(vertices, pose, STORE_CAMERA)), pose)


def centered_points(landmarks: Callable[[Array], Array], pose: Array) -> Array:
    """The same with the landmarks (478, 2 or more) px as a function of the pose."""
    pose = pose.copy()
    for _ in range(2):  # the perspective changes with the distance
        matrix = crop_matrix(landmarks(pose), SIDE).astype(np.float64)
        scale = np.hypot(matrix[0, 0], matrix[1, 0])  # from here to a crop without margin
        middle = np.linalg.solve(matrix[:, :2], SIDE / 2 - matrix[:, 2])
        pose[:2, 3] -= (middle - SIDE / 2) / STORE_CAMERA.focal * pose[2, 3]
        pose[:3, 3] *= MARGIN / scale
    return pose


def _key(*arrays: Array) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
