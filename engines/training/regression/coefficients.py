"""Trains what a trained regression network says in numbers: coefficients, pose, light, landmarks; its maps stay.

They are read from the encoder's lowest level by two layers that see far fewer examples while all of the network learns
than they have weights. With the encoder as it is they learn a hundred times as fast, from the bump map's samples, too.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.regression import Regressed
from engines.training.regression.losses import WEIGHTS, regression_losses
from engines.training.regression.task import RegressionTask, linear
from engines.training.samples import to_network
from engines.training.trainer import autocast, choose_precision, learn
from engines.training.warm_start import warm_start

RATE = 1e-3
BATCH = 128
DECAY = 0.1  # of the weights
DROPPED = 0.4  # share of the features: the rendered heads are few, and would be known by heart
BUMP_LOSSES = ("bump", "slope")


class CoefficientsTask(RegressionTask):
    """Everything but the bump map, the encoder being what it is."""

    def __init__(self, task: RegressionTask, trained: Path) -> None:
        """Around a task and its network, which takes the trained weights as far as they fit."""
        self.samples, self.mesh, self.network = task.samples, task.mesh, task.network
        print(f"{warm_start(self.network, trained)} tensors taken from {trained}")
        self.network.requires_grad_(False)
        self.learning = nn.ModuleList([self.network.features, self.network.heads]).requires_grad_(True)
        self.modules = {"network": self.network}
        self.optimisers = {
            "network": torch.optim.AdamW(self.learning.parameters(), RATE, betas=(0.9, 0.99), weight_decay=DECAY)
        }
        size = self.network.config.size
        self.dtype = choose_precision(self.network, (torch.zeros(8, 3, size, size),))

    def step(self, batch: dict[str, Tensor], number: int) -> dict[str, float]:
        """See `Task`."""
        self.network.eval()
        self.network.features.train()
        with autocast(self.dtype), torch.no_grad():
            lowest = self.network.levels(to_network(batch["image"]))[-1].float()
        features = F.dropout(self.network.features(lowest), DROPPED)
        out = Regressed(*self.network.coefficients(features), batch["bump"])
        losses = regression_losses(out, dict(batch, target=linear(batch["clean"])), self.mesh)
        terms = {name: WEIGHTS[name] * value for name, value in losses.items() if name not in BUMP_LOSSES}
        return learn(self.optimisers["network"], self.learning.parameters(), terms)
