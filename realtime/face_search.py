"""Where a face might be in a still picture in which the tracker finds none: candidates for the networks to confirm.

The tracker's own detector, asked again: both of its models, with low thresholds, on padded and enlarged copies.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from realtime.alignment import LEFT_EYE, MOUTH, RIGHT_EYE
from realtime.frames import Array, Image
from realtime.quiet import quiet_native_logs

MODELS = {
    "short": "mediapipe/modules/face_detection/face_detection_short_range_cpu.binarypb",
    "full": "mediapipe/modules/face_detection/face_detection_full_range_cpu.binarypb",
}
LEAST_SCORE = 0.15
SIDE = 512  # px, the longer side of the copies that are searched
PADS = (0.0, 0.3, 0.7)  # of the longer side, on each side: a face that fills the picture is found when it is smaller
# Candidates whose eyes and mouth lie within this share of their size of a better one's are the same.
SAME = 0.25
MOST = 6  # candidates that are worth a look


class FaceSearch:
    """MediaPipe's face detectors with low thresholds."""

    def __init__(self) -> None:
        with quiet_native_logs():
            from mediapipe.python.solution_base import SolutionBase

            # MediaPipe's own FaceDetection ignores the threshold it is given: it has to be set in the graph.
            self._detectors = [
                SolutionBase(
                    binary_graph_path=path,
                    calculator_params={
                        f"facedetection{name}range__facedetection__TensorsToDetectionsCalculator.min_score_thresh": (
                            LEAST_SCORE
                        )
                    },
                    outputs=["detections"],
                )
                for name, path in MODELS.items()
            ]

    def candidates(self, image: Image) -> list[Array]:
        """Where faces might be in (H, W, 3) RGB: right eye, left eye and mouth of each, (3, 2) px, best first."""
        kept: list[Array] = []
        for _, points in sorted(self._detections(image), key=lambda found: -found[0]):
            size = max(float(np.hypot(*(points[2] - points[:2].mean(0)))), float(np.hypot(*(points[1] - points[0]))))
            if size > 1 and all(np.abs(points - other).max() > SAME * size for other in kept):
                kept.append(points)
        return kept[:MOST]

    def _detections(self, image: Image) -> Iterator[tuple[float, Array]]:
        """Score and points (3, 2) px of everything that any of the detectors takes for a face."""
        scale = SIDE / max(image.shape[:2])
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        copy = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        for share in PADS:
            pad = round(share * SIDE)
            padded = cv2.copyMakeBorder(copy, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
            for detector in self._detectors:
                for found in detector.process({"image": padded}).detections or []:
                    keys = found.location_data.relative_keypoints
                    points = np.array([(keys[i].x, keys[i].y) for i in (0, 1, 3)], np.float32)
                    yield found.score[0], (points * (padded.shape[1], padded.shape[0]) - pad) / np.float32(scale)


def rough_landmarks(points: Array) -> Array:
    """(478, 3) px that are good for nothing but laying a crop; `points` (3, 2): right eye, left eye, mouth."""
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, :2] = points.mean(0)
    for pair, point in zip((RIGHT_EYE, LEFT_EYE, MOUTH), points, strict=True):
        landmarks[list(pair), :2] = point
    return landmarks
