"""The face model as a differentiable function of the network's outputs, at landmarks and at some skin vertices."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engines.face_model.model import MorphableModel
from engines.training.regression.pseudo_truth import of_parts
from realtime.light import sh_basis
from realtime.regressed import CROP_FOCAL, SCALES

SKIN_POINTS = 400  # vertices at which colours are compared


def rotation_of(pose: Tensor) -> Tensor:
    """(N, 9) -> (N, 3, 3) head -> crop camera, as `CropPose.from_vector`."""
    first = F.normalize(pose[:, :3], dim=1)
    second = F.normalize(pose[:, 3:6] - (pose[:, 3:6] * first).sum(1, keepdim=True) * first, dim=1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], 2)


def project(points: Tensor, pose: Tensor) -> Tensor:
    """(N, P, 3) mm in the head frame and (N, 9) -> (N, P, 2) crop widths."""
    turned = points @ rotation_of(pose).transpose(1, 2)
    scale = pose[:, 6].clamp(*SCALES)[:, None, None]
    depth = 100 * CROP_FOCAL / scale
    beyond = 1 + turned[..., 2:] / depth  # 1 at the head's origin
    across = pose[:, None, 7:9] + turned[..., :2] * (scale / 100)
    return 0.5 + across / beyond.clamp_min(0.2)


class FaceMesh(torch.nn.Module):
    """Fixed parts of the face model as buffers."""

    def __init__(self, model: MorphableModel) -> None:
        super().__init__()
        rest, still = np.zeros(len(model.identity_basis), np.float32), np.zeros(52, np.float32)
        corners = model.triangles[model.landmark_triangle]
        mean = model.landmarks(model.vertices(rest, still))
        identity = np.einsum("knci,nc->kni", model.identity_basis[:, corners], model.landmark_barycentric)
        # Through the model and not its basis, since eyeLook* turns the eyeballs too.
        expression = np.stack(
            [model.landmarks(model.vertices(rest, unit)) - mean for unit in np.eye(52, dtype=np.float32)]
        )
        skin = of_parts(model, ("skin", "nose"))
        reach = np.linalg.norm(model.mean - mean[1], axis=1) < 95  # mm from the nose: the face, not the skull
        chosen = np.flatnonzero(skin & reach)
        chosen = chosen[:: max(1, len(chosen) // SKIN_POINTS)]
        arrays = {
            "mean": mean,
            "identity": identity,
            "expression": expression,
            "sigma": model.landmark_sigma,
            "skin_mean": model.mean[chosen],
            "skin_identity": model.identity_basis[:, chosen],
            "skin_expression": model.expression_basis[:, chosen],
            "skin_normals": model.normals(model.mean)[chosen],
            "skin_albedo_mean": model.albedo_mean[chosen],
            "skin_albedo": model.albedo_basis[:, chosen],
            # What one unit of each coefficient moves, on average over the face: mm.
            "identity_size": np.sqrt(np.square(model.identity_basis[:, chosen]).sum(-1).mean(-1)),
            "expression_size": np.sqrt(np.square(expression).sum(-1).mean(-1)),
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array, np.float32)))

    def landmarks(self, identity: Tensor, expression: Tensor) -> Tensor:
        """(N, K), (N, 52) -> (N, 478, 3) mm, head frame."""
        moved = identity @ self.identity.flatten(1) + expression @ self.expression.flatten(1)
        return self.mean + moved.unflatten(1, self.mean.shape)

    def skin(self, identity: Tensor, expression: Tensor) -> Tensor:
        """(N, K), (N, 52) -> (N, P, 3) mm, head frame, of some skin vertices."""
        moved = identity @ self.skin_identity.flatten(1) + expression @ self.skin_expression.flatten(1)
        return self.skin_mean + moved.unflatten(1, self.skin_mean.shape)

    def skin_color(self, albedo: Tensor, light: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        """What the skin vertices look like.

        Returns:
            (N, P, 3) linear RGB, and (N, P) 1 where the vertex faces the camera. Its normal is the mean face's.
        """
        normals = self.skin_normals @ rotation_of(pose).transpose(1, 2)
        basis = torch_sh_basis(normals)
        shading = (basis @ light.unflatten(1, (3, 9)).transpose(1, 2)).clamp_min(0)
        color = self.skin_albedo_mean + (albedo @ self.skin_albedo.flatten(1)).unflatten(1, self.skin_albedo_mean.shape)
        return color.clamp(0, 1) * shading, (normals[..., 2] < -0.3).float()


def torch_sh_basis(normals: Tensor) -> Tensor:
    """(N, P, 3) -> (N, P, 9): `realtime.light.sh_basis`, which is a polynomial of degree two, differentiably."""
    x, y, z = normals.unbind(-1)
    terms = torch.stack([torch.ones_like(x), y, z, x, x * y, y * z, z * z, x * z, x * x - y * y], -1)
    return terms @ _SH_TERMS


def _sh_terms() -> Tensor:
    """(9, 9) from the monomials above to the basis, read off from `sh_basis` so that its constants live there only."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(50, 3))
    x, y, z = normals.T
    terms = np.stack([np.ones_like(x), y, z, x, x * y, y * z, z * z, x * z, x * x - y * y], 1)
    return torch.from_numpy(np.linalg.lstsq(terms, sh_basis(normals), rcond=None)[0].astype(np.float32))


_SH_TERMS = _sh_terms()
