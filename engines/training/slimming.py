"""A slimmer network, cut out of a trained one.

A channel is kept for what its batch normalisation lets through and what the next layers make of it (after Liu et al.,
"Learning Efficient Convolutional Networks through Network Slimming", ICCV 2017, who look at the former alone).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import gt
from typing import TypeVar

import torch
from torch import Tensor

from engines.networks import CompletionConfig, CompletionNetwork, ContourConfig, ContourNetwork
from realtime.errors import UserError

Network = TypeVar("Network", ContourNetwork, CompletionNetwork)


@dataclass(frozen=True)
class _Layer:
    """Channels that are kept or dropped together: who makes them, and who reads them; names of the state_dict."""

    made_by: tuple[tuple[str, str], ...]  # (convolution, its batch normalisation)
    read_by: tuple[str, ...]  # convolutions


def _layers(levels: int, heads: tuple[str, ...]) -> Iterator[_Layer]:
    """All channels of an `EncoderDecoder` of so many levels, from the entrance on, and the heads that read it."""
    last = levels - 2
    for level in range(levels - 1):
        name = "body.stem" if level == 0 else f"body.down.{level - 1}.1"
        down = f"body.down.{level}"
        yield _Layer(((f"{name}.conv", f"{name}.norm"),), (f"{down}.0.conv", f"body.up.{last - level}.skip"))
        yield _Layer(((f"{down}.0.conv", f"{down}.0.norm"),), (f"{down}.1.conv",))
    for number in range(levels - 1):
        name = f"body.up.{number}"
        after = heads if number == last else (f"body.up.{number + 1}.lower",)
        yield _Layer(
            ((f"{name}.lower", f"{name}.lower_norm"), (f"{name}.skip", f"{name}.skip_norm")), (f"{name}.refine.conv",)
        )
        yield _Layer(((f"{name}.refine.conv", f"{name}.refine.norm"),), after)


def _kept(state: dict[str, Tensor], layer: _Layer, count: int) -> Tensor:
    """Indices of the channels that count most, in their order."""
    through = sum(state[f"{norm}.weight"].square() for _, norm in layer.made_by)
    used = sum(state[f"{reader}.weight"].square().sum((0, 2, 3)) for reader in layer.read_by)
    return (through * used).topk(count).indices.sort().values


def slimmed(network: Network, config: ContourConfig | CompletionConfig) -> Network:
    """A network of another configuration, begun with the most important channels of a trained one.

    Kernels of 3x3 that become 1x1 are summed up: what they do to an even picture stays.

    Raises:
        UserError: the new configuration has more channels or a larger kernel somewhere, or other levels, or another
            lowest one.
    """
    wide, narrow = network.config.channels, config.channels
    slim = type(network)(config)
    shapes = {name: value.shape for name, value in slim.state_dict().items()}
    state = {name: value.clone() for name, value in network.state_dict().items()}
    has_levels = len(wide) == len(narrow) and wide[-1] == narrow[-1]
    if not has_levels or any(map(gt, narrow, wide)) or any(map(_is_larger, shapes.values(), state.values())):
        raise UserError(
            f"{narrow} channels cannot be cut out of a network of {wide}, or its kernels are too small.",
            "Give the checkpoint of the large network.",
        )
    heads = tuple(name for name in ("body.head", "parts") if f"{name}.weight" in state)
    for layer in _layers(len(wide), heads):
        kept = _kept(state, layer, shapes[f"{layer.made_by[0][0]}.weight"][0])
        for conv, norm in layer.made_by:
            state[f"{conv}.weight"] = state[f"{conv}.weight"][kept]
            for value in ("weight", "bias", "running_mean", "running_var"):
                state[f"{norm}.{value}"] = state[f"{norm}.{value}"][kept]
        for reader in layer.read_by:
            state[f"{reader}.weight"] = state[f"{reader}.weight"][:, kept]
    for name, value in state.items():
        if value.shape[2:] != shapes[name][2:]:
            state[name] = value.sum((2, 3), keepdim=True)
    slim.load_state_dict(state)
    return slim


def _is_larger(shape: torch.Size, weights: Tensor) -> bool:
    """Whether the kernels of a shape would be larger than those of some weights."""
    return any(map(gt, shape[2:], weights.shape[2:]))
