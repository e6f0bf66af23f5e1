"""Where training pictures come from: folders of faces and of occluders, any of them possibly the user's own.

Layout of a data folder:

    faces*/NAME.jpg             photographs, one face each (jpg, jpeg or png)
    faces*/NAME.png             beside a NAME.jpg: its hand-made map, CelebAMask-HQ's class indices
    occluders/KIND/NAME.png     RGBA cut-outs: hands, glasses, hats, face_masks, objects, scarves
    occluders/face_masks/keypoints.json   {NAME: {a..f: [x, y]}} px: top left, nose bridge, top right,
                                          jaw left, chin, jaw right
    occluders/textures/NAME.jpg
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from realtime.errors import UserError
from realtime.frames import Image

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png")
# Tight crops of UTKFace: MediaPipe wants room around a face.
PADDING = {"faces_utk": 0.3}

# Folders of the shared data -> the kind they hold, where the names differ.
KINDS = {"accessory_hats": "hats", "accessory_sunglasses": "glasses", "accessory_masks": "face_masks"}
# `objects` of the shared data is a mixed bag: what these files really are. Hair is no occluder.
MISFILED = {
    **{f"objects_{i:03d}": "face_masks" for i in (1, 6, 9, 11, 15)},
    **{f"objects_{i:03d}": "hats" for i in (5, 12, 14)},
    **{f"objects_{i:03d}": "hands" for i in (4, 13)},
    **{f"objects_{i:03d}": "hair" for i in (8, 18)},
}


@dataclass(frozen=True)
class Photo:
    """One photograph of a face and what is known about it."""

    name: str  # "set/stem.ext"
    path: Path
    map_path: Path | None  # its hand-made map
    padding: float  # share of the width to add on each side before the tracker sees it


@dataclass(frozen=True)
class Sprite:
    """An occluder cut out of a photograph."""

    name: str  # "folder/stem.ext"
    kind: str
    rgba: Image  # (H, W, 4), tight around what is opaque
    keypoints: np.ndarray | None = None  # (6, 2) px of face masks: a to f


def data_folder(path: str | Path) -> Path:
    """The folder, checked.

    Raises:
        UserError: it is missing, or holds no faces.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"There is no data folder at {path}.", "Give the folder that holds faces*/ with --data.")
    if not any(p.is_dir() for p in path.glob("faces*")):
        raise UserError(f"{path} has no folder of faces in it.", "Put photographs into a sub-folder named faces*/.")
    return path


def find_photos(data: Path) -> list[Photo]:
    """Every photograph of every set, in a fixed order."""
    photos = []
    for folder in sorted(p for p in data.glob("faces*") if p.is_dir()):
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_ENDINGS)
        jpegs = {p.stem for p in files if p.suffix.lower() != ".png"}
        for path in files:
            if path.suffix.lower() == ".png" and path.stem in jpegs:
                continue  # a map, not a photograph
            map_path = path.with_suffix(".png")
            photos.append(
                Photo(
                    name=f"{folder.name}/{path.name}",
                    path=path,
                    map_path=map_path if path.suffix.lower() != ".png" and map_path.exists() else None,
                    padding=PADDING.get(folder.name, 0.0),
                )
            )
    if not photos:
        raise UserError(f"The faces*/ folders in {data} hold no photographs.", "Put .jpg or .png files into them.")
    return photos


def read_rgb(path: Path) -> Image | None:
    """(H, W, 3) RGB, or None for a file that is no picture."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _read_sprite(path: Path, kind: str, keypoints: dict) -> Sprite | None:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
        return None
    opaque = image[..., 3] > 30
    if opaque.sum() < 50:
        return None
    rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
    top, left = rows[0], columns[0]
    rgba = cv2.cvtColor(image[top : rows[-1] + 1, left : columns[-1] + 1], cv2.COLOR_BGRA2RGBA)
    points = None
    if path.stem in keypoints:
        points = np.array([keypoints[path.stem][k] for k in "abcdef"], np.float32) - np.float32([left, top])
    return Sprite(f"{path.parent.name}/{path.name}", kind, rgba, points)


def find_sprites(data: Path) -> tuple[list[Sprite], int]:
    """All occluder cut-outs, in a fixed order, and how many files could not be read."""
    sprites, unreadable = [], 0
    for folder in sorted(p for p in (data / "occluders").glob("*") if p.is_dir() and p.name != "textures"):
        key_file = folder / "keypoints.json"
        keypoints = json.loads(key_file.read_text()) if key_file.exists() else {}
        for path in sorted(folder.glob("*.png")):
            kind = MISFILED.get(path.stem, KINDS.get(folder.name, folder.name))
            sprite = _read_sprite(path, kind, keypoints)
            if sprite is None:
                unreadable += 1
            else:
                sprites.append(sprite)
    return sprites, unreadable


def find_textures(data: Path) -> list[tuple[str, Image]]:
    """("textures/NAME", (H, W, 3) RGB) of every texture that can be read."""
    found = []
    for path in sorted((data / "occluders" / "textures").glob("*.*")):
        image = read_rgb(path)
        if image is not None:
            found.append((f"textures/{path.name}", image))
    return found
