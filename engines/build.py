"""Compiles the shipped FP16 networks for a GPU: ONNX file -> TensorRT engine.

Nothing is left to TensorRT as to precision: the file is float16 and the network is strongly typed, so that every
layer computes in the type that the file says. A flag that merely allows FP16 once built float32 without a word, and
TensorRT 11 has no such flag any more.

Shapes are static and the batch is one face. Several faces are a loop over one captured graph: a batch would need an
optimisation profile, addresses that change with the number of faces and a graph per number, to save some launches.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from engines.engine import SPECS, NetworkSpec
from engines.gpu.cuda import GpuError
from engines.gpu.packages import MessageKeeper, Package

RECIPE = 1  # counts up whenever this file would build another engine from the same network
EDGE = "the cast to the caller's float32 at the edge; TensorRT fuses it into the layer before"


@dataclass(frozen=True)
class LayerOutput:
    """What one layer of a network as TensorRT read it computes."""

    layer: str
    kind: str  # e.g. "CONVOLUTION"
    tensor: str
    dtype: str  # e.g. "HALF"


@dataclass(frozen=True)
class Built:
    """A compiled engine."""

    engine: bytes
    layers: tuple[LayerOutput, ...]
    seconds: float
    timing: bytes = b""  # classic TensorRT: what it learned, for the next build


def kept_in_float32(spec: NetworkSpec) -> dict[str, str]:
    """Tensors of a network that may be float32 though it computes in float16: name -> why."""
    return {tensor.name: EDGE for tensor in spec.outputs}


def not_half(layers: tuple[LayerOutput, ...], kept: dict[str, str]) -> list[LayerOutput]:
    """The floating-point outputs that are not float16 and are not listed in `kept`."""
    return [one for one in layers if one.dtype in ("FLOAT", "BF16") and one.tensor not in kept]


def build_engine(package: Package, model: bytes, capability: tuple[int, int], timing: bytes = b"") -> Built:
    """Compiles a network.

    TensorRT-RTX compiles for the named compute capability with no GPU at hand. Turing (7.5) is not among what it
    would choose by itself; named, it is. Classic TensorRT measures on this machine's GPU and compiles for that.

    Args:
        package: which TensorRT.
        model: the ONNX file's bytes.
        capability: of the GPU, e.g. (8, 9).
        timing: `Built.timing` of an earlier build on the same GPU.

    Raises:
        GpuError: the package cannot read the file or cannot compile it.
    """
    trt, logger = package.module, package.logger()
    started = time.perf_counter()
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        reason = parser.get_error(0).desc() if parser.num_errors else logger.last
        raise GpuError(f"{package} cannot read the network: {reason}")
    config = builder.create_builder_config()
    if package.is_rtx:
        _aim_at(package, config, capability, logger)
    else:
        _use_timing(config, timing)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise GpuError(f"{package} cannot compile the network: {logger.last}")
    learned = b"" if package.is_rtx else bytes(config.get_timing_cache().serialize())
    return Built(bytes(engine), _layers(network), time.perf_counter() - started, learned)


def _aim_at(package: Package, config: Any, capability: tuple[int, int], logger: MessageKeeper) -> None:
    """Names the one compute capability to compile for."""
    target = package.compute_capability(capability)
    config.num_compute_capabilities = 1
    if not config.set_compute_capability(target, 0):
        raise GpuError(f"{package} does not take the compute capability {target.name}: {logger.last}")


def _use_timing(config: Any, timing: bytes) -> None:
    """Starts from what was measured before; with what cannot be used, from nothing."""
    cache = config.create_timing_cache(timing) or config.create_timing_cache(b"")
    config.set_timing_cache(cache, False)


def _layers(network: Any) -> tuple[LayerOutput, ...]:
    """All outputs of all layers."""
    found = []
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        for number in range(layer.num_outputs):
            tensor = layer.get_output(number)
            found.append(LayerOutput(layer.name, layer.type.name, tensor.name, tensor.dtype.name))
    return tuple(found)


def float32_layers(network: str, built: Built) -> list[LayerOutput]:
    """What of a shipped network would compute in another float than FP16, against the rule."""
    return not_half(built.layers, kept_in_float32(SPECS[network]))
