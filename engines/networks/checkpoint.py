"""A network on disk: its kind, its configuration and its weights in one file."""

from __future__ import annotations

import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engines.networks.completion import CompletionConfig, CompletionNetwork
from engines.networks.contour import ContourConfig, ContourNetwork
from engines.networks.regression import RegressionConfig, RegressionNetwork
from realtime.errors import UserError

# kind -> (network, its configuration); a new network is added here.
KINDS: dict[str, tuple[type[nn.Module], type]] = {
    "contour": (ContourNetwork, ContourConfig),
    "completion": (CompletionNetwork, CompletionConfig),
    "regression": (RegressionNetwork, RegressionConfig),
}


def kind_of(network: nn.Module) -> str:
    """The name under which a network's class is registered in `KINDS`."""
    return next(kind for kind, (cls, _) in KINDS.items() if isinstance(network, cls))


def describe(network: nn.Module, state: dict[str, torch.Tensor] | None = None) -> dict[str, Any]:
    """What a checkpoint holds of a network: `kind`, `config` and `state` (its own weights unless others are given)."""
    return {"kind": kind_of(network), "config": asdict(network.config), "state": state or network.state_dict()}


def write_atomically(path: Path, content: dict[str, Any]) -> None:
    """Replaces the file in one step: an interrupted run leaves the old one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    torch.save(content, temporary)
    os.replace(temporary, path)


def save_network(path: str | Path, network: nn.Module, **extra: Any) -> None:
    """Writes a network alone (no optimiser) with whatever plain values are worth keeping beside it."""
    write_atomically(Path(path), describe(network) | extra)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Whatever `torch.save` wrote there.

    Raises:
        UserError: there is no such file, or it is not a checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no checkpoint at {path}.", "Train first: python -m engines.training --help.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a different type for every way in which a file can be damaged
        raise UserError(
            f"{path} is not a readable checkpoint ({type(error).__name__}).", "Give another file, or train again."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no network.", "Give a checkpoint.pt that the trainer wrote.")
    return content


def load_network(path: str | Path, kind: str) -> nn.Module:
    """The network of a checkpoint, in evaluation mode, float32 on the CPU.

    Args:
        path: a checkpoint.pt of `python -m engines.training`, or a file of `save_network`.
        kind: which of `KINDS` it must be.
    """
    content = read_checkpoint(path)
    if content.get("kind") != kind:
        raise UserError(f"{path} holds {content.get('kind', 'no network')!r}, not {kind!r}.", f"Give one of {kind}.")
    network_type, config_type = KINDS[kind]
    known = {field.name for field in fields(config_type)}
    config = config_type(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in content["config"].items() if k in known}
    )
    network = network_type(config)
    try:
        network.load_state_dict(content["state"])
    except RuntimeError as error:
        raise UserError(
            f"The weights in {path} do not fit a {kind} network of its configuration.",
            "Train it again with this version.",
        ) from error
    return network.eval()
