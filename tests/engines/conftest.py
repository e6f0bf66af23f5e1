"""A network small enough to know its answers: doubled = 2 x, negative = -x."""

import importlib
import os
import sys
from functools import cache

import numpy as np
import pytest
from fake_gpu import FakeGpu, FakeTensorRt

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


@cache
def _reference(name, precision):
    """The CPU's engine, compiled once for all tests."""
    from engines.openvino_engine import open_openvino

    return open_openvino(name, precision=precision)


class Machine:
    """A computer with a made-up GPU and both TensorRT packages; the parts can be broken or taken out."""

    def __init__(self, monkeypatch, cache):
        from engines.gpu import opening

        self._patch, self.cache = monkeypatch, cache
        self.gpu = FakeGpu()
        self.rtx = FakeTensorRt(self.gpu, "tensorrt_rtx", "1.7.1.116")
        self.classic = FakeTensorRt(self.gpu, "tensorrt", "10.16.1.11")
        for name, module in {
            "cuda.bindings.runtime": self.gpu,
            "tensorrt_rtx": self.rtx,
            "tensorrt": self.classic,
        }.items():
            monkeypatch.setitem(sys.modules, name, module)
        opening.gpus.cache_clear()

    def without(self, *modules):
        """Takes packages out."""
        for name in modules:
            self._patch.setitem(sys.modules, name, None)  # import says ModuleNotFoundError

    def files(self, kind):
        return sorted(self.cache.glob(f"*-{kind}-*"))


@pytest.fixture
def machine(monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime")
    from engines.gpu import opening, self_check, session

    monkeypatch.setattr(session, "cache_folder", lambda: tmp_path / "cache")
    crops = self_check.stored_crops()[[0, 4]]  # two are enough for a made-up GPU
    monkeypatch.setattr(self_check, "stored_crops", lambda: crops)
    monkeypatch.setattr(self_check, "open_openvino", _reference)
    yield Machine(monkeypatch, tmp_path / "cache")
    opening.gpus.cache_clear()


@pytest.fixture
def open_tiny(machine, weights, monkeypatch):
    """Opens the tiny network as `choose_engine` would, with the CPU behind it."""
    from engines.engine import read_weights
    from engines.gpu import opening, self_check
    from engines.openvino_engine import open_openvino

    monkeypatch.setattr(opening, "read_weights", lambda name: read_weights(name, weights))
    monkeypatch.setattr(self_check, "open_openvino", lambda name, precision: open_openvino(name, folder=weights))
    return lambda: opening.open_on_gpu("tiny", lambda: open_openvino("tiny", precision="f32", folder=weights))


@pytest.fixture(scope="session")
def require_tensorrt_rtx():
    """Skips without the `gpu` extra; where it must be there (`.ci/run`) that is a failure."""
    if os.environ.get("CONTOURFACE_REQUIRE_TENSORRT"):
        for name in ("tensorrt_rtx", "cuda.bindings.runtime"):
            importlib.import_module(name)
    pytest.importorskip("tensorrt_rtx", reason="needs the gpu extra: make test EXTRAS=test,gpu")
    pytest.importorskip("cuda.bindings.runtime", reason="needs the gpu extra: make test EXTRAS=test,gpu")
