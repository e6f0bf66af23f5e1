"""MediaPipe's face mesh once more, on a completed crop: with nothing in its way it errs far less."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import cv2
import numpy as np

from realtime.alignment import to_picture
from realtime.frames import Array, Image
from realtime.quiet import quiet_native_logs

# MediaPipe's detector wants room around a face: the crop is laid in the middle of a larger square.
MARGIN = 0.25  # of the crop's side, on each side
VIEWS = (-7.0, 7.0)  # degrees by which a still's crop is turned for further looks


def turned_views(crop: Image) -> Iterator[tuple[Image, Array]]:
    """A crop turned by each of `VIEWS` about its middle, and the (2, 3) crop px -> px of that view."""
    side = crop.shape[0]
    for angle in VIEWS:
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0)
        yield cv2.warpAffine(crop, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), turn


class CropMesh(Protocol):
    """Finds the landmarks of the one face in a crop."""

    def find(self, crop: Image) -> Array | None:
        """(478, 3) px of the crop (z in px), or None."""
        ...


class MediaPipeCropMesh:
    """The 478 landmarks of the one face in an upright crop.

    Args:
        stills: search every crop anew. In video the search is spared as long as the face is found where it was in
            the crop before, and crops are laid so that it is always in the same place.
    """

    def __init__(self, stills: bool) -> None:
        with quiet_native_logs():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh = FaceMesh(
                static_image_mode=stills, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.3
            )
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))

    def find(self, crop: Image) -> Array | None:
        """(478, 3) px of the crop (z in px), or None where no face is found."""
        side = crop.shape[0]
        margin = round(MARGIN * side)
        padded = cv2.copyMakeBorder(crop, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        found = self._mesh.process(padded).multi_face_landmarks
        if not found:
            return None
        points = np.array([(point.x, point.y, point.z) for point in found[0].landmark], np.float32)
        points *= np.float32(side + 2 * margin)
        points[:, :2] -= margin
        return points


class SteadyCropMesh:
    """The average of what is found on a crop as it is and turned a little either way.

    MediaPipe's landmarks wander by some 0.8 % of the distance of the eyes when its own crop changes; a quarter of that
    goes away. For stills: it looks three times.

    Args:
        mesh: what looks.
    """

    def __init__(self, mesh: CropMesh) -> None:
        self._mesh = mesh

    def find(self, crop: Image) -> Array | None:
        """(478, 3) px of the crop (z in px), or None where the crop as it is shows no face."""
        first = self._mesh.find(crop)
        if first is None:
            return None
        found = [first]
        for view, turn in turned_views(crop):
            points = self._mesh.find(view)
            if points is not None:
                found.append(np.column_stack([to_picture(points, turn), points[:, 2]]))
        return np.mean(found, axis=0, dtype=np.float32)
