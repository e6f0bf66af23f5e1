"""The shipped networks in a row on a made-up GPU that really computes: as the CPU one by one, with nothing between."""

import logging

import numpy as np
import pytest

from engines.engine import SPECS, choose_engine, shipped_networks
from engines.gpu import opening
from engines.gpu.chain import DOWNLOADS, UPLOADS, Chain, model_of
from engines.gpu.cuda import GpuError
from engines.gpu.opening import gpus, open_chain
from engines.gpu.self_check import check_chain, check_engine, image_input, stored_crops
from engines.openvino_engine import open_openvino
from realtime.blending import blend, grow, margin, seam
from realtime.pixels import read_image
from realtime.seen import MASK_GROWN

ort = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.skipif(not {"contour", "completion"} <= shipped_networks(), reason="no weights are shipped")


def run(name, **inputs):
    session = ort.InferenceSession(model_of(name), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def smooth(shape, seed=0):
    import cv2

    return cv2.resize(np.random.default_rng(seed).random((12, 12), np.float32), shape[::-1])


# The small graphs between the networks, against what the CPU does.


def test_prepare_is_the_cpus_way_into_the_networks():
    crop = stored_crops()[4]
    found = run("prepare", crop=crop[None])
    np.testing.assert_array_equal(found["image"], image_input(crop, 192))
    # The CPU rounds the smaller picture to bytes; this does not.
    assert np.abs(found["small"] - image_input(crop, 128)).max() <= 0.63 / 127.5


@pytest.mark.parametrize("carried", [False, True])
def test_cover_decides_as_the_cpu_does(carried):
    import cv2

    small, before = smooth((128, 128)), (smooth((192, 192), 1) > 0.5).astype(np.float32)
    given = before if carried else np.full((192, 192), 0.5, np.float32)
    found = run("cover", mask=small[None, None], before=given[None, None])
    probability = cv2.resize(small, (192, 192), interpolation=cv2.INTER_LINEAR)
    mask = (margin(probability, before if carried else None) > 0).astype(np.float32)
    np.testing.assert_allclose(found["probability"][0, 0], probability, atol=1e-6)
    np.testing.assert_array_equal(found["cover"][0, 0], mask)
    np.testing.assert_array_equal(found["hole"][0, 0], grow(mask, MASK_GROWN))


def test_blend_paints_as_the_cpu_does():
    import cv2

    crop, mask = stored_crops()[4], (smooth((192, 192)) > 0.6).astype(np.float32)
    painted = np.random.default_rng(0).uniform(-1, 1, (1, 3, 192, 192)).astype(np.float32)
    found = run("blend", image=image_input(crop, 192), complete=painted, cover=mask[None, None])
    np.testing.assert_array_equal(found["painting"][0], read_image(painted))
    whole = blend(crop, read_image(painted), seam(mask))
    small = cv2.resize(whole, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(found["completed"] - image_input(small, 128)).max() <= 1.5 / 127.5  # bytes, rounded twice


def test_the_stored_graphs_are_what_their_script_writes():
    pytest.importorskip("onnx")
    from engines.gpu import write_graphs

    for make in (write_graphs.prepare, write_graphs.cover, write_graphs.blend):
        model = make()
        assert model.SerializeToString() == model_of(model.graph.name)


# The chain.


class Mistaken:
    """The CPU's contour network with a mistake in how it is fed or read."""

    def __init__(self, feed=lambda x: x, read=lambda x: x):
        self._engine, self._feed, self._read = open_openvino("contour", precision="f32"), feed, read
        self.spec = self._engine.spec

    def run(self, image):
        found = self._engine.run(image=np.ascontiguousarray(self._feed(image)))
        return {"mask": found["mask"], "parts": self._read(found["parts"])}


@pytest.mark.parametrize(
    "mistake",
    [
        {"feed": lambda x: x[:, ::-1]},  # BGR for RGB
        {"feed": lambda x: x / 2 + 0.5},  # 0..1 for -1..1
        {"feed": lambda x: np.roll(x, 2, -1)},  # two pixels off
        {"read": lambda x: x[:, ::-1]},  # parts in another order
    ],
)
def test_a_mistake_fails_the_self_check(mistake):
    with pytest.raises(GpuError, match="self-check failed"):
        check_engine(Mistaken(**mistake))


def test_no_mistake_passes_it():
    assert check_engine(Mistaken())["mask"] == (0.0, 0.0)


@pytest.fixture
def chain(machine):
    (gpu, _), _ = gpus()
    return Chain(gpu)


def test_the_chain_computes_what_the_cpu_does(machine, chain):
    found = check_chain(chain.run)
    assert {"probability", "parts", "painting"} <= found.keys()
    assert max(mean for mean, _ in found.values()) < 0.004


def test_nothing_is_copied_between_the_networks(machine, chain):
    machine.gpu.calls.clear()
    chain.run(stored_crops()[4])
    downloads = [name for name in DOWNLOADS if name in chain.wires]
    assert machine.gpu.calls == [
        *["upload"] * len(UPLOADS),
        *["enqueue"] * len(chain.stages),
        *["download"] * len(downloads),
        "cudaStreamQuery",
    ]
    between = {"small", "small_mask", "hole", "image", "complete"}
    assert all(chain.wires[name].host is None for name in between), "no host memory, so no copy"


def test_one_network_reads_where_the_other_wrote(chain):
    """The wiring itself: every input that no one uploads is an output of an earlier stage, at the same address."""
    written = set(UPLOADS)
    for stage in chain.stages:
        spec = SPECS.get(stage.name)
        inputs = [tensor.name for tensor in spec.inputs] if spec else []
        assert {stage.wire(name) for name in inputs} <= written
        session = ort.InferenceSession(model_of(stage.name), providers=["CPUExecutionProvider"])
        assert {stage.wire(one.name) for one in session.get_inputs()} <= written
        written |= {stage.wire(one.name) for one in session.get_outputs()}


def test_with_classic_tensorrt_the_whole_chain_is_one_launch(machine):
    machine.without("tensorrt_rtx")
    (gpu,), _ = gpus()
    chain = Chain(gpu)
    first = {name: value.copy() for name, value in chain.run(stored_crops()[1]).items()}
    machine.gpu.calls.clear()
    again = chain.run(stored_crops()[1])
    assert machine.gpu.calls == ["cudaGraphLaunch", "cudaStreamQuery"]
    for name, value in first.items():
        np.testing.assert_array_equal(again[name], value)


def test_the_last_mask_is_carried_in_and_does_not_stay(chain):
    crop = stored_crops()[0]
    alone = chain.run(crop)["painting"].copy()
    covered = chain.run(crop, np.ones((192, 192), np.float32))["painting"].copy()
    np.testing.assert_array_equal(chain.run(crop)["painting"], alone)
    assert alone.shape == covered.shape


def test_a_crop_of_another_size_is_refused(chain):
    with pytest.raises(ValueError, match=r"expected uint8 \(192, 192, 3\)"):
        chain.run(np.zeros((128, 128, 3), np.uint8))


def test_a_chain_that_is_lost_answers_nothing_and_the_engines_go_on(machine, caplog, monkeypatch):
    monkeypatch.setattr(opening, "passed", lambda *given: {})  # the checks have tests of their own
    contour, completion = choose_engine("contour"), choose_engine("completion")
    chain = open_chain(contour, completion)
    assert chain.run(stored_crops()[0]) is not None
    machine.gpu.fail("enqueue")
    with caplog.at_level(logging.WARNING):
        assert chain.run(stored_crops()[0]) is None
        assert chain.run(stored_crops()[0]) is None
        assert contour.run(image=image_input(stored_crops()[0], 128))["mask"].max() <= 1
    assert contour.device == "cpu"
    assert len(caplog.messages) == 1


def test_no_chain_without_a_gpu(machine):
    machine.gpu.driver = 0
    engine = choose_engine("contour")
    assert open_chain(engine, engine) is None


def test_graphs_that_do_not_fit_are_refused(machine, monkeypatch):
    from engines.gpu import chain as module

    monkeypatch.setattr(module, "STAGES", tuple(stage for stage in module.STAGES if stage.name != "cover"))
    (gpu, _), _ = gpus()
    with pytest.raises(GpuError, match="nothing writes the mask that completion reads"):
        Chain(gpu)
