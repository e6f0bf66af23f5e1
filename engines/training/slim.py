"""Slimmer networks for video on the CPU: cut out of the trained ones, and taught by them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from engines.networks import CompletionConfig, CompletionNetwork, ContourConfig, ContourNetwork, blend
from engines.networks.completion import SLIM as SLIM_COMPLETION
from engines.networks.contour import SLIM as SLIM_CONTOUR
from engines.training import losses
from engines.training.completion import SEEN, CompletionTask
from engines.training.contour import ContourTask
from engines.training.labels import OUTSIDE
from engines.training.samples import Sample, to_network
from engines.training.slimming import slimmed
from engines.training.trainer import autocast, learn

# Of the sizes at which video is seen: stills are looked at by the large networks.
COMPLETION_BATCHES = ((192, 8),)
CONTOUR_BATCHES = ((128, 24),)
L1, DECIBELS, PERCEPTUAL = 8.0, 0.7, 0.8  # towards what the large network paints
TRUTH = 0.35  # weight of the same decibels, towards the clean picture
TAUGHT_MASK, TAUGHT_PARTS = 2.0, 2.0  # weights of the large contour network's mask and parts, beside the truth's


class SlimCompletionTask(CompletionTask):
    """What a large completion network paints, by a slimmer one."""

    def __init__(
        self,
        guide: ContourNetwork,
        samples: dict[str, list[Sample]],
        seed: int,
        teacher: CompletionNetwork,
        config: CompletionConfig = SLIM_COMPLETION,
    ) -> None:
        super().__init__(guide, samples, seed, slimmed(teacher, config))
        self.teacher = teacher.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        del self.modules["critic"], self.optimisers["critic"]  # the teacher has learned from one

    def step(self, batch: dict[str, Tensor], number: int) -> dict[str, float]:
        """See `Task`."""
        self.network.train()
        clean, covered = to_network(batch["clean"]), to_network(batch["covered"])
        truth = batch["mask"][:, None].float()
        with autocast(self.dtype), torch.no_grad():
            found, parts = self.guide.find(covered)
            hidden, parts = self.masks(found.float(), truth, number), parts.float()
            taught = self.teacher(covered, hidden, parts).float()
            features_taught = self.guide.features(blend(clean, hidden, taught))
        with autocast(self.dtype):
            painting = self.network(covered, hidden, parts).float()
            features = self.guide.features(blend(clean, hidden, painting))
        real = (batch["parts"] != OUTSIDE)[:, None].float()
        judged = torch.minimum(truth, hidden) * self.is_face[batch["parts"].long()][:, None]
        terms = {
            "l1": L1 * losses.weighted_l1(painting, taught, (hidden + SEEN) * real),
            "decibels": DECIBELS * losses.log_error(painting, taught, judged),
            "truth": TRUTH * losses.log_error(painting, clean, judged),
            "perceptual": PERCEPTUAL * losses.feature_distance(features, features_taught),
        }
        return learn(self.optimisers["network"], self.network.parameters(), terms)


class SlimContourTask(ContourTask):
    """What a large contour network finds, and the truth, by a slimmer one."""

    def __init__(
        self, samples: dict[str, list[Sample]], teacher: ContourNetwork, config: ContourConfig = SLIM_CONTOUR
    ) -> None:
        super().__init__(samples, slimmed(teacher, config))
        self.teacher = teacher.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def step(self, batch: dict[str, Tensor], number: int) -> dict[str, float]:
        """See `Task`."""
        self.network.train()
        covered = to_network(batch["covered"])
        with autocast(self.dtype):
            mask, parts = self.network.logits(covered)
            with torch.no_grad():
                taught_mask, taught_parts = self.teacher(covered)
        mask, parts = mask.float(), parts.float()
        terms = self.terms(mask, parts, batch) | {
            "taught_mask": TAUGHT_MASK * F.binary_cross_entropy_with_logits(mask, taught_mask.float()),
            "taught_parts": TAUGHT_PARTS * F.cross_entropy(parts, taught_parts.float()),
        }
        return learn(self.optimisers["network"], self.network.parameters(), terms)
