"""The training faces, once found and cut out: a folder of plain arrays that every worker maps into memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engines.training import labels
from engines.training.sources import Photo, data_folder, find_photos, read_rgb
from realtime.alignment import crop_matrix, cut, rescale, to_crop
from realtime.errors import UserError
from realtime.frames import Array, Image

SIDE = 256  # px of a stored cut-out
MARGIN = 1.35  # its side in sides of the networks' crop, so that jittered crops find pixels around the face
VERSION = 2  # of what is stored; raise it when the arrays change
INDEX = "index.json"


@dataclass(frozen=True)
class FaceStore:
    """N faces, aligned and cut out with a margin."""

    names: list[str]  # "set/stem.ext"
    images: Image  # (N, SIDE, SIDE, 3) RGB
    labels: Image  # (N, SIDE, SIDE) codes of `labels`
    landmarks: Array  # (N, 478, 2) px in the cut-out
    hand_made: np.ndarray  # (N,) bool: the labels come from a hand-made map
    pseudo_labelled: bool = False  # the other labels come from a network, see `pseudo_labels`, not from landmarks

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class StoredFace:
    """One face of a store, its fields as there."""

    name: str
    image: Image
    labels: Image
    landmarks: Array
    hand_made: bool


def store_matrix(landmarks: Array) -> Array:
    """The similarity picture px -> stored px of a face, landmarks (478, 2+) px in the picture."""
    inner = SIDE / MARGIN
    matrix = crop_matrix(landmarks, SIDE)
    matrix = rescale(matrix, inner / SIDE)
    matrix[:, 2] += (SIDE - inner) / 2
    return matrix


def cut_out(image: Image, landmarks: Array, classes: Image | None) -> tuple[Image, Image, Array]:
    """One face as it is stored.

    Args:
        image: (H, W, 3) RGB.
        landmarks: (478, 2) px in the picture.
        classes: (H, W) CelebAMask-HQ's indices, or None.

    Returns:
        image (SIDE, SIDE, 3), codes (SIDE, SIDE), landmarks (478, 2) px in the cut-out.
    """
    matrix = store_matrix(landmarks)
    points = to_crop(landmarks, matrix)
    if classes is None:
        codes = labels.from_landmarks(points, SIDE)
    else:
        codes = cv2.warpAffine(
            labels.from_celeba(classes),
            matrix,
            (SIDE, SIDE),
            flags=cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=labels.OUTSIDE,
        )
    inside = cv2.warpAffine(np.full(image.shape[:2], 255, np.uint8), matrix, (SIDE, SIDE)) > 250
    return cut(image, matrix, SIDE).image, np.where(inside, codes, labels.OUTSIDE).astype(np.uint8), points


def find_faces(photos: Iterable[Photo]) -> Iterator[tuple[Photo, Image, Array]]:
    """The photographs that can be read and in which MediaPipe finds a face: (photo, RGB, landmarks (478, 2) px)."""
    import mediapipe

    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        for photo in photos:
            image = read_rgb(photo.path)
            if image is None:
                continue
            pad = int(photo.padding * image.shape[1])
            padded = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
            found = mesh.process(padded).multi_face_landmarks
            if found:
                size = np.array([padded.shape[1], padded.shape[0]])
                points = np.array([(p.x, p.y) for p in found[0].landmark]) * size - pad
                yield photo, image, points.astype(np.float32)


def stored_faces(photos: Iterable[Photo]) -> Iterator[StoredFace]:
    """The photographs' faces, cut out."""
    for photo, image, landmarks in find_faces(photos):
        classes = None if photo.map_path is None else cv2.imread(str(photo.map_path), cv2.IMREAD_GRAYSCALE)
        if classes is not None and classes.shape != image.shape[:2]:
            classes = None
        yield StoredFace(photo.name, *cut_out(image, landmarks, classes), hand_made=classes is not None)


def save_store(folder: Path, faces: Iterable[StoredFace], most: int, about: dict) -> int:
    """Writes faces as they come, and what they were made from; returns how many there were.

    Args:
        folder: where to; made if it is missing.
        faces: at most `most`.
        most: how many there may be.
        about: what `load_store` must be asked for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (most, SIDE, SIDE, 3))
    codes = np.lib.format.open_memmap(folder / "labels.npy", "w+", np.uint8, (most, SIDE, SIDE))
    names, hand_made, points = [], [], []
    for i, face in enumerate(faces):
        images[i], codes[i] = face.image, face.labels
        names.append(face.name)
        hand_made.append(face.hand_made)
        points.append(face.landmarks)
    if not names:
        return 0
    images.flush()
    codes.flush()
    np.save(folder / "landmarks.npy", np.stack(points))
    np.save(folder / "hand_made.npy", np.array(hand_made))
    # Written last: its presence says that the arrays are whole.
    (folder / INDEX).write_text(json.dumps({**about, "version": VERSION, "names": names}))
    return len(names)


def load_store(folder: Path, about: dict) -> FaceStore | None:
    """What `save_store` wrote; None where there is nothing, or it was made from something else."""
    path = folder / INDEX
    if not path.exists():
        return None
    index = json.loads(path.read_text())
    if any(index.get(name) != value for name, value in {**about, "version": VERSION}.items()):
        return None
    count = len(index["names"])
    return FaceStore(
        names=index["names"],
        images=np.load(folder / "images.npy", mmap_mode="r")[:count],
        labels=np.load(folder / "labels.npy", mmap_mode="r")[:count],
        landmarks=np.load(folder / "landmarks.npy"),
        hand_made=np.load(folder / "hand_made.npy"),
    )


def open_store(data: str | Path, folder: Path, progress=lambda photos: photos) -> FaceStore:
    """The faces of a data folder; found and cut out first if `folder` does not hold them yet (minutes).

    `progress` wraps the list of photographs while it is worked through (tqdm, say).
    """
    data = data_folder(data)
    about = {"data": str(data.resolve())}
    store = load_store(folder, about)
    if store is None:
        photos = find_photos(data)
        count = save_store(folder, stored_faces(progress(photos)), len(photos), about)
        store = load_store(folder, about)
        if store is None:
            raise UserError(
                f"No face was found in the {len(photos)} photographs of {data}.", "Give photographs of single faces."
            )
        if count < len(photos):
            print(f"{len(photos) - count} of {len(photos)} photographs hold no face or cannot be read: skipped.")
    return store
