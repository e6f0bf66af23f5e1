"""Every network compiles to a real TensorRT-RTX FP16 engine for every GPU from Turing to Blackwell, with none here."""

import pytest

from engines.build import LayerOutput, build_engine, float32_layers, kept_in_float32, not_half
from engines.engine import SPECS, shipped_networks
from engines.gpu.chain import STAGES, model_of
from engines.gpu.cuda import GpuError
from engines.gpu.packages import Package, load_package, release

CAPABILITIES = [(7, 5), (8, 0), (8, 6), (8, 9), (12, 0)]  # RTX 20, A100, RTX 30, RTX 40, RTX 50
GRAPHS = [stage.name for stage in STAGES if stage.name not in SPECS]
MOST_BYTES_PER_WEIGHT = 3  # two for the weights, the rest for kernels; float32 would need four


@pytest.fixture(scope="module")
def package(require_tensorrt_rtx) -> Package:
    return load_package("tensorrt_rtx")


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda each: "sm{}{}".format(*each))
@pytest.mark.parametrize("network", sorted(shipped_networks()))
def test_every_shipped_network_compiles_to_fp16(package, network, capability, capsys):
    onnx = pytest.importorskip("onnx")
    model = model_of(network)
    built = build_engine(package, model, capability)
    weights = sum(
        onnx.numpy_helper.to_array(tensor).size
        for tensor in onnx.load_from_string(model).graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT16
    )
    assert float32_layers(network, built) == []
    assert sum(one.dtype == "HALF" for one in built.layers) > 20
    assert len(built.engine) < MOST_BYTES_PER_WEIGHT * weights
    with capsys.disabled():
        sm, size = "{}.{}".format(*capability), len(built.engine) / 1e6
        print(f"\n{package}: {network} for SM {sm}: {size:.1f} MB in {built.seconds:.2f} s", end="")


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda each: "sm{}{}".format(*each))
@pytest.mark.parametrize("graph", GRAPHS)
def test_the_graphs_between_them_compile_too(package, graph, capability):
    built = build_engine(package, model_of(graph), capability)
    assert {one.dtype for one in built.layers} <= {"FLOAT", "UINT8", "BOOL", "INT64", "INT32"}


@pytest.mark.parametrize("network", SPECS)
def test_whatever_stays_in_float32_is_named_with_its_reason(network):
    kept = kept_in_float32(SPECS[network])
    assert kept.keys() == {tensor.name for tensor in SPECS[network].outputs}
    assert all(kept.values())


def test_a_layer_in_float32_would_be_found():
    half = LayerOutput("conv", "CONVOLUTION", "x", "HALF")
    single = LayerOutput("conv", "CONVOLUTION", "y", "FLOAT")
    whole = LayerOutput("shape", "SHAPE", "z", "INT64")
    assert not_half((half, single, whole), {}) == [single]
    assert not_half((half, single, whole), {"y": "why"}) == []


def test_a_float32_network_would_be_found(package, tiny_onnx):
    built = build_engine(package, tiny_onnx, (8, 9))
    assert [one.tensor for one in not_half(built.layers, {}) if one.kind != "CONSTANT"]


def test_turing_is_asked_for_by_name(package):
    """An engine for the others is not one for Turing: TensorRT-RTX leaves it out unless it is named."""
    turing, ada = (build_engine(package, model_of("prepare"), capability).engine for capability in ((7, 5), (8, 9)))
    assert turing != ada
    assert set(CAPABILITIES) <= set(package.capabilities())


def test_data_centre_gpus_are_left_to_the_other_package(package):
    assert not package.supports((9, 0))
    with pytest.raises(GpuError, match=r"no kernels for GPUs of compute capability 9\.0"):
        build_engine(package, model_of("prepare"), (9, 0))


def test_a_file_that_is_no_network_is_one_line(package):
    with pytest.raises(GpuError, match="cannot read the network") as caught:
        build_engine(package, b"not an ONNX file", (8, 9))
    assert "\n" not in str(caught.value)


def test_versions_are_compared_as_numbers():
    assert release("10.16.1.11") > release("10.2") > release("9.99") > release("dev")
