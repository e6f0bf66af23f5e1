"""Faces turned to the side: photographs taken nearly from the front, seen again from elsewhere.

The fitted mesh says how far away each pixel of the face is, and around the face the distance goes on smoothly. So the
whole picture becomes a relief, which is turned with the head and drawn again; far from the head it stays where it was.
What the photograph shows too flatly, or not at all, is marked as `OUTSIDE`: no loss looks there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from engines.training.labels import OUTSIDE
from engines.training.regression.pseudo_truth import STORE_CAMERA
from engines.training.regression.raster import rasterize
from engines.training.store import MARGIN, SIDE, FaceStore, StoredFace, load_store, save_store, store_matrix
from realtime.alignment import to_crop
from realtime.camera import picture_vertices, project, rotation_from_vector, to_camera, unproject
from realtime.crop_mesh import MediaPipeCropMesh
from realtime.fitting import Fit, Fitter
from realtime.frames import Array, Image

COUNT = 800  # turned faces
SHARE = 0.1  # of the samples that are drawn from them
SEED = 40_000
YAW, PITCH = (0.35, 1.05), 0.2  # radians: how far a face looks aside at least and at most; up or down, at most
FRONTAL = 0.3  # radians: photographs that look aside by more are not turned further
WORST_RESIDUAL = 0.012  # of the distance of the outer eye corners: fits that miss the landmarks by more are not used
MOST_OUTSIDE = 0.02  # the share of the networks' crop that may lie beyond the photograph
# What a tracker sees in the turned picture must lie this near, of the distance of the outer eye corners before turning,
# to the landmarks that were turned.
WORST_TRACKED = 0.06

STEP = 2  # px between neighbours of the relief
BORDER = 64  # px around the picture that repeat its edge
DEEPEST = 45.0  # mm behind the eyes: the relief of a head is flat from there on
SMOOTH = 2.0  # px, the standard deviation by which the relief is blurred
STRETCHED = 2.5  # times its area in the photograph, from which on a piece of it shows too little
STILL_FROM, STILL_AT = 16.0, 80.0  # px from the head: where its surroundings begin to lag behind, and stay
BEHIND = 2000.0  # mm that the surroundings lie deeper than the head


@dataclass(frozen=True)
class Relief:
    """A picture as a surface: (R, C) points of a grid over it."""

    places: Array  # (R, C, 2) px in the picture
    depth: Array  # (R, C) mm from the camera
    stays: Array  # (R, C) 0 moves with the head .. 1 stays where it is

    @property
    def triangles(self) -> NDArray[np.int64]:
        """(T, 3) indices into the flattened grid, two to a cell."""
        rows, columns = self.depth.shape
        corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
        upper = np.stack([corner, corner + columns, corner + 1], 1)
        lower = np.stack([corner + 1, corner + columns, corner + columns + 1], 1)
        return np.vstack([upper, lower])


def relief_of(model: MorphableModel, vertices: Array, pose: Array) -> Relief:
    """The relief of a stored picture.

    Args:
        model: the face model.
        vertices: (V, 3) mm, head frame: the face in it.
        pose: (4, 4) head -> `STORE_CAMERA`.
    """
    points = picture_vertices(vertices, pose, STORE_CAMERA)
    fragments = rasterize(points, model.triangles, SIDE)
    depth = fragments.interpolate(model.triangles, to_camera(vertices, pose)[:, 2:])[..., 0]
    far = np.float32(pose[2, 3] + DEEPEST)
    depth = cv2.GaussianBlur(np.where(fragments.covered, np.minimum(depth, far), far), (0, 0), SMOOTH)
    away = cv2.distanceTransform((~fragments.covered).astype(np.uint8), cv2.DIST_L2, 5)
    stays = np.clip((away - STILL_FROM) / (STILL_AT - STILL_FROM), 0, 1)
    line = np.arange(-BORDER, SIDE + BORDER + STEP, STEP, dtype=np.float32)
    places = np.stack(np.meshgrid(line, line), -1)
    column, row = np.clip(places, 0, SIDE - 1).astype(int).transpose(2, 0, 1)
    return Relief(places, depth[row, column], stays[row, column].astype(np.float32))


def turn(
    model: MorphableModel, image: Image, codes: Image, landmarks: Array, fit: Fit, pose: Array
) -> tuple[Image, Image, Array]:
    """A stored face as it would look in another pose.

    Args:
        model: the face model.
        image: (SIDE, SIDE, 3) RGB.
        codes: (SIDE, SIDE) of `labels`.
        landmarks: (478, 2) px.
        fit: of these landmarks in `STORE_CAMERA`.
        pose: (4, 4) head -> `STORE_CAMERA`, the new one; where in the picture it lies does not matter.

    Returns:
        image, codes and landmarks, aligned as the store has them.
    """
    vertices = model.vertices(fit.identity, fit.expression)
    before, after = (model.landmarks(picture_vertices(vertices, p, STORE_CAMERA))[:, :2] for p in (fit.pose, pose))
    points = after + (landmarks - before)  # with the little by which the mesh had missed them
    matrix = store_matrix(points)

    relief = relief_of(model, vertices, fit.pose)
    places, stays = relief.places.reshape(-1, 2), relief.stays.reshape(-1, 1)
    seen = unproject(places, relief.depth.ravel(), STORE_CAMERA)
    moved = to_camera((seen - fit.pose[:3, 3]) @ fit.pose[:3, :3], pose)
    where = to_crop(project(moved, STORE_CAMERA), matrix) * (1 - stays) + places * stays
    triangles = relief.triangles
    growth = _growth(where, triangles)
    # A fold's lower side is drawn, too, so that nothing is left open.
    triangles = np.where(growth[:, None] > 0, triangles, triangles[:, ::-1])
    fragments = rasterize(np.hstack([where, moved[:, 2:] + BEHIND * stays]), triangles, SIDE)
    source = fragments.interpolate(triangles, places)

    x, y = source[..., 0] - 0.5, source[..., 1] - 0.5
    turned = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    kept = cv2.remap(codes, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=OUTSIDE)
    growth = growth[fragments.triangle]
    shown = fragments.covered & (growth > 0) & (growth < STRETCHED)
    return turned, np.where(shown, kept, OUTSIDE).astype(np.uint8), to_crop(points, matrix)


def _growth(where: Array, triangles: NDArray) -> Array:
    """(T,) the area of the relief's triangles, points (N, 2) px, in units of what it was; negative if turned over."""
    a, b, c = (where[corner] for corner in triangles.T)
    first, second = b - a, c - a
    return (first[:, 1] * second[:, 0] - first[:, 0] * second[:, 1]) / STEP**2


def random_pose(pose: Array, rng: np.random.Generator) -> Array:
    """(4, 4) the same head looking aside, to either side, and a little up or down; `pose` (4, 4) looks ahead."""
    yaw = rng.uniform(*YAW) * rng.choice([-1, 1]) - yaw_of(pose)
    out = pose.copy()
    out[:3, :3] = (
        pose[:3, :3] @ rotation_from_vector([rng.uniform(-PITCH, PITCH), 0, 0]) @ rotation_from_vector([0, yaw, 0])
    )
    return out


def yaw_of(pose: Array) -> float:
    """Radians by which a head, pose (4, 4), looks to the picture's right."""
    return float(np.arctan2(pose[0, 2], -pose[2, 2]))


def unit(landmarks: Array) -> float:
    """px between the outer eye corners of landmarks (478, 2)."""
    return float(np.linalg.norm(landmarks[33] - landmarks[263]))


def distance(a: Array, b: Array) -> float:
    """px between two sets of landmarks (478, 2 or more), on average, irises left out."""
    return float(np.linalg.norm(a[:468, :2] - b[:468, :2], axis=1).mean())


def is_frontal(model: MorphableModel, fit: Fit, landmarks: Array) -> bool:
    """Whether a stored face, landmarks (478, 2) px, looks ahead and is fitted well."""
    points = picture_vertices(model.vertices(fit.identity, fit.expression), fit.pose, STORE_CAMERA)
    missed = distance(model.landmarks(points), landmarks)
    return abs(yaw_of(fit.pose)) < FRONTAL and missed < WORST_RESIDUAL * unit(landmarks)


def outside(codes: Image) -> float:
    """The share of the networks' crop, the middle of stored codes (SIDE, SIDE), that the photograph does not show."""
    rim = round(SIDE * (1 - 1 / MARGIN) / 2)
    return float((codes[rim:-rim, rim:-rim] == OUTSIDE).mean())


def turned_faces(store: FaceStore, indices: Iterable[int]) -> Iterator[StoredFace]:
    """Turned faces of a store, one of each face that can be turned and in which a tracker sees what we say.

    Args:
        store: the faces.
        indices: which of them, in this order.
    """
    model, tracker = MorphableModel.load(), MediaPipeCropMesh(stills=True)
    fitter = Fitter(model)
    for i in indices:
        image, codes, landmarks = store.images[i], store.labels[i], store.landmarks[i]
        fit = fitter.fit(landmarks, STORE_CAMERA) if outside(codes) < MOST_OUTSIDE else None
        if fit is None or not is_frontal(model, fit, landmarks):
            continue
        pose = random_pose(fit.pose, np.random.default_rng((SEED, i)))
        turned = turn(model, image, codes, landmarks, fit, pose)
        tracked = tracker.find(turned[0])
        if tracked is not None and distance(tracked, turned[2]) < WORST_TRACKED * unit(landmarks):
            yield StoredFace(store.names[i], *turned, hand_made=bool(store.hand_made[i]))


def open_turned(
    store: FaceStore, indices: NDArray[np.intp], folder: Path, progress: Callable[[Iterator], Iterable] = iter
) -> FaceStore | None:
    """Faces of a store, turned; made first (a few minutes) unless `folder` holds them. None: none can be turned.

    Args:
        store: the faces.
        indices: of those that may be turned.
        folder: keeps them, in a folder of their own for each choice of faces: trainings at once may differ in it.
        progress: wraps the turned faces while they are made.
    """
    order = np.random.default_rng(SEED).permutation(indices)
    names = hashlib.sha256("\n".join(store.names[i] for i in order).encode()).hexdigest()
    about = {"from": names, "count": COUNT, "pseudo_labelled": store.pseudo_labelled}
    folder /= names[:12]
    turned = load_store(folder, about)
    if turned is None:
        save_store(folder, islice(progress(turned_faces(store, order)), COUNT), COUNT, about)
        turned = load_store(folder, about)
    return turned
