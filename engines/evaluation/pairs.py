"""The validation set: whole pictures, clean and covered, of faces and occluders kept out of training.

A folder of pairs holds ID_clean.jpg, ID_occ.jpg, ID_mask.png (255 = occluder) and pairs.json, a list of
{id, kind, face, landmarks}: landmarks (478, 2) px are MediaPipe's on the clean picture, face is the source's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engines.training.labels import oval_mask
from engines.training.occluders import JUDGED, Occlusion, load_library, occlude
from engines.training.occluders.scene import Library
from engines.training.sources import Photo, data_folder, find_photos, read_rgb
from engines.training.split import is_validation
from realtime.errors import UserError
from realtime.frames import Array, Image

SIDE = 400  # px of a picture
PER_KIND = 100
LEAST_FACE = 0.01  # the share of the face that an occluder must hide for the pair to count
MOST_FACE = 0.7
TRIES = 12  # placements before a face is given up for a kind
# CelebAMask-HQ's classes of things that already cover a face: eyeglasses and hats.
WORN = (3, 14)
WORN_SHARE = 0.002  # of the picture

# Validation photographs of the shared data in which something is worn or held before the face, found by eye.
COVERED = frozenset(Path(__file__).with_name("covered.txt").read_text().split())


@dataclass(frozen=True)
class Pair:
    """One face, clean and covered."""

    id: str
    kind: str  # of `JUDGED`
    face: str  # the photograph's name, "set/stem.ext"
    landmarks: Array  # (478, 2) px, MediaPipe's on the clean picture


class StillMesh:
    """MediaPipe on pictures that have nothing to do with each other: the yardstick of all landmark figures."""

    def __init__(self) -> None:
        from realtime.quiet import quiet_native_logs

        with quiet_native_logs():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh = FaceMesh(static_image_mode=True, refine_landmarks=True)
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))

    def find(self, image: Image) -> Array | None:
        """(478, 2) px, or None where MediaPipe finds no face."""
        found = self._mesh.process(image).multi_face_landmarks
        if not found:
            return None
        height, width = image.shape[:2]
        return np.array([(point.x * width, point.y * height) for point in found[0].landmark], np.float32)


def is_bare(photo: Photo) -> bool:
    """Whether nothing covers the face in the photograph itself, as far as is known."""
    if photo.name in COVERED:
        return False
    if photo.map_path is None:
        return True
    classes = cv2.imread(str(photo.map_path), cv2.IMREAD_GRAYSCALE)
    return classes is None or float(np.isin(classes, WORN).mean()) < WORN_SHARE


def square(image: Image, photo: Photo, interpolation: int, **border: int) -> Image:
    """(SIDE, SIDE, ...) the middle of a photograph, or of its map, with room around the face.

    Args:
        image: (H, W, ...).
        photo: whose it is.
        interpolation: OpenCV's.
        border: how `cv2.copyMakeBorder` makes room.
    """
    pad = round(photo.padding * image.shape[1])
    image = cv2.copyMakeBorder(image, pad, pad, pad, pad, **border)
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return cv2.resize(image[top : top + side, left : left + side], (SIDE, SIDE), interpolation=interpolation)


def read_square(photo: Photo) -> Image | None:
    """(SIDE, SIDE, 3) RGB with room around the face, or None for a file that is no picture."""
    image = read_rgb(photo.path)
    if image is None:
        return None
    large = min(image.shape[:2]) * (1 + 2 * photo.padding) > SIDE
    return square(image, photo, cv2.INTER_AREA if large else cv2.INTER_CUBIC, borderType=cv2.BORDER_REPLICATE)


def bare_faces(data: Path, mapped: bool = False) -> Iterator[tuple[Photo, Image, Array]]:
    """The validation photographs without anything before the face: (photo, picture, landmarks (478, 2) px).

    Args:
        data: the data folder.
        mapped: only those with a hand-made map.
    """
    mesh = StillMesh()
    for photo in find_photos(data):
        if is_validation(photo.name) and is_bare(photo) and (photo.map_path or not mapped):
            image = read_square(photo)
            landmarks = None if image is None else mesh.find(image)
            if image is not None and landmarks is not None:
                yield photo, image, landmarks


def cover(image: Image, landmarks: Array, kind: str, library: Library, rng: np.random.Generator) -> Occlusion | None:
    """A face behind one occluder that hides some of it, but not nearly all; None where no placement does."""
    face = oval_mask(landmarks, image.shape[0]) > 0
    for _ in range(TRIES):
        covered = occlude(image, landmarks, library, rng, [kind])
        if LEAST_FACE < covered.mask[face].mean() < MOST_FACE:
            return covered
    return None


def write_pairs(data: str | Path, folder: Path, seed: int = 0, per_kind: int = PER_KIND) -> list[Pair]:
    """Makes the set: the same seed and data give the same pictures.

    Args:
        data: the data folder, see `engines.training.sources`.
        folder: where to; made if it is missing.
        seed: decides which face gets which occluder, and where.
        per_kind: how many pairs of each kind of occluder.

    Raises:
        UserError: too few faces or occluders are left by the split.
    """
    data = data_folder(data)
    folder.mkdir(parents=True, exist_ok=True)
    faces = list(bare_faces(data))
    library = load_library(data, validation=True)
    rng = np.random.default_rng(seed)
    pairs = []
    for kind in JUDGED:
        count = 0
        for index in rng.permutation(len(faces)):
            photo, image, landmarks = faces[index]
            covered = cover(image, landmarks, kind, library, rng)
            if covered is None:
                continue
            pair = Pair(f"{kind}_{count:03d}", kind, photo.name, landmarks)
            write_pair(folder, pair, image, covered)
            pairs.append(pair)
            count += 1
            if count == per_kind:
                break
        if count < per_kind:
            raise UserError(
                f"Only {count} of {per_kind} pairs with a {kind} could be made from {data}.",
                "Give a folder with more faces and occluders, or ask for fewer pairs.",
            )
    rows = [{"id": p.id, "kind": p.kind, "face": p.face, "landmarks": np.round(p.landmarks, 3).tolist()} for p in pairs]
    (folder / "pairs.json").write_text(json.dumps(rows))
    return pairs


def write_pair(folder: Path, pair: Pair, clean: Image, covered: Occlusion) -> None:
    """The three pictures of one pair."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    cv2.imwrite(str(folder / f"{pair.id}_clean.jpg"), cv2.cvtColor(clean, cv2.COLOR_RGB2BGR), quality)
    cv2.imwrite(str(folder / f"{pair.id}_occ.jpg"), cv2.cvtColor(covered.image, cv2.COLOR_RGB2BGR), quality)
    cv2.imwrite(str(folder / f"{pair.id}_mask.png"), np.where(covered.mask, 255, 0).astype(np.uint8))


def read_pairs(folder: Path) -> list[Pair]:
    """The list of a folder that `write_pairs` wrote.

    Raises:
        UserError: there is none.
    """
    path = folder / "pairs.json"
    try:
        rows = json.loads(path.read_text())
        return [
            Pair(row["id"], row["kind"], row.get("face", ""), np.array(row["landmarks"], np.float32)) for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no list of pairs ({type(error).__name__}).",
            f"Make one: python -m engines.evaluation pairs {folder}",
        ) from error
