"""A slimmer completion network for video on the CPU: cut out of the trained one, and taught by it.

A channel is kept for what its batch normalisation lets through and what the next layers make of it (after Liu et al.,
"Learning Efficient Convolutional Networks through Network Slimming", ICCV 2017, who look at the former alone).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import gt

import torch
from torch import Tensor

from engines.networks import CompletionConfig, CompletionNetwork, ContourNetwork, blend
from engines.networks.completion import SLIM
from engines.training import losses
from engines.training.completion import SEEN, CompletionTask
from engines.training.labels import OUTSIDE
from engines.training.samples import Sample, to_network
from engines.training.trainer import autocast, learn
from realtime.errors import UserError

BATCHES = ((192, 8),)  # it paints video alone
L1, DECIBELS, PERCEPTUAL = 8.0, 0.7, 0.8  # towards what the large network paints
TRUTH = 0.35  # weight of the same decibels, towards the clean picture


@dataclass(frozen=True)
class _Layer:
    """Channels that are kept or dropped together: who makes them, and who reads them; names of the state_dict."""

    made_by: tuple[tuple[str, str], ...]  # (convolution, its batch normalisation)
    read_by: tuple[str, ...]  # convolutions


def _layers(levels: int) -> Iterator[_Layer]:
    """All channels of an `EncoderDecoder` of so many levels, from the entrance on."""
    last = levels - 2
    for level in range(levels - 1):
        name = "stem" if level == 0 else f"down.{level - 1}.1"
        yield _Layer(((f"{name}.conv", f"{name}.norm"),), (f"down.{level}.0.conv", f"up.{last - level}.skip"))
        yield _Layer(((f"down.{level}.0.conv", f"down.{level}.0.norm"),), (f"down.{level}.1.conv",))
    for number in range(levels - 1):
        name = f"up.{number}"
        after = "head" if number == last else f"up.{number + 1}.lower"
        yield _Layer(
            ((f"{name}.lower", f"{name}.lower_norm"), (f"{name}.skip", f"{name}.skip_norm")), (f"{name}.refine.conv",)
        )
        yield _Layer(((f"{name}.refine.conv", f"{name}.refine.norm"),), (after,))


def _kept(state: dict[str, Tensor], layer: _Layer, count: int) -> Tensor:
    """Indices of the channels that count most, in their order."""
    through = sum(state[f"body.{norm}.weight"].square() for _, norm in layer.made_by)
    used = sum(state[f"body.{reader}.weight"].square().sum((0, 2, 3)) for reader in layer.read_by)
    return (through * used).topk(count).indices.sort().values


def slimmed(network: CompletionNetwork, config: CompletionConfig = SLIM) -> CompletionNetwork:
    """A network of another configuration, begun with the most important channels of a trained one.

    Kernels of 3x3 that become 1x1 are summed up: what they do to an even picture stays.

    Raises:
        UserError: the new configuration has more channels or a larger kernel somewhere, or other levels, or another
            lowest one.
    """
    wide, narrow = network.config.channels, config.channels
    has_levels = len(wide) == len(narrow) and wide[-1] == narrow[-1]
    if not has_levels or any(map(gt, narrow, wide)) or config.skip > network.config.skip:
        raise UserError(
            f"{narrow} channels cannot be cut out of a network of {wide}.", "Give the large one as --completion."
        )
    slim = CompletionNetwork(config)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    sizes = {name: value.shape[0] for name, value in slim.state_dict().items() if value.ndim}
    for layer in _layers(len(wide)):
        kept = _kept(state, layer, sizes[f"body.{layer.made_by[0][0]}.weight"])
        for conv, norm in layer.made_by:
            state[f"body.{conv}.weight"] = state[f"body.{conv}.weight"][kept]
            for value in ("weight", "bias", "running_mean", "running_var"):
                state[f"body.{norm}.{value}"] = state[f"body.{norm}.{value}"][kept]
        for reader in layer.read_by:
            state[f"body.{reader}.weight"] = state[f"body.{reader}.weight"][:, kept]
    if config.skip < network.config.skip:
        for number in range(len(wide) - 1):
            name = f"body.up.{number}.skip.weight"
            state[name] = state[name].sum((2, 3), keepdim=True)
    slim.load_state_dict(state)
    return slim


class SlimTask(CompletionTask):
    """What a large completion network paints, by a slimmer one."""

    def __init__(
        self,
        guide: ContourNetwork,
        samples: dict[str, list[Sample]],
        seed: int,
        teacher: CompletionNetwork,
        config: CompletionConfig = SLIM,
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
