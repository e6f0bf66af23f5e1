"""Trains the bump map of a trained regression network; all that it says besides stays as it is.

Among the coefficients' losses the bump map's own is small, and what tells a fold, the shading of few pixels, is not
what tells a face. So it gets a training of its own: shading is learned on the rendered heads, whose folds are known.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from engines.training.regression.losses import TYPICAL_HEIGHT, TYPICAL_SLOPE
from engines.training.regression.samples import stack
from engines.training.regression.task import RegressionTask
from engines.training.samples import to_network
from engines.training.trainer import autocast, choose_precision, learn
from engines.training.warm_start import warm_start

RATE = 1.5e-3
RENDERED = 0.85  # share of the crops that show rendered heads
PHOTOS = 0.1  # weight of a photograph's bump map, itself read from shading, against a rendered head's true one
HIDDEN = 0.3  # weight of what a cover hides: it is painted, and a painting shows a fold by chance
HEIGHT = 0.15  # weight of the heights against the slopes: the normals are what is seen
SMALL = 0.5  # of a typical slope: errors below count as squares, above by their size


class BumpTask(RegressionTask):
    """The bump map alone."""

    def __init__(self, task: RegressionTask, trained: Path) -> None:
        """Around a task and its network, which takes the trained weights as far as they fit."""
        self.samples, self.mesh, self.network = task.samples, task.mesh, task.network
        print(f"{warm_start(self.network, trained)} tensors taken from {trained}")
        self.network.requires_grad_(False)
        self.network.bump.requires_grad_(True)
        self.modules = {"network": self.network}
        self.optimisers = {
            "network": torch.optim.AdamW(self.network.bump.parameters(), RATE, betas=(0.9, 0.99), weight_decay=1e-2)
        }
        size = self.network.config.size
        self.dtype = choose_precision(self.network, (torch.zeros(8, 3, size, size),))

    def step(self, batch: dict[str, Tensor], number: int) -> dict[str, float]:
        """See `Task`."""
        self.network.eval()
        self.network.bump.train()
        image = to_network(batch["image"])
        with autocast(self.dtype):
            with torch.no_grad():
                levels = self.network.levels(image)
            bump = self.network.bump_map(image, levels)
        losses = bump_error(bump.float(), batch)
        return learn(self.optimisers["network"], self.network.bump.parameters(), losses)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """By kind: the error of the slopes, and that of a smooth mesh, in typical ones."""
        figures = {}
        for kind, samples in self.samples.items():
            batch = stack(samples)
            image = to_network(batch["image"])
            bump = network.bump_map(image, network.levels(image))
            figures[f"slope_{kind}"] = float(bump_error(bump, batch)["slope"])
            figures[f"smooth_{kind}"] = float(bump_error(torch.zeros_like(bump), batch)["slope"])
        return {name: round(value, 4) for name, value in figures.items()}


def bump_error(found: Tensor, truth: dict[str, Tensor]) -> dict[str, Tensor]:
    """The error of (N, 1, S, S) bump maps in typical slopes and heights.

    `truth` as of `regression_losses`, and `mask` (N, 1, S, S) 0..1, 1 where something covers the face.
    """
    rendered = truth["rendered"][:, None, None, None]
    known = truth["bump_known"]
    weight = known * (rendered + (1 - rendered) * PHOTOS) * (1 - (1 - HIDDEN) * truth["mask"])
    off = found - truth["bump"]
    corner = off[..., :-1, :-1]
    # From one pixel to the next: what goes up and down with every pixel would hide from a wider difference.
    square = ((off[..., :-1, 1:] - corner).square() + (off[..., 1:, :-1] - corner).square()) / TYPICAL_SLOPE**2
    inner = weight[..., :-1, :-1] * known[..., :-1, 1:] * known[..., 1:, :-1]
    slope = (square + SMALL**2).sqrt() - SMALL
    height = off.square() / TYPICAL_HEIGHT**2
    return {
        "slope": (slope * inner).sum() / inner.sum().clamp_min(1),
        "height": HEIGHT * (height * weight).sum() / weight.sum().clamp_min(1),
    }
