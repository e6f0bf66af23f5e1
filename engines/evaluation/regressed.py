"""The chain from a picture to the regression network's answer, with the trained checkpoints (torch)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from engines.face_model.model import MorphableModel
from engines.networks import blend, load_network
from engines.training.samples import to_network
from realtime.alignment import crop_matrix, cut, to_crop
from realtime.frames import Array, Image
from realtime.quiet import quiet_native_logs

SIZE = 128  # px, the crop
MASK_THRESHOLD = 0.35
LANDMARKS = 478


@dataclass(frozen=True)
class RegressedFace:
    """What the network says of one face."""

    identity: Array  # (K,)
    expression: Array  # (52,)
    bump: Array  # (SIZE, SIZE) mm
    landmarks: Array  # (478, 2) px of the crop
    matrix: Array  # (2, 3) picture px -> crop px
    mask: Array | None  # (SIZE, SIZE) 0..1 what was painted; None: nothing
    tracked: Array  # (478, 2) px of the crop: the tracker's

    def visible_landmarks(self) -> Array:
        """(478,) 1 where the tracker's landmark is not on the mask."""
        column, row = np.clip(self.tracked, 0, SIZE - 1).astype(int).T
        return (self.mask[row, column] < MASK_THRESHOLD).astype(np.float32)


@dataclass(frozen=True)
class Recovery:
    """The three networks, on the CPU."""

    model: MorphableModel
    contour: nn.Module
    completion: nn.Module
    regression: nn.Module

    @classmethod
    def load(cls, runs: Path) -> Recovery:
        """From the checkpoints of the trainings under `runs`."""
        networks = {kind: load_network(runs / kind / "checkpoint.pt", kind) for kind in ("contour", "completion")}
        regression = load_network(runs / "regression" / "checkpoint.pt", "regression")
        return cls(MorphableModel.load(), regression=regression, **networks)

    @torch.no_grad()
    def regress(self, image: Image, landmarks: Array, covered: bool) -> RegressedFace:
        """One face.

        Args:
            image: (H, W, 3) RGB.
            landmarks: (478, 2 or more) px, the tracker's.
            covered: whether to find and paint what is hidden first.
        """
        matrix = crop_matrix(landmarks, SIZE)
        x = to_network(torch.from_numpy(cut(image, matrix, SIZE).image[None]))
        mask = None
        if covered:
            found, parts = self.contour(x)
            hidden = torch.nn.functional.max_pool2d((found > MASK_THRESHOLD).float(), 3, 1, 1)
            x = blend(x, hidden, self.completion(x, hidden, parts))
            mask = found[0, 0].numpy()
        out = self.regression(x)
        return RegressedFace(
            identity=out.identity[0].numpy(),
            expression=out.expression[0].numpy(),
            bump=out.bump[0, 0].numpy(),
            landmarks=SIZE * out.landmarks[0].numpy(),
            matrix=matrix,
            mask=mask,
            tracked=to_crop(landmarks, matrix),
        )


class StillLandmarks:
    """MediaPipe on single pictures; a context manager."""

    def __enter__(self) -> StillLandmarks:
        with quiet_native_logs():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh = FaceMesh(static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3)
        return self

    def __exit__(self, *_: object) -> None:
        self._mesh.close()

    def find(self, image: Image) -> Array | None:
        """(478, 2) px, or None where no face is found."""
        pad = image.shape[1] // 4
        padded = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        found = self._mesh.process(padded).multi_face_landmarks
        if not found:
            return None
        size = np.array([padded.shape[1], padded.shape[0]], np.float32)
        return np.array([(p.x, p.y) for p in found[0].landmark], np.float32) * size - pad
