"""Photographs with a face each: what landmark map and albedo are learned from (build time only)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from engines.face_model.model import MorphableModel
from engines.training.sources import Photo, find_photos, read_rgb
from engines.training.split import is_validation
from realtime.camera import assumed_camera, picture_vertices
from realtime.fitting import Fit, Fitter
from realtime.frames import Array, Camera, Frame, Image
from realtime.tracking import MediaPipeTracker

# Whole heads with room around them; tight chips would need padding and show no forehead.
SETS = ("faces_generated", "faces_parsed")
# Classes of the hand-made maps that are bare skin: skin, nose, brows, ears, lips, neck.
SKIN_CLASSES = (1, 2, 6, 7, 8, 9, 11, 12, 17)
GLASSES_CLASS = 3


@dataclass(frozen=True)
class TrackedPhoto:
    """One photograph and its landmarks."""

    photo: Photo
    landmarks: Array  # (478, 3) px
    camera: Camera

    def image(self) -> Image:
        """(H, W, 3) RGB."""
        return np.ascontiguousarray(cv2.imread(str(self.photo.path))[..., ::-1], np.uint8)

    def skin(self) -> Image | None:
        """(H, W) 0 or 255 where the hand-made map says skin; None without a map."""
        if self.photo.map_path is None:
            return None
        classes = cv2.imread(str(self.photo.map_path), cv2.IMREAD_GRAYSCALE)
        return np.where(np.isin(classes, SKIN_CLASSES), 255, 0).astype(np.uint8)

    def wears_glasses(self) -> bool:
        """Whether the hand-made map marks eyeglasses."""
        if self.photo.map_path is None:
            return False
        return bool((cv2.imread(str(self.photo.map_path), cv2.IMREAD_GRAYSCALE) == GLASSES_CLASS).any())


def track_photos(data: Path, step: int) -> list[TrackedPhoto]:
    """Track every `step`-th training photograph of SETS; those kept for validation are left out."""
    photos = [p for p in find_photos(data) if p.name.split("/")[0] in SETS and not is_validation(p.name)]
    tracker = MediaPipeTracker(stills=True)
    tracked = []
    for photo in tqdm(photos[::step], desc="tracking photographs"):
        image = read_rgb(photo.path)
        if image is None:  # no picture, whatever its name says
            continue
        faces = tracker.track(Frame(image, 0.0, 0.0, 0, photo.name))
        if faces:
            tracked.append(TrackedPhoto(photo, faces[0].landmarks, assumed_camera(image.shape[1], image.shape[0])))
    tracker.close()
    return tracked


def fitted(model: MorphableModel, photos: list[TrackedPhoto], title: str) -> Iterator[tuple[TrackedPhoto, Fit, Array]]:
    """Every photograph that can be fitted, its fit, and (V, 3) mm the face in the head frame."""
    fitter = Fitter(model)
    for photo in tqdm(photos, desc=title):
        fit = fitter.fit(photo.landmarks, photo.camera)
        if fit is not None:
            yield photo, fit, model.vertices(fit.identity, fit.expression)


def in_picture(vertices: Array, fit: Fit, camera: Camera) -> Array:
    """(V, 3) px of (V, 3) mm in the head frame."""
    return picture_vertices(vertices, fit.pose, camera)
