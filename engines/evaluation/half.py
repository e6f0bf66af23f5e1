"""A shipped FP16 network as it computes on a GPU, and the same network in float32, both for ONNX Runtime.

ONNX Runtime's CPU kernels compute an FP16 file in float32 and forget the rounding between two layers: a value that
overflows in the middle comes out right in the end. Here it is rounded to float16 after every layer, explicitly, while
a layer sums up in float32, as tensor cores do.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from engines.engine import NetworkSpec
from realtime.frames import Array

HALF, SINGLE = TensorProto.FLOAT16, TensorProto.FLOAT


def in_float32(content: bytes) -> onnx.ModelProto:
    """The network with the same weights and everything in float32."""
    model = onnx.load_from_string(content)
    for tensor in model.graph.initializer:
        _widen(tensor)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                _widen(attribute.t)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == HALF:
                attribute.i = SINGLE
    del model.graph.value_info[:]
    return model


def rounded(content: bytes, show_all: bool = False) -> onnx.ModelProto:
    """The network in float32 with every layer's result rounded to float16.

    Args:
        content: the FP16 ONNX file.
        show_all: every rounded value is an output.
    """
    half = _half_values(content)
    model = in_float32(content)
    inputs = {value.name for value in model.graph.input}
    outputs = {value.name for value in model.graph.output}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        for index, name in enumerate(node.output):
            if name not in half or name in inputs:
                continue
            raw = f"{name}/unrounded"
            node.output[index] = raw
            nodes.append(helper.make_node("Cast", [raw], [f"{name}/half"], to=HALF))
            nodes.append(helper.make_node("Cast", [f"{name}/half"], [name], to=SINGLE))
            if show_all and name not in outputs:
                model.graph.output.append(helper.make_tensor_value_info(name, SINGLE, None))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _half_values(content: bytes) -> set[str]:
    """The names of all values that are float16 in the file."""
    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(content)).graph
    return {value.name for value in graph.value_info if value.type.tensor_type.elem_type == HALF}


def _widen(tensor: onnx.TensorProto) -> None:
    """float16 -> float32, in place."""
    if tensor.data_type == HALF:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))


class OnnxEngine:
    """A network in ONNX Runtime, with the interface of an engine as far as it is measured here."""

    def __init__(self, spec: NetworkSpec, model: onnx.ModelProto) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # its notes on outputs without a shape
        self.spec = spec
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.names = [output.name for output in self._session.get_outputs()]

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """All outputs; fresh arrays."""
        return dict(zip(self.names, self._session.run(self.names, arrays), strict=True))
