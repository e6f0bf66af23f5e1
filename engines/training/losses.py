"""The losses, as plain functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from engines.training.labels import HEADWEAR

LEAST_ERROR = 1e-3  # of values in -1..1: 36 dB; what is nearer need not come nearer still
HIDDEN_PARTS = 2.0  # weight of hidden parts on top of the 1 that all have
BESIDE_FACE = 0.25  # weight of what lies beside the face in the overlap of masks


def mask_loss(logits: Tensor, truth: Tensor, judged: Tensor, face: Tensor) -> Tensor:
    """Binary cross entropy over the pixels whose truth is known, and each crop's own overlap, mostly within the face.

    The overlap makes a thin frame count as much as a whole mask, as it does for who looks at it.

    Args:
        logits, truth, judged: (N, 1, S, S) float.
        face: (N, 1, S, S) 1 on the face itself.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * judged
    where = judged * (BESIDE_FACE + (1 - BESIDE_FACE) * face)
    chance = torch.sigmoid(logits)
    both = (chance * truth * where).sum((1, 2, 3))
    either = ((chance + truth - chance * truth) * where).sum((1, 2, 3))
    return entropy.sum() / judged.sum().clamp_min(1) + (1 - (both + 1) / (either + 1)).mean()


def parts_loss(logits: Tensor, codes: Tensor, weights: Tensor, hidden: Tensor) -> Tensor:
    """Cross entropy of the parts of the face itself, more of it where they are hidden.

    Args:
        logits: (N, 13, S, S), without eyeglasses.
        codes: (N, S, S) int64 of `labels`; HEADWEAR and above are unknown and count nothing.
        weights: (13,) of the classes.
        hidden: (N, S, S) 1 where something is in front: there the part has to be guessed, and the completion network
            is guided by nothing else.
    """
    known = codes < HEADWEAR
    entropy = F.cross_entropy(logits, codes.masked_fill(~known, -100), ignore_index=-100, reduction="none")
    counts = weights[codes.clamp_max(len(weights) - 1)] * known * (1 + HIDDEN_PARTS * hidden)
    return (entropy * counts).sum() / counts.sum().clamp_min(1)


def eyeglasses_loss(logits: Tensor, glasses: Tensor, judged: Tensor) -> Tensor:
    """Cross entropy of eyeglasses against everything else.

    Written so that the other logits stay the distribution of what lies behind the lenses.

    Args:
        logits: (N, 14, S, S), eyeglasses last.
        glasses, judged: (N, S, S) float.
    """
    against = logits[:, -1] - torch.logsumexp(logits[:, :-1].detach(), 1)
    entropy = F.binary_cross_entropy_with_logits(against, glasses, reduction="none")
    return (entropy * judged).sum() / judged.sum().clamp_min(1)


def weighted_l1(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference of (N, C, S, S) under a weight (N, 1, S, S)."""
    return ((a - b).abs() * weight).sum() / (weight.sum() * a.shape[1]).clamp_min(1)


def tone_distance(a: Tensor, b: Tensor, weight: Tensor, cell: int = 8) -> Tensor:
    """Mean absolute difference of (N, C, S, S) averaged over cells under a weight (N, 1, S, S): light and colour."""
    mass = F.avg_pool2d(weight, cell)
    gap = F.avg_pool2d((a - b) * weight, cell)
    return gap.abs().sum() / (mass.sum() * a.shape[1]).clamp_min(1 / cell**2)


def log_error(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Mean over the batch of ln(mean squared difference) of (N, C, S, S) under a weight (N, 1, S, S): minus their PSNR.

    Crops in which the weight is next to nothing are left out. 10 / ln(10) times this is in decibels.
    """
    mass = weight.sum((1, 2, 3)) * a.shape[1]
    error = ((a - b).square() * weight).sum((1, 2, 3)) / mass.clamp_min(1)
    counts = (mass > 100).to(error)
    return ((error + LEAST_ERROR).log() * counts).sum() / counts.sum().clamp_min(1)


def feature_distance(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of two lists of features, each level in units of its own mean strength."""
    return sum((x - y).abs().mean() / y.abs().mean().clamp_min(1e-3) for x, y in zip(a, b, strict=True)) / len(a)


def gram(features: Tensor, weight: Tensor) -> Tensor:
    """(N, C, C) how the channels of (N, C, H, W) go together under a weight (N, 1, S, S)."""
    weight = F.interpolate(weight, size=features.shape[-2:], mode="area")
    x = (features * weight.sqrt()).flatten(2)
    return x @ x.transpose(1, 2) / (weight.flatten(1).sum(1) + 1)[:, None, None]


def style_distance(a: Sequence[Tensor], b: Sequence[Tensor], weight: Tensor) -> Tensor:
    """Mean absolute difference of the Gram matrices of two lists of features under a weight (N, 1, S, S)."""
    total = 0.0
    for x, y in zip(a, b, strict=True):
        target = gram(y, weight)
        total = total + (gram(x, weight) - target).abs().mean() / target.abs().mean().clamp_min(1e-3)
    return total / len(a)


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The hinge loss of the critic."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
