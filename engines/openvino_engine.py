"""The networks on the CPU, by OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.engine import RESTORE, WEIGHTS, NetworkSpec, fill_inputs, get_spec, is_shipped, read_weights, with_side
from realtime.errors import UserError
from realtime.frames import Array

PRECISIONS = {"f32": "f32", "bf16": "bf16", "int8": "f32"}  # what the layers that are not int8 compute in


class OpenVinoEngine:
    """One compiled network with its input and output buffers."""

    device = "cpu"

    def __init__(
        self,
        spec: NetworkSpec,
        model: bytes,
        *,
        precision: str,
        why: str,
        threads: int = 1,
        made_for: NetworkSpec | None = None,
    ) -> None:
        """Compiles a network.

        Args:
            spec: names and shapes; the file must agree.
            model: the ONNX file's bytes.
            precision: a key of `PRECISIONS`; set explicitly since OpenVINO picks bf16 by itself where it can.
            why: one line for the user.
            threads: for one inference.
            made_for: the spec of the file, where `spec` has crops of another side.
        """
        import openvino

        self.spec, self.precision, self.why = spec, precision, why
        try:
            read = openvino_core().read_model(model=model, weights=b"")
            if made_for is not None:
                _reshape(read, spec, made_for)
        except RuntimeError as error:
            raise UserError(f"OpenVINO cannot read the {spec.name} network.", RESTORE) from error
        compiled = openvino_core().compile_model(
            read,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": 1,
                "ENABLE_CPU_PINNING": False,  # the renderer and the decoder want the same cores
            },
        )
        self._request = compiled.create_infer_request()
        self._inputs = {tensor.name: np.zeros(tensor.shape, np.float32) for tensor in spec.inputs}
        self._outputs = {tensor.name: np.zeros(tensor.shape, np.float32) for tensor in spec.outputs}
        try:
            for name, buffer in (self._inputs | self._outputs).items():
                self._request.set_tensor(name, openvino.Tensor(buffer, shared_memory=True))
        except RuntimeError as error:
            raise UserError(f"The {spec.name} network's file does not have the inputs of its spec.", RESTORE) from error

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The buffers that `run` reads."""
        return self._inputs

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """Computes the outputs from the input buffers, into which `arrays` are copied first.

        Returns:
            Output buffers by name: the next call overwrites them.
        """
        fill_inputs(self.spec, self._inputs, arrays)
        self._request.infer()
        return self._outputs


def _reshape(model: Any, spec: NetworkSpec, made_for: NetworkSpec) -> None:
    """Makes a read network take crops of the side of `spec`, in place."""
    from openvino import PartialShape, opset13

    old, new = (s.inputs[0].shape[-1] for s in (made_for, spec))

    def adapted(values: NDArray) -> NDArray:
        # A whole side is counted down to mirror it; pixel-unshuffle and the guide are written down at half a side.
        return np.arange(new)[::-1] if len(values) == old else np.where(values == old // 2, new // 2, values)

    for op in model.get_ops():
        if op.get_type_name() not in ("Reshape", "Interpolate", "Gather"):
            continue
        target = op.input_value(1).get_node()
        inputs = target.inputs() if target.get_type_name() == "Concat" else [op.input(1)]
        for port in inputs:
            constant = port.get_source_output().get_node()
            values = constant.get_data() if constant.get_type_name() == "Constant" else np.zeros(0)
            if values.ndim == 1 and np.issubdtype(values.dtype, np.integer):
                port.replace_source_output(opset13.constant(adapted(values).astype(values.dtype)).output(0))
    shapes = {tensor.name: tensor.shape for tensor in spec.inputs}
    for parameter in model.get_parameters():
        parameter.set_partial_shape(PartialShape(list(shapes[parameter.get_friendly_name()])))
    model.validate_nodes_and_infer_types()


@cache
def openvino_core() -> Any:
    """The one OpenVINO runtime of this process; nothing is cached on disk."""
    import openvino

    return openvino.Core()


def cpu_capabilities() -> frozenset[str]:
    """What OpenVINO says this CPU computes in, e.g. {"FP32", "BF16", "INT8"}."""
    return frozenset(openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def choose_precision(capabilities: frozenset[str], has_int8: bool) -> tuple[str, str]:
    """The precision for a CPU, and why.

    Args:
        capabilities: as `cpu_capabilities`.
        has_int8: whether an int8 file is shipped for the network; it is only where int8 is nearly as good.
    """
    if has_int8 and "INT8" in capabilities:
        return "int8", "the int8 file is the fastest here"
    missing = "there is no int8 file" if not has_int8 else "this CPU has no int8"
    if "BF16" in capabilities:
        return "bf16", f"this CPU computes in bf16, and {missing}"
    return "f32", f"this CPU has no bf16, and {missing}"


def open_openvino(
    network: str, *, precision: str = "auto", threads: int = 1, folder: Path = WEIGHTS, side: int | None = None
) -> OpenVinoEngine:
    """Loads, checks and compiles a network for the CPU.

    Args:
        network: a name in `engines.engine.SPECS`.
        precision: "auto", or a key of `PRECISIONS`.
        threads: for one inference.
        folder: where the weights lie.
        side: px of the crops, where a fully convolutional network shall see others than its spec's.
    """
    spec = get_spec(network) if side is None else with_side(get_spec(network), side)
    if precision == "auto":
        precision, reason = choose_precision(cpu_capabilities(), is_shipped(f"{network}.int8.onnx", folder))
    elif precision in PRECISIONS:
        reason = "asked for"
    else:
        raise UserError(f"There is no precision named {precision!r}.", f"Choose one of auto, {', '.join(PRECISIONS)}.")
    file = f"{network}.{'int8' if precision == 'int8' else 'fp16'}.onnx"
    threads_text = f"{threads} thread{'s' if threads > 1 else ''}"
    why = f"{network}: OpenVINO on the CPU, {precision}, {threads_text} ({reason})"
    made_for = None if side is None else get_spec(network)
    return OpenVinoEngine(
        spec, read_weights(file, folder), precision=precision, why=why, threads=threads, made_for=made_for
    )
