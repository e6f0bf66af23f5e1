"""The other side: what is true about a face when its picture is seen in a mirror."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from engines.face_model.model import MorphableModel
from realtime.frames import Array

IMAGES = ("image", "clean")  # (N, S, S, 3)
MAPS = ("mask", "judged", "bump", "bump_known")  # (N, 1, S, S)
ODD_LIGHT = (3, 4, 7)  # terms of the spherical harmonics that are odd in x
# Of the nine numbers of `realtime.regressed.CropPose`, those that change their sign.
ODD_POSE = (1, 2, 3, 7)
OUTER_CORNERS = (33, 263)  # MediaPipe's landmarks, of the right and the left eye


@dataclass(frozen=True)
class Mirror:
    """How one face model's coefficients and landmarks change in a mirror."""

    identity: Tensor  # (K, K): mirrored = identity @ this
    albedo: Tensor  # (A, A): the nearest, since the learned colours are not quite symmetric
    expression: Tensor  # (52,) index of the mirrored expression
    landmarks: Tensor  # (478,) index of the mirrored landmark

    @classmethod
    def of(cls, model: MorphableModel, landmarks: Array) -> Mirror:
        """For a face model, whose mesh is symmetric.

        Args:
            model: the face model.
            landmarks: (478, 2) of an average face that looks straight ahead: which are each other's mirror images.
        """
        flip = np.array([-1, 1, 1], np.float32)
        names = list(model.expression_names)
        points = landmarks - (landmarks[OUTER_CORNERS[0]] + landmarks[OUTER_CORNERS[1]]) / 2
        distance = np.linalg.norm((points * flip[:2])[:, None] - points[None], axis=-1)
        return cls(
            identity=torch.from_numpy(_in_basis(model.identity_basis, model.identity_basis[:, model.mirror] * flip)),
            albedo=torch.from_numpy(_in_basis(model.albedo_basis, model.albedo_basis[:, model.mirror])),
            expression=torch.tensor([names.index(_other_side(name)) for name in names]),
            landmarks=torch.from_numpy(linear_sum_assignment(distance + distance.T)[1]),
        )

    def apply(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """A batch of `samples.stack` as a mirror shows it."""
        out = dict(batch)
        for name in IMAGES:
            out[name] = batch[name].flip(2)
        for name in MAPS:
            out[name] = batch[name].flip(3)
        for name in ("landmarks", "mesh_landmarks"):
            points = batch[name][:, self.landmarks]
            out[name] = torch.stack([1 - points[..., 0], points[..., 1]], -1)
        out["identity"] = batch["identity"] @ self.identity
        out["albedo"] = batch["albedo"] @ self.albedo
        out["expression"] = batch["expression"][:, self.expression]
        out["light"] = (batch["light"].unflatten(1, (3, 9)) * _signs(9, ODD_LIGHT)).flatten(1)
        out["pose"] = batch["pose"] * _signs(9, ODD_POSE)
        return out


def _in_basis(basis: Array, mirrored: Array) -> NDArray[np.float32]:
    """(K, K) coefficients of the mirrored components (K, V, 3) in the basis (K, V, 3), least squares."""
    flat, other = (b.reshape(len(b), -1).astype(np.float64) for b in (basis, mirrored))
    return np.linalg.solve(flat @ flat.T, flat @ other.T).T.astype(np.float32)


def _other_side(name: str) -> str:
    """`mouthSmileLeft` -> `mouthSmileRight`, and back; what has no side is its own other side."""
    if "Left" in name:
        return name.replace("Left", "Right")
    return name.replace("Right", "Left")


def _signs(count: int, odd: tuple[int, ...]) -> Tensor:
    signs = torch.ones(count)
    signs[list(odd)] = -1
    return signs
