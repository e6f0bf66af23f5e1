"""A network small enough to know its answers: doubled = 2 x, negative = -x."""

import numpy as np
import pytest

from engines import engine
from engines.engine import NetworkSpec, TensorSpec

SHAPE = (1, 3, 4, 4)


@pytest.fixture
def spec():
    def tensor(name):
        return TensorSpec(name, SHAPE, -1.0, 1.0, "anything")

    return NetworkSpec("tiny", inputs=(tensor("image"),), outputs=(tensor("doubled"), tensor("negative")))


@pytest.fixture
def tiny_onnx(spec):
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    two = onnx.numpy_helper.from_array(np.float32([2]), "two")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "two"], ["doubled"]), helper.make_node("Neg", ["image"], ["negative"])],
        "tiny",
        [helper.make_tensor_value_info(t.name, kind, t.shape) for t in spec.inputs],
        [helper.make_tensor_value_info(t.name, kind, t.shape) for t in spec.outputs],
        [two],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


@pytest.fixture
def weights(tmp_path, spec, tiny_onnx, monkeypatch):
    """A folder of weights that holds the tiny network, known to the program."""
    import json

    monkeypatch.setitem(engine.SPECS, "tiny", spec)
    (tmp_path / "tiny.fp16.onnx").write_bytes(tiny_onnx)
    (tmp_path / engine.HASHES).write_text(json.dumps({"tiny.fp16.onnx": engine.digest(tiny_onnx)}))
    return tmp_path
