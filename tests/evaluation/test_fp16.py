"""FP16 as a GPU computes it: rounded after every layer, where the reference runtime forgets to."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from engines.engine import SPECS, NetworkSpec, TensorSpec, read_weights, shipped_networks  # noqa: E402
from engines.evaluation.half import OnnxEngine, in_float32, rounded  # noqa: E402

SHAPE = (1, 1, 2, 2)
SPEC = NetworkSpec(
    "tiny", (TensorSpec("image", SHAPE, -1, 1, "anything"),), (TensorSpec("same", SHAPE, -1, 1, "the same"),)
)


@pytest.fixture
def there_and_back():
    """Times 300 twice, then divided by it twice: in float16 the middle overflows for inputs above 0.73."""
    helper, single, half = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    weights = {"up": 300.0, "down": 1 / 300}
    nodes = [helper.make_node("Cast", ["image"], ["a"], to=half)]
    for step, weight in enumerate(("up", "up", "down", "down")):
        nodes.append(helper.make_node("Conv", ["abcd"[step], weight], ["bcde"[step]]))
    nodes.append(helper.make_node("Cast", ["e"], ["same"], to=single))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", single, SHAPE)],
        [helper.make_tensor_value_info("same", single, SHAPE)],
        [onnx.numpy_helper.from_array(np.full((1, 1, 1, 1), v, np.float16), name) for name, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def run(model, value):
    return OnnxEngine(SPEC, model).run(image=np.full(SHAPE, value, np.float32))


def test_the_reference_runtime_hides_an_overflow_and_rounding_shows_it(there_and_back):
    plain = run(onnx.load_from_string(there_and_back), 0.9)["same"]
    assert np.isfinite(plain).all(), "or the explicit rounding is not needed any more"
    assert np.isinf(run(rounded(there_and_back), 0.9)["same"]).all()


def test_float32_computes_what_float16_cannot(there_and_back):
    np.testing.assert_allclose(run(in_float32(there_and_back), 0.9)["same"], 0.9, rtol=2e-3)


def test_every_rounded_value_is_shown_and_is_a_float16(there_and_back):
    found = run(rounded(there_and_back, show_all=True), 0.1234567)
    assert found.keys() == {"same", *"abcde"}
    for name in "abcde":
        np.testing.assert_array_equal(found[name], found[name].astype(np.float16).astype(np.float32))


def test_extreme_inputs_are_within_the_spec():
    fp16 = pytest.importorskip("engines.evaluation.fp16")
    for spec in SPECS.values():
        names = set()
        for name, inputs in fp16.extremes(spec):
            names.add(name)
            for tensor in spec.inputs:
                assert inputs[tensor.name].shape == tensor.shape
                assert tensor.low <= inputs[tensor.name].min() <= inputs[tensor.name].max() <= tensor.high
        assert len(names) == (4 if len(spec.inputs) == 1 else 12)


def test_figures_of_two_like_outcomes_are_perfect():
    fp16 = pytest.importorskip("engines.evaluation.fp16")
    random = np.random.default_rng(0)
    mask = np.zeros((192, 192), bool)
    mask[60:120, 50:140] = True
    landmarks = random.uniform(40, 150, (478, 2)).astype(np.float32)
    complete = random.integers(0, 255, (192, 192, 3)).astype(np.uint8)
    one = fp16.Outcome(mask, np.zeros((128, 128), int), complete, landmarks, landmarks)
    found = fp16.figures(one, one, mask, np.ones_like(mask), landmarks)
    assert found["mask IoU between the two"] == found["iou FP16"] == 1
    assert found["landmarks between the two, %"] == found["drift FP16"] == 0
    rows = {name: [value] for name, value in (found | {"drift float32": 2.0, "drift FP16": 2.01}).items()}
    assert "drift: moves by +0.500 %" in fp16.table(rows, 1)


@pytest.mark.parametrize("name", sorted(shipped_networks()))
def test_no_value_of_a_shipped_network_overflows_on_a_white_and_a_black_image(name):
    engine = OnnxEngine(SPECS[name], rounded(read_weights(f"{name}.fp16.onnx"), show_all=True))
    for level in (-1.0, 1.0):
        inputs = {t.name: np.full(t.shape, np.clip(level, t.low, t.high), np.float32) for t in SPECS[name].inputs}
        found = engine.run(**inputs)
        assert len(found) > 40
        for value in found.values():
            assert np.abs(value).max() < 6550  # a tenth of the range; NaN fails, too
