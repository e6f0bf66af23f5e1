"""MediaPipe's face mesh once more, on a completed crop: with nothing in its way it errs far less."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames import Array, Image
from realtime.quiet import quiet_native_logs

# MediaPipe's detector wants room around a face: the crop is laid in the middle of a larger square.
MARGIN = 0.25  # of the crop's side, on each side


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
