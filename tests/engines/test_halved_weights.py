"""What `engines.quantize` does to a model besides quantising it."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("torch")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from engines.quantize import LARGE, halve_weights  # noqa: E402


def linear_model(inputs, outputs):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(inputs, outputs)).astype(np.float32)
    bias = rng.normal(size=outputs).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "weight", "bias"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, outputs])],
        [numpy_helper.from_array(weights, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_large_weights_are_stored_in_half_and_compute_the_same():
    model = linear_model(200, LARGE // 200)
    x = np.random.default_rng(1).normal(size=(1, 200)).astype(np.float32)
    expected = ReferenceEvaluator(model).run(None, {"x": x})[0]
    before = model.ByteSize()
    halve_weights(model)
    onnx.checker.check_model(model, full_check=True)
    assert model.ByteSize() < 0.55 * before
    found = ReferenceEvaluator(model).run(None, {"x": x})[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert not np.array_equal(found, expected)


def test_small_weights_stay_as_they_are():
    model = linear_model(20, 20)
    before = model.SerializeToString()
    halve_weights(model)
    assert model.SerializeToString() == before
