"""Trains the regression network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from engines.face_model.model import MorphableModel
from engines.networks import ContourNetwork, RegressionConfig, RegressionNetwork, blend, load_network
from engines.training.regression.losses import SIZE, WEIGHTS, regression_losses, total
from engines.training.regression.mesh import FaceMesh, project
from engines.training.regression.samples import Sample, stack
from engines.training.report import grid
from engines.training.samples import to_network
from engines.training.trainer import Task
from realtime.frames import Image

RATE = 5e-4
BATCH = 32
LENT_RATE = 0.3  # of the learning rate, for layers that a contour network lends
BUMP_TINT = 250  # grey levels per mm of height gained from one pixel to the next


class RegressionTask(Task):
    """Coefficients, landmarks and bump map from clean and completed crops."""

    def __init__(
        self,
        model: MorphableModel,
        samples: dict[str, list[Sample]],
        start: dict[str, Tensor],
        contour: ContourNetwork | None = None,
    ) -> None:
        """A fresh network.

        Args:
            model: the face model.
            samples: for validation, by kind.
            start: the average `landmarks` and `light` of the faces.
            contour: lends its encoder, which knows faces already: what comes after it learns with far fewer steps.
        """
        self.samples = samples
        self.mesh = FaceMesh(model)
        config = RegressionConfig(identity=len(model.identity_basis), albedo=len(model.albedo_basis))
        self.network = RegressionNetwork(config).to(memory_format=torch.channels_last)
        self.network.start_from(start["landmarks"], start["light"])
        lent = [] if contour is None else self.network.take_encoder(contour)
        borrowed = [p for module in lent for p in module.parameters()]
        known = {id(p) for p in borrowed}
        groups = [
            {"params": [p for p in self.network.parameters() if id(p) not in known]},
            {"params": borrowed, "factor": LENT_RATE},
        ]
        self.modules = {"network": self.network}
        self.optimisers = {
            "network": torch.optim.AdamW([g for g in groups if g["params"]], RATE, betas=(0.9, 0.99), weight_decay=1e-2)
        }

    def step(self, batch: dict[str, Tensor], number: int) -> dict[str, float]:
        """See `Task`."""
        self.network.train()
        truth = dict(batch, target=linear(batch["clean"]))
        losses = regression_losses(self.network(to_network(batch["image"])), truth, self.mesh)
        optimiser = self.optimisers["network"]
        optimiser.zero_grad(set_to_none=True)
        total(losses).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        optimiser.step()
        return {name: value.item() for name, value in losses.items()}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """By kind: landmarks and mesh in % of the distance of the outer eye corners, and the losses of all together."""
        figures: dict[str, float] = {}
        sums = dict.fromkeys(WEIGHTS, 0.0)
        for kind, samples in self.samples.items():
            batch = stack(samples)
            out = network(to_network(batch["image"]))
            truth = dict(batch, target=linear(batch["clean"]))
            for name, value in regression_losses(out, truth, self.mesh).items():
                sums[name] += float(value) / len(self.samples)
            points = batch["landmarks"]
            corners = (points[:, 33] - points[:, 263]).norm(dim=-1)[:, None]
            error = 100 * (out.landmarks - points).norm(dim=-1) / corners
            figures[f"points_{kind}"] = float(error.mean())
            mesh = project(self.mesh.landmarks(out.identity, out.expression), out.pose)
            figures[f"mesh_{kind}"] = float((100 * (mesh - points).norm(dim=-1) / corners).mean())
            hidden = hidden_points(batch)
            if hidden.any():
                figures[f"hidden_{kind}"] = float(error[hidden].mean())
        figures |= {f"validation_{name}": value for name, value in sums.items()}
        return {name: round(value, 4) for name, value in figures.items()}

    def sheet(self, network: nn.Module) -> Image:
        """Per kind: clean, what the network sees, its landmarks, its mesh's landmarks, its bump map, the true one."""
        rows = []
        for samples in self.samples.values():
            shown = samples[:10]
            batch = stack(shown)
            out = network(to_network(batch["image"]))
            mesh = project(self.mesh.landmarks(out.identity, out.expression), out.pose)
            images = [sample.image for sample in shown]
            rows += [
                [sample.clean for sample in shown],
                images,
                [with_points(i, p) for i, p in zip(images, out.landmarks.numpy(), strict=True)],
                [with_points(i, p) for i, p in zip(images, mesh.numpy(), strict=True)],
                [relit(b) for b in out.bump[:, 0].numpy()],
                [relit(sample.bump * sample.bump_known) for sample in shown],
            ]
        return grid(rows)


def linear(image: Tensor) -> Tensor:
    """(N, S, S, 3) uint8 sRGB -> (N, 3, S, S) linear 0..1."""
    value = image.permute(0, 3, 1, 2).float() / 255
    return torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def hidden_points(batch: dict[str, Tensor]) -> Tensor:
    """(N, 478) bool: landmarks under the occluder."""
    where = (batch["landmarks"] * SIZE).long().clamp(0, SIZE - 1)
    flat = batch["mask"].flatten(1)
    return flat.gather(1, where[..., 1] * SIZE + where[..., 0]) > 0


def with_points(image: Image, points: np.ndarray) -> Image:
    """The crop (S, S, 3) with points (P, 2), in crop widths, drawn on it."""
    out = image.copy()
    column, row = np.clip(points * image.shape[0], 0, image.shape[0] - 1).astype(int).T
    out[row, column] = (0, 255, 0)
    return out


def relit(height: np.ndarray) -> Image:
    """A map (S, S) of mm as if lit from the upper left."""
    down, across = np.gradient(height)
    grey = np.clip(128 - BUMP_TINT * (down + across), 0, 255).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


class Completer:
    """The two networks before this one, which paint the hidden pixels of a crop as they do in the loop."""

    def __init__(self, contour: Path, completion: Path) -> None:
        self.contour = load_network(contour, "contour").to(memory_format=torch.channels_last)
        self.completion = load_network(completion, "completion").to(memory_format=torch.channels_last)

    @torch.no_grad()
    def __call__(self, covered: Image, mask: Image) -> Image:
        """(N, S, S, 3) uint8 covered crops and their true masks (N, S, S) -> (N, S, S, 3) completed."""
        image = to_network(torch.from_numpy(covered))
        _, parts = self.contour(image)
        grown = torch.nn.functional.max_pool2d(torch.from_numpy(mask)[:, None].float(), 3, 1, 1)
        whole = blend(image, grown, self.completion(image, grown, parts))
        return ((whole + 1) * 127.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
