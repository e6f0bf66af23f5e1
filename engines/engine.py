"""What the loop asks of a network: named arrays in, named arrays out, whoever computes them.

Every network is one file of static shapes (see `SPECS`) for every device. Cutting, resizing and the way from
uint8 and back are not in these files: `realtime.unocclude` and `realtime.pixels` do them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from realtime.errors import UserError
from realtime.frames import PART_NAMES, Array

WEIGHTS = Path(__file__).parent / "weights"
HASHES = "hashes.json"  # file name -> SHA-256; `engines.export` and `engines.quantize` keep it
DEVICES = ("auto", "cpu", "gpu")

CONTOUR_SIZE = 128  # px, the side of the crops that the contour and the regression network see
COMPLETION_SIZE = 192  # px, the side of the crops that are completed
# px, of the crops that are seen in stills, every second one mirrored: the contour network loses thin frames at 128, and
# what it does not see at 256; to the completion network the whole face is nearer together at 128 and 160.
STILL_SIDES = {"contour": (192, 224, 160, 192, 224), "completion": (192, 128, 160, 192)}
RESTORE = "Restore the file with git, or make it again: python -m engines.export --help."


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a network: float32, NCHW where it is an image."""

    name: str
    shape: tuple[int, ...]
    low: float  # the range of its values
    high: float
    meaning: str


@dataclass(frozen=True)
class NetworkSpec:
    """What goes into a network's file and what comes out."""

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def _image(name: str, side: int, meaning: str) -> TensorSpec:
    return TensorSpec(name, (1, 3, side, side), -1.0, 1.0, f"RGB, {meaning}")


_PARTS = TensorSpec(
    "parts", (1, len(PART_NAMES), CONTOUR_SIZE, CONTOUR_SIZE), 0.0, 1.0, "probability of each part of the complete face"
)
_UNBOUNDED = float("inf")

SPECS = {
    "contour": NetworkSpec(
        "contour",
        inputs=(_image("image", CONTOUR_SIZE, "the crop as the camera saw it"),),
        outputs=(
            TensorSpec(
                "mask", (1, 1, CONTOUR_SIZE, CONTOUR_SIZE), 0.0, 1.0, "probability that a foreign thing is in front"
            ),
            _PARTS,
        ),
    ),
    "completion": NetworkSpec(
        "completion",
        inputs=(
            _image("image", COMPLETION_SIZE, "the crop as the camera saw it"),
            TensorSpec("mask", (1, 1, COMPLETION_SIZE, COMPLETION_SIZE), 0.0, 1.0, "1 where a pixel is to be painted"),
            _PARTS,
        ),
        outputs=(_image("complete", COMPLETION_SIZE, "the painting, visible pixels included"),),
    ),
    "regression": NetworkSpec(
        "regression",
        inputs=(_image("image", CONTOUR_SIZE, "the completed crop"),),
        outputs=(
            TensorSpec("identity", (1, 80), -_UNBOUNDED, _UNBOUNDED, "standard deviations"),
            TensorSpec("expression", (1, 52), 0.0, 1.0, "ARKit blendshapes"),
            TensorSpec("albedo", (1, 40), -_UNBOUNDED, _UNBOUNDED, "standard deviations"),
            TensorSpec("light", (1, 27), -_UNBOUNDED, _UNBOUNDED, "spherical harmonics, linear RGB"),
            TensorSpec("pose", (1, 9), -_UNBOUNDED, _UNBOUNDED, "see realtime.regressed.CropPose"),
            TensorSpec("landmarks", (1, 478, 2), -_UNBOUNDED, _UNBOUNDED, "crop widths, MediaPipe's order"),
            TensorSpec("bump", (1, 1, CONTOUR_SIZE, CONTOUR_SIZE), -_UNBOUNDED, _UNBOUNDED, "mm along the normal"),
        ),
    ),
}


class Engine(Protocol):
    """A network ready to run. One thread at a time may use it."""

    spec: NetworkSpec
    device: str  # "cpu" or "gpu"
    precision: str  # "int8", "bf16", "f32" or "fp16"
    why: str  # "NETWORK: WHAT RUNS IT (REASON; REASON)": one line; what is said of a GPU comes last

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The buffers that `run` reads; what is written straight into them need not be handed over."""
        ...

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """Computes the outputs. The arrays returned are buffers: the next call overwrites them."""
        ...


def get_spec(network: str) -> NetworkSpec:
    """The spec of a network by name."""
    if network not in SPECS:
        raise UserError(f"There is no network named {network!r}.", f"Choose one of {', '.join(SPECS)}.")
    return SPECS[network]


def with_side(spec: NetworkSpec, side: int) -> NetworkSpec:
    """The spec of a fully convolutional network for crops of another side (px); what is of no crop's size stays."""
    old = spec.inputs[0].shape[-1]

    def resized(tensors: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
        return tuple(
            replace(tensor, shape=(*tensor.shape[:2], side, side)) if tensor.shape[-1] == old else tensor
            for tensor in tensors
        )

    return replace(spec, inputs=resized(spec.inputs), outputs=resized(spec.outputs))


def check_array(spec: TensorSpec, array: Array) -> None:
    """Raises ValueError, with what was expected and what came, unless `array` fits."""
    if tuple(array.shape) == spec.shape and array.dtype == np.float32:
        return
    hint = ""
    if array.ndim == 3 or (array.ndim == 4 and len(spec.shape) == 4 and array.shape[-1] == spec.shape[1]):
        hint = " (layout NCHW: a batch of one first, channels before rows)"
    elif array.dtype != np.float32:
        hint = " (convert it: pixels are scaled to the range, not cast)"
    raise ValueError(
        f"{spec.name}: expected float32 {spec.shape} in [{spec.low:g}, {spec.high:g}], "
        f"got {array.dtype} {tuple(array.shape)}{hint}"
    )


def device_line(why: str) -> str:
    """What runs a network and, where it might have been a GPU, why it is not: an engine's `why`, shortened."""
    what, _, reasons = why.partition(" (")
    last = reasons.removesuffix(")").rpartition("; ")[2]
    return f"{what}; {last}" if "GPU" in last else what


def fill_inputs(spec: NetworkSpec, buffers: Mapping[str, Array], arrays: Mapping[str, Array]) -> None:
    """Copies arrays into a network's input buffers; one that is the buffer itself is there already.

    Raises:
        ValueError: an array does not fit, or there is no such input.
    """
    names = [tensor.name for tensor in spec.inputs]
    for name in arrays:
        if name not in names:
            raise ValueError(f"{spec.name} has no input {name!r}: it has {', '.join(names)}")
    for tensor in spec.inputs:
        array = arrays.get(tensor.name)
        if array is not None and array is not buffers[tensor.name]:
            check_array(tensor, array)
            np.copyto(buffers[tensor.name], array)


def digest(content: bytes) -> str:
    """The SHA-256 of a weight file's bytes, as `hashes.json` holds it."""
    return hashlib.sha256(content).hexdigest()


def read_weights(name: str, folder: Path = WEIGHTS) -> bytes:
    """The bytes of one weight file, unless it is missing or not the one that was shipped.

    Args:
        name: file name in `folder`, e.g. "contour.fp16.onnx".
        folder: where it and `hashes.json` lie.
    """
    try:
        known = json.loads((folder / HASHES).read_text())
        content = (folder / name).read_bytes()
    except (OSError, ValueError) as error:
        raise UserError(
            f"The weight file {name} is missing from {folder} ({type(error).__name__}).", RESTORE
        ) from error
    if known.get(name) != digest(content):
        raise UserError(f"The weight file {folder / name} is damaged: its hash is not the one in {HASHES}.", RESTORE)
    return content


def is_shipped(name: str, folder: Path = WEIGHTS) -> bool:
    """Whether a weight file is listed in `hashes.json`; one that is listed but missing is an error at load."""
    try:
        return name in json.loads((folder / HASHES).read_text())
    except (OSError, ValueError):
        return False


def choose_engine(
    network: str, device: str = "auto", *, precision: str = "auto", threads: int = 1, side: int | None = None
) -> Engine:
    """The fastest engine for a network on this machine; its `why` explains the choice in one line.

    Args:
        network: a name in `SPECS`.
        device: "auto", "cpu" or "gpu".
        precision: "auto", or "f32" where results must not depend on the machine; a GPU computes in FP16 only, and is
            used with another one only if it was asked for.
        threads: of the CPU, for one inference.
        side: px of the crops, where they are not of the spec's; for the CPU only.

    Raises:
        UserError: unknown names, missing or damaged weights, or a GPU was asked for and there is no engine for it.
    """
    get_spec(network)
    if device not in DEVICES:
        raise UserError(f"There is no device named {device!r}.", f"Choose one of {', '.join(DEVICES)}.")
    from engines.openvino_engine import open_openvino

    cpu = partial(open_openvino, network, precision=precision, threads=threads, side=side)
    # FP16 on a GPU is another precision than the one that was asked for, and depends on the machine.
    if device == "cpu" or (device == "auto" and precision != "auto"):
        return cpu()
    from engines.gpu.cuda import GpuError
    from engines.gpu.opening import open_on_gpu

    try:
        return open_on_gpu(network, cpu)
    except GpuError as error:
        if device == "gpu":
            raise UserError(
                f"The GPU cannot be used: {error}.",
                "Leave out --device gpu to use the CPU; python -m engines doctor says more.",
            ) from error
        engine = cpu()
        engine.why = f"{engine.why.removesuffix(')')}; no GPU: {error})"
        return engine


@cache
def shipped_networks(folder: Path = WEIGHTS) -> frozenset[str]:
    """Which of `SPECS` have weights in this copy of the program."""
    return frozenset(name for name in SPECS if is_shipped(f"{name}.fp16.onnx", folder))
