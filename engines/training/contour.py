"""Trains the contour network."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from engines.networks import ContourNetwork
from engines.training import losses
from engines.training.labels import HEADWEAR, PART
from engines.training.report import PALETTE, grey, grid
from engines.training.samples import Sample, stack, to_network
from engines.training.trainer import Task, autocast, choose_precision, learn
from engines.training.validation import face_table, marked_share, mask_iou, part_ious
from realtime.frames import Image

RATE = 8e-4
# Sides of the crops in px, how many make a batch of about one cost: video is seen at 128, stills at 192.
BATCHES = ((128, 24), (192, 12))
TEACHER_BATCHES = ((192, 12),)  # of the teacher of the part maps; see `pseudo_labels`
HAND_MADE_SHARE = 0.25  # of the samples, drawn besides from the faces with hand-made maps
# Hair is no occluder, but looks like many a hat: where a map tells them apart, it counts more.
OWN_HAIR = 3.0
# Small parts count more than their few pixels would.
WEIGHTS = {"background": 0.5, "skin": 0.6, "hair": 0.6, "neck": 0.7} | dict.fromkeys(
    ("left_brow", "right_brow", "upper_lip", "lower_lip", "inner_mouth"), 1.4
)


class ContourTask(Task):
    """Mask and part map from the covered crop."""

    def __init__(self, samples: dict[str, list[Sample]], network: ContourNetwork | None = None) -> None:
        self.samples = samples
        self.network = (network or ContourNetwork()).to(memory_format=torch.channels_last)
        self.modules = {"network": self.network}
        self.optimisers = {
            "network": torch.optim.AdamW(self.network.parameters(), RATE, betas=(0.9, 0.99), weight_decay=1e-3)
        }
        self.weights = torch.tensor([WEIGHTS.get(name, 1.0) for name in self.network.config.parts[:-1]])
        self.is_face = face_table()
        size = self.network.config.size
        self.dtype = choose_precision(self.network, (torch.zeros(8, 3, size, size),))

    def step(self, batch: dict[str, Tensor], number: int) -> dict[str, float]:
        """See `Task`."""
        self.network.train()
        with autocast(self.dtype):
            mask, parts = self.network.logits(to_network(batch["covered"]))
        terms = self.terms(mask.float(), parts.float(), batch)
        return learn(self.optimisers["network"], self.network.parameters(), terms)

    def terms(self, mask: Tensor, parts: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """What is wrong with the logits of a batch, by name."""
        judged, glasses = batch["judged"].float(), batch["glasses"].float()
        hair = (batch["parts"] == PART["hair"]) & (batch["mask"] == 0)
        return {
            "mask": losses.mask_loss(
                mask,
                batch["mask"][:, None].float(),
                (judged * (1 + OWN_HAIR * hair))[:, None],
                self.is_face[batch["parts"].long()][:, None],
            ),
            "parts": losses.parts_loss(parts[:, :-1], batch["parts"].long(), self.weights, batch["mask"].float()),
            "eyeglasses": losses.eyeglasses_loss(parts, glasses, (batch["parts"] != HEADWEAR) * (judged + glasses > 0)),
        }

    def predict(self, network: nn.Module, samples: list[Sample]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mask (N, S, S) 0..1, parts of the face itself (N, S, S), eyeglasses (N, S, S) 0..1."""
        mask, parts = network(to_network(stack(samples)["covered"]))
        return mask[:, 0].numpy(), parts[:, :-1].argmax(1).numpy().astype(np.uint8), parts[:, -1].numpy()

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Mask IoU by kind, share of clear faces marked, IoU of the part map (all, hidden) against hand-made maps."""
        figures, found_parts, hand_made, glasses_iou = {}, {}, {}, []
        for kind, samples in self.samples.items():
            mask, parts, glasses = self.predict(network, samples)
            if kind == "clear":
                figures["false"] = float(
                    np.mean([marked_share(m > 0.5, s) for m, s in zip(mask, samples, strict=True)])
                )
            else:
                ious = [mask_iou(m > 0.5, s) for m, s in zip(mask, samples, strict=True)]
                figures[f"iou_{kind}"] = float(np.mean([v for v in ious if v is not None]))
            if kind == "glasses":
                truth = np.stack([s.glasses > 0 for s in samples])
                glasses_iou = float(((glasses > 0.5) & truth).sum() / ((glasses > 0.5) | truth).sum())
            # Background can be told apart only where a hand-made map says so.
            hand_made[kind] = [i for i, s in enumerate(samples) if (s.parts == PART["background"]).any()]
            found_parts[kind] = parts
        figures["iou"] = float(np.mean([v for k, v in figures.items() if k.startswith("iou_")]))
        figures["iou_eyeglasses"] = glasses_iou
        for name, hidden in (("parts", False), ("parts_hidden", True)):
            found, truth, where = [], [], []
            for kind, samples in self.samples.items():
                if hidden == (kind == "clear"):
                    continue
                for i in hand_made[kind]:
                    found.append(found_parts[kind][i])
                    truth.append(samples[i].parts)
                    where.append((samples[i].parts < HEADWEAR) & ((samples[i].mask > 0) | (not hidden)))
            if found:
                figures[name] = float(np.mean(list(part_ious(found, truth, where).values())))
        return {name: round(value, 4) for name, value in figures.items()}

    def sheet(self, network: nn.Module) -> Image:
        """Per kind: covered, mask found, mask of truth, parts found, parts of truth."""
        rows = []
        for samples in self.samples.values():
            shown = samples[:4] + samples[-6:]
            mask, parts, glasses = self.predict(network, shown)
            parts = np.where(glasses > 0.5, PART["eyeglasses"], parts)
            rows += [
                [s.covered for s in shown],
                [grey(m) for m in mask],
                [grey(s.mask * s.judged) for s in shown],
                [PALETTE[p] for p in parts],
                [PALETTE[s.parts] for s in shown],
            ]
        return grid(rows)
