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
VERSION = 1  # of what is stored; raise it when the arrays change


@dataclass(frozen=True)
class FaceStore:
    """N faces, aligned and cut out with a margin."""

    names: list[str]  # "set/stem.ext"
    images: Image  # (N, SIDE, SIDE, 3) RGB
    labels: Image  # (N, SIDE, SIDE) codes of `labels`
    landmarks: Array  # (N, 478, 2) px in the cut-out
    hand_made: np.ndarray  # (N,) bool: the labels come from a hand-made map, not from landmarks

    def __len__(self) -> int:
        return len(self.names)


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


def build_store(data: Path, folder: Path, progress=lambda photos: photos) -> None:
    """Reads every photograph of a data folder and writes the arrays of its faces into `folder`.

    `progress` wraps the list of photographs while it is worked through (tqdm, say).
    """
    photos = find_photos(data)
    folder.mkdir(parents=True, exist_ok=True)
    count, names, hand_made, points = len(photos), [], [], []
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (count, SIDE, SIDE, 3))
    codes = np.lib.format.open_memmap(folder / "labels.npy", "w+", np.uint8, (count, SIDE, SIDE))
    for photo, image, landmarks in find_faces(progress(photos)):
        classes = None if photo.map_path is None else cv2.imread(str(photo.map_path), cv2.IMREAD_GRAYSCALE)
        if classes is not None and classes.shape != image.shape[:2]:
            classes = None
        i = len(names)
        images[i], codes[i], cut_points = cut_out(image, landmarks, classes)
        names.append(photo.name)
        hand_made.append(classes is not None)
        points.append(cut_points)
    if not names:
        raise UserError(f"No face was found in the {count} photographs of {data}.", "Give photographs of single faces.")
    images.flush()
    codes.flush()
    np.save(folder / "landmarks.npy", np.stack(points))
    np.save(folder / "hand_made.npy", np.array(hand_made))
    # Written last: its presence says that the arrays are whole.
    index = {"version": VERSION, "names": names, "photos": count, "data": str(data.resolve())}
    (folder / "index.json").write_text(json.dumps(index))


def open_store(data: str | Path, folder: Path, progress=lambda photos: photos) -> FaceStore:
    """The faces of a data folder; found and cut out first if `folder` does not hold them yet (minutes)."""
    data = data_folder(data)
    index_path = folder / "index.json"
    if index_path.exists():
        index = json.loads(index_path.read_text())
        if index["version"] != VERSION or index["data"] != str(data.resolve()):
            index_path.unlink()
    if not index_path.exists():
        build_store(data, folder, progress)
    index = json.loads(index_path.read_text())
    count = len(index["names"])
    if count < index["photos"]:
        print(f"{index['photos'] - count} of {index['photos']} photographs hold no face or cannot be read: skipped.")
    return FaceStore(
        names=index["names"],
        images=np.load(folder / "images.npy", mmap_mode="r")[:count],
        labels=np.load(folder / "labels.npy", mmap_mode="r")[:count],
        landmarks=np.load(folder / "landmarks.npy"),
        hand_made=np.load(folder / "hand_made.npy"),
    )
