"""Starting a network from the weights of another: a checkpoint, or a shipped ONNX file."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor, nn

from engines.networks.checkpoint import kind_of, read_checkpoint
from realtime.errors import UserError

NUMBERED = "onnx::MatMul_"  # how the exporter names the weights of a linear layer without a bias


def shipped_state(path: Path) -> dict[str, Tensor]:
    """The weights in a file of `engines.export`, by their names of the state_dict; float16 as they lie there.

    Raises:
        UserError: the file is no ONNX.
    """
    try:
        model = onnx.load(str(path))
    except (DecodeError, OSError) as error:
        raise UserError(f"{path} is not a readable ONNX file.", "Restore it with git, or give a checkpoint.") from error
    return {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in model.graph.initializer}


def _without_a_name(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of linear layers without a bias, which an ONNX file holds transposed and under a number."""
    found = {}
    for name, target in network.state_dict().items():
        if name not in state and target.ndim == 2:
            fitting = [
                tensor
                for key, tensor in state.items()
                if key.startswith(NUMBERED) and tuple(tensor.shape) == tuple(target.shape)[::-1]
            ]
            if len(fitting) == 1:
                found[name] = fitting[0].T
    return found


def _fit(source: Tensor, target: Tensor) -> Tensor | None:
    """The weights in the shape wanted; None if they have another.

    A convolution that sees more channels than it did, the new ones behind the old, begins by ignoring them.
    """
    if source.shape == target.shape:
        return source
    if target.ndim == 4 and source.ndim == 4 and source.shape[1] < target.shape[1]:
        wider = torch.zeros_like(target)
        if source.shape[0] == target.shape[0] and source.shape[2:] == target.shape[2:]:
            wider[:, : source.shape[1]] = source
            return wider
    return None


def warm_start(network: nn.Module, path: str | Path) -> int:
    """Copies every tensor whose name and shape fit into a network; a convolution may have grown more inputs.

    Args:
        network: what is to be trained.
        path: a checkpoint.pt of the same kind of network, or an .onnx file of `engines.export`.

    Returns:
        how many tensors were copied.

    Raises:
        UserError: the file cannot be read, is of another kind, or nothing in it fits.
    """
    path, kind = Path(path), kind_of(network)
    if path.suffix == ".onnx":
        state = shipped_state(path)
        state |= _without_a_name(network, state)
    else:
        content = read_checkpoint(path)
        if content.get("kind") != kind:
            raise UserError(
                f"{path} holds {content.get('kind', 'no network')!r}, not {kind!r}.",
                f"Give --init a {kind} checkpoint.",
            )
        state = content["state"]
    fitting = [
        (target, source)
        for name, target in network.state_dict().items()
        if name in state and (source := _fit(state[name], target)) is not None
    ]
    if not fitting:
        raise UserError(
            f"Nothing in {path} fits the {kind} network: its layers have other shapes.", "Train without --init."
        )
    for target, source in fitting:
        target.copy_(source)
    return len(fitting)
