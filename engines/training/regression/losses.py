"""What the regression network is asked to agree with, as plain functions of tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from engines.networks.regression import Regressed
from engines.training.regression.mesh import FaceMesh, project

SIZE = 128  # px: landmark losses are in these

# How much a photograph's fit counts against a rendered head's exact truth.
PSEUDO = {"identity": 0.25, "expression": 0.5, "albedo": 1.0, "light": 1.0, "bump": 1.5, "mesh": 1.0, "pose": 1.0}
# The landmark head learns MediaPipe's points from photographs; the model's own on rendered heads differ a little.
RENDERED_LANDMARKS = 0.4
WEIGHTS = {
    "landmarks": 1.0,
    "mesh": 0.6,
    "identity": 2.0,
    "expression": 1.0,
    "albedo": 0.4,
    "light": 0.3,
    "pose": 4.0,
    "photometric": 1.0,
    "bump": 0.5,
    "slope": 1.0,
}
# Of the bump maps: mm, and mm per pixel.
TYPICAL_HEIGHT, TYPICAL_SLOPE = 0.2, 0.06


def regression_losses(out: Regressed, truth: dict[str, Tensor], mesh: FaceMesh) -> dict[str, Tensor]:
    """Every loss, unweighted (see `WEIGHTS`); 0 where the output is the truth.

    Args:
        out: the network's outputs for N crops.
        truth: under the names of `Regressed` the same shapes (landmarks and pose in crop widths), and
            `bump_known` (N, 1, S, S) 0..1, `rendered` (N,) 1 for heads with exact truth, `target`
            (N, 3, S, S) linear RGB of the clean face, `judged` (N, 1, S, S) 0..1 where its skin is seen.
        mesh: the face model.
    """
    rendered = truth["rendered"]

    def balance(name: str) -> Tensor:
        return rendered + (1 - rendered) * PSEUDO[name]

    def mean(per_example: Tensor, name: str) -> Tensor:
        return (per_example * balance(name)).mean()

    shape = mesh.landmarks(out.identity, out.expression)
    posed = SIZE * (project(shape, out.pose) - truth["mesh_landmarks"])
    certainty = mesh.sigma.mean() / mesh.sigma
    points = SIZE * (out.landmarks - truth["landmarks"]).abs().sum(-1).mean(-1)
    identity = (mesh.identity_size * (out.identity - truth["identity"])).square().sum(1)
    expression = mesh.expression_size * (out.expression - truth["expression"]).abs()
    light = (out.light - truth["light"]).abs().mean(1) / truth["light"][:, ::9].mean(1).clamp_min(0.2)
    pose = (out.pose - truth["pose"]).abs()
    return {
        "landmarks": (points * (rendered * RENDERED_LANDMARKS + 1 - rendered)).mean(),
        "mesh": mean((posed.abs().sum(-1) * certainty).mean(-1), "mesh"),
        "identity": mean(identity.clamp_min(1e-8).sqrt() - 1e-4, "identity"),
        "expression": mean(expression.sum(1), "expression"),
        "albedo": mean((out.albedo - truth["albedo"]).abs().mean(1), "albedo"),
        "light": mean(light, "light"),
        "pose": mean(pose[:, :6].mean(1) + 4 * pose[:, 6] + 8 * pose[:, 7:].mean(1), "pose"),
        "photometric": photometric(out, truth, mesh),
        **bump_losses(out.bump, truth["bump"], truth["bump_known"] * balance("bump")[:, None, None, None]),
    }


def photometric(out: Regressed, truth: dict[str, Tensor], mesh: FaceMesh) -> Tensor:
    """How far the skin's colours lie from albedo times light at visible vertices, relative to the brightness.

    Only albedo and light learn from it: the vertices are where the truth has them.
    """
    with torch.no_grad():
        points = project(mesh.skin(truth["identity"], truth["expression"]), truth["pose"])
        where = 2 * points[:, None] - 1
        seen = F.grid_sample(truth["target"], where, align_corners=False)[:, :, 0].transpose(1, 2)
        judged = F.grid_sample(truth["judged"], where, align_corners=False)[:, 0, 0]
    color, facing = mesh.skin_color(out.albedo, out.light, truth["pose"])
    off = (color - seen).abs().mean(-1) / (seen.mean(-1) + 0.1)
    weight = facing * judged
    return (off.clamp_max(1.0) * weight).sum() / weight.sum().clamp_min(1)


def slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 1, S, S) -> its slopes across (N, 1, S, S - 2) and down (N, 1, S - 2, S), per pixel."""
    return (x[..., :, 2:] - x[..., :, :-2]) / 2, (x[..., 2:, :] - x[..., :-2, :]) / 2


def bump_losses(found: Tensor, truth: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Squared errors of height and slope of (N, 1, S, S) maps under a weight of the same shape, in typical ones.

    Squares and not absolute values: much of the relief cannot be seen, and what most likely is 0 would stay 0.
    """

    across = weight[..., :, 1:-1] * (weight[..., :, 2:] > 0) * (weight[..., :, :-2] > 0)
    down = weight[..., 1:-1, :] * (weight[..., 2:, :] > 0) * (weight[..., :-2, :] > 0)
    off = [f - t for f, t in zip(slopes(found), slopes(truth), strict=True)]
    slope = sum((w * o.square()).sum() / w.sum().clamp_min(1) for w, o in zip((across, down), off, strict=True))
    height = (weight * (found - truth).square()).sum() / weight.sum().clamp_min(1)
    return {"bump": height / TYPICAL_HEIGHT**2, "slope": slope / 2 / TYPICAL_SLOPE**2}


def total(losses: dict[str, Tensor]) -> Tensor:
    """The weighted sum."""
    return sum(WEIGHTS[name] * value for name, value in losses.items())
