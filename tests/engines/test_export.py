"""From a checkpoint to the one file of a network; needs torch and onnx."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from engines.engine import SPECS, digest  # noqa: E402
from engines.export import compare, export, main, to_onnx, write_weights  # noqa: E402
from engines.networks import ContourConfig, ContourNetwork, save_network  # noqa: E402
from engines.openvino_engine import open_openvino  # noqa: E402
from realtime.errors import UserError  # noqa: E402


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return ContourNetwork(ContourConfig(channels=(8, 8, 12, 16))).eval()


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save_network(folder / "checkpoint.pt", small)
    return export("contour", folder / "checkpoint.pt", folder / "weights")


def test_the_exported_file_can_be_opened_and_knows_its_hash(exported):
    hashes = json.loads((exported.parent / "hashes.json").read_text())
    assert hashes == {exported.name: digest(exported.read_bytes())}
    engine = open_openvino("contour", precision="f32", folder=exported.parent)
    found = engine.run(image=np.zeros(SPECS["contour"].inputs[0].shape, np.float32))
    np.testing.assert_allclose(found["parts"].sum(1), 1, atol=2e-3)


def test_weights_keep_their_names_and_are_half(exported, small):
    model = onnx.load(exported)
    found = {tensor.name: tensor for tensor in model.graph.initializer}
    wanted = {name for name, _ in small.named_parameters() if name.endswith("conv.weight")}
    assert wanted <= found.keys()
    assert all(found[name].data_type == onnx.TensorProto.FLOAT16 for name in wanted)


def test_inputs_and_outputs_are_float32_and_static(exported):
    model = onnx.load(exported)
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        assert all(dim.dim_value > 0 for dim in value.type.tensor_type.shape.dim)


def test_channels_are_picked_without_slices(exported):
    assert "Slice" not in {node.op_type for node in onnx.load(exported).graph.node}


def test_a_network_of_another_size_is_refused():
    with pytest.raises((UserError, RuntimeError)):
        to_onnx(ContourNetwork(ContourConfig(channels=(8, 8, 12, 16), parts=("skin", "eyeglasses"))), SPECS["contour"])


def test_errors_are_largest_and_mean():
    found = compare({"a": np.zeros(4)}, {"a": np.array([0, 0, 1, -3.0])})
    assert found == {"a": (3.0, 1.0)}


def test_writing_one_file_keeps_the_hashes_of_the_others(tmp_path):
    write_weights("a.onnx", b"a", tmp_path)
    write_weights("b.onnx", b"b", tmp_path)
    write_weights("a.onnx", b"c", tmp_path)
    assert json.loads((tmp_path / "hashes.json").read_text()) == {"a.onnx": digest(b"c"), "b.onnx": digest(b"b")}
    assert not list(tmp_path.glob("*.part"))


def test_a_missing_run_ends_with_two_lines(tmp_path, capsys):
    assert main(["contour", "--run", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2
