"""The networks on an NVIDIA GPU, by TensorRT in FP16."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engines.engine import NetworkSpec, fill_inputs
from engines.gpu.cuda import GpuError
from engines.gpu.session import Gpu, Row
from realtime.frames import Array


class TensorRtEngine:
    """One network on the GPU, with pinned input and output buffers.

    Args:
        spec: names and shapes; the file must agree.
        model: the FP16 ONNX file's bytes.
        gpu: where it runs.
        graph: whether to use CUDA graphs.

    Raises:
        GpuError: it cannot be built, loaded or run there.
    """

    device = "gpu"
    precision = "fp16"

    def __init__(self, spec: NetworkSpec, model: bytes, gpu: Gpu, graph: bool = True) -> None:
        self.spec, self.gpu = spec, gpu
        self.why = f"{spec.name}: {gpu}, fp16"
        program = gpu.load(spec.name, model, graph)
        check_tensors(spec, {name: tensor.shape for name, tensor in program.tensors.items()})
        buffers = {
            tensor.name: gpu.cuda.allocate(tensor.shape, np.float32, pinned=True)
            for tensor in spec.inputs + spec.outputs
        }
        for name, buffer in buffers.items():
            program.bind(name, buffer.address)
        inputs = [buffers[tensor.name] for tensor in spec.inputs]
        outputs = [buffers[tensor.name] for tensor in spec.outputs]
        self._inputs = {t.name: b.pinned for t, b in zip(spec.inputs, inputs, strict=True)}
        self._outputs = {t.name: b.pinned for t, b in zip(spec.outputs, outputs, strict=True)}
        self._row = Row(gpu, inputs, [program], outputs, graph)

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The pinned buffers that `run` reads."""
        return self._inputs

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """Computes the outputs from the input buffers, into which `arrays` are copied first.

        Returns:
            Output buffers by name: the next call overwrites them.

        Raises:
            GpuError: the GPU is lost.
        """
        fill_inputs(self.spec, self._inputs, arrays)
        self._row.run()
        return self._outputs


def check_tensors(spec: NetworkSpec, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raises GpuError unless an engine's tensors are those of the spec."""
    expected = {tensor.name: tensor.shape for tensor in spec.inputs + spec.outputs}
    if shapes != expected:
        odd = sorted(name for name in expected.keys() | shapes.keys() if expected.get(name) != shapes.get(name))
        raise GpuError(f"the engine of the {spec.name} network does not have the {', '.join(odd)} of its spec")
