"""Starting a network from another's weights: what fits is copied, classes that were split are copied to each part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engines.networks.checkpoint import kind_of, read_checkpoint
from realtime.errors import UserError

# A part that the older network does not know -> the one it was part of there.
PARENTS = {
    **{name: "brows" for name in ("left_brow", "right_brow")},
    **{name: "eyes" for name in ("left_eye", "right_eye")},
    **{name: "lips" for name in ("upper_lip", "inner_mouth", "lower_lip")},
    **{name: "background" for name in ("hair", "ears", "neck")},
}

# The prototype's file: two state dicts without names of classes, its layers numbered instead of named.
PROTOTYPE_KEYS = {"contour": "C", "completion": "G"}
PROTOTYPE_PARTS = ("background", "skin", "brows", "eyes", "nose", "lips")
PROTOTYPE_NAMES = (
    (r"^stem\.1\.0\.", "body.stem.conv."),
    (r"^stem\.1\.1\.", "body.stem.norm."),
    (r"^d\.(\d)\.(\d)\.0\.", r"body.down.\1.\2.conv."),
    (r"^d\.(\d)\.(\d)\.1\.", r"body.down.\1.\2.norm."),
    (r"^mid\.(\d)\.0\.", r"body.middle.\1.conv."),
    (r"^mid\.(\d)\.1\.", r"body.middle.\1.norm."),
    (r"^u\.(\d)\.(\d)\.0\.", r"body.up.\1.\2.conv."),
    (r"^u\.(\d)\.(\d)\.1\.", r"body.up.\1.\2.norm."),
    (r"^o\.0\.", "body.head."),
)


def _prototype_name(name: str) -> str:
    for pattern, replacement in PROTOTYPE_NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def source_of(content: dict[str, Any], kind: str) -> tuple[dict[str, Tensor], Sequence[str]]:
    """The weights that a checkpoint offers a network of this kind, and its parts."""
    if content.get("kind") == kind:
        return content["state"], content["config"].get("parts", ())
    if PROTOTYPE_KEYS.get(kind) in content:
        state = content[PROTOTYPE_KEYS[kind]]
        return {_prototype_name(k): v for k, v in state.items()}, PROTOTYPE_PARTS
    raise UserError(
        f"The checkpoint holds {content.get('kind', 'no network')!r}, not {kind!r}.",
        f"Give --init a {kind} checkpoint.",
    )


def channel_map(new: Sequence[str], old: Sequence[str]) -> list[int | None]:
    """For each new channel the old one to start from: of its own name, or of what it was part of."""
    place = {name: i for i, name in enumerate(old)}
    return [place.get(name, place.get(PARENTS.get(name, ""))) for name in new]


def copy_channels(target: Tensor, source: Tensor, axis: int, mapping: Sequence[int | None], group: int = 4) -> bool:
    """Copies whole channels along one axis in place; each is `group` entries wide (pixel shuffle by 2).

    Returns:
        whether the shapes allow it.
    """
    rest = [d for d in range(target.ndim) if d != axis]
    if target.ndim != source.ndim or any(target.shape[d] != source.shape[d] for d in rest):
        return False
    if target.shape[axis] != group * len(mapping) or source.shape[axis] % group:
        return False
    for new, old in enumerate(mapping):
        if old is not None and group * (old + 1) <= source.shape[axis]:
            target.narrow(axis, group * new, group).copy_(source.narrow(axis, group * old, group))
    return True


def warm_start(network: nn.Module, path: str | Path) -> int:
    """Copies every tensor that fits from a checkpoint into a network.

    A tensor fits if its name and shape do, or if it differs only in the channels of parts that were split or added.

    Returns:
        how many tensors were copied.

    Raises:
        UserError: the file is no checkpoint of this kind, or nothing in it fits.
    """
    kind = kind_of(network)
    state, old_parts = source_of(read_checkpoint(path), kind)
    parts = network.config.parts
    if kind == "completion":
        mapping = channel_map(("r", "g", "b", "mask", *parts[:-1]), ("r", "g", "b", "mask", *old_parts))
        axes = {"body.stem.conv.weight": 1}
    else:
        mapping = channel_map(("mask", *parts), ("mask", *old_parts))
        axes = {"body.head.weight": 0, "body.head.bias": 0}
    copied = 0
    with torch.no_grad():
        for name, target in network.state_dict().items():
            source = state.get(name)
            if source is None:
                continue
            if source.shape == target.shape:
                target.copy_(source)
                copied += 1
            elif name in axes:
                copied += copy_channels(target, source.to(target.dtype), axes[name], mapping)
    if not copied:
        raise UserError(
            f"Nothing in {path} fits the {kind} network: its layers have other shapes.", "Train without --init."
        )
    return copied
