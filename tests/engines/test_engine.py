"""The contract of engines: names, shapes, hashes, and why one was chosen."""

import cv2
import numpy as np
import pytest

from engines.engine import (
    CONTOUR_SIZE,
    SPECS,
    STILL_SIDES,
    check_array,
    choose_engine,
    device_line,
    get_spec,
    is_shipped,
    read_weights,
)
from engines.gpu.self_check import stored_crops
from engines.openvino_engine import OpenVinoEngine, choose_precision, open_openvino
from realtime.errors import UserError
from realtime.frames import PART_NAMES
from realtime.pixels import fill_image, read_image


def test_specs_agree_where_one_network_feeds_another():
    parts = SPECS["contour"].outputs[1]
    assert parts == SPECS["completion"].inputs[2]
    assert parts.shape[1] == len(PART_NAMES)


@pytest.mark.parametrize("name", SPECS)
def test_tensor_names_are_unique_within_a_network(name):
    names = [tensor.name for tensor in SPECS[name].inputs + SPECS[name].outputs]
    assert len(set(names)) == len(names)


def test_an_unknown_network_lists_those_that_exist():
    with pytest.raises(UserError, match="contour, completion, regression"):
        get_spec("nose")


def test_an_unknown_device_lists_those_that_exist():
    with pytest.raises(UserError, match="auto, cpu, gpu"):
        choose_engine("contour", "tpu")


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("contour: TensorRT on a card, fp16", "contour: TensorRT on a card, fp16"),
        ("contour: the CPU, f32 (asked for)", "contour: the CPU, f32"),
        ("contour: the CPU, f32 (fast; no GPU: no driver)", "contour: the CPU, f32; no GPU: no driver"),
        ("contour: the CPU (fast; no GPU: none is (really) there)", "contour: the CPU; no GPU: none is (really) there"),
    ],
)
def test_the_line_on_the_screen_says_what_and_why_not_a_gpu(why, line):
    assert device_line(why) == line


@pytest.mark.parametrize(
    ("array", "hint"),
    [
        (np.zeros((3, 4, 4), np.float32), "NCHW"),
        (np.zeros((1, 4, 4, 3), np.float32), "NCHW"),
        (np.zeros((1, 3, 4, 4), np.uint8), "convert"),
        (np.zeros((1, 3, 5, 4), np.float32), r"\(1, 3, 4, 4\)"),
    ],
)
def test_a_wrong_array_is_told_what_was_expected(spec, array, hint):
    with pytest.raises(ValueError, match=hint):
        check_array(spec.inputs[0], array)


def test_outputs_by_name(spec, tiny_onnx):
    engine = OpenVinoEngine(spec, tiny_onnx, precision="f32", why="test")
    x = np.linspace(-1, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)
    found = engine.run(image=x)
    np.testing.assert_array_equal(found["doubled"], 2 * x)
    np.testing.assert_array_equal(found["negative"], -x)


def test_what_is_written_into_the_buffer_is_read(spec, tiny_onnx):
    engine = OpenVinoEngine(spec, tiny_onnx, precision="f32", why="test")
    engine.inputs["image"][:] = 3
    assert (engine.run()["doubled"] == 6).all()


def test_outputs_are_buffers_that_the_next_run_overwrites(spec, tiny_onnx):
    engine = OpenVinoEngine(spec, tiny_onnx, precision="f32", why="test")
    first = engine.run(image=np.zeros((1, 3, 4, 4), np.float32))
    second = engine.run(image=np.ones((1, 3, 4, 4), np.float32))
    assert first["doubled"] is second["doubled"]
    assert (first["doubled"] == 2).all()


def test_an_unknown_input_is_named(spec, tiny_onnx):
    engine = OpenVinoEngine(spec, tiny_onnx, precision="f32", why="test")
    with pytest.raises(ValueError, match="no input 'picture': it has image"):
        engine.run(picture=np.zeros((1, 3, 4, 4), np.float32))


def test_a_file_that_is_no_network_is_a_users_error(spec):
    with pytest.raises(UserError, match="cannot read the tiny network"):
        OpenVinoEngine(spec, b"not an ONNX file", precision="f32", why="test")


def test_a_file_with_other_names_is_a_users_error(tiny_onnx):
    with pytest.raises(UserError, match="spec"):
        OpenVinoEngine(SPECS["contour"], tiny_onnx, precision="f32", why="test")


def test_open_says_why(weights):
    engine = open_openvino("tiny", precision="f32", threads=2, folder=weights)
    assert (engine.device, engine.precision) == ("cpu", "f32")
    assert engine.why == "tiny: OpenVINO on the CPU, f32, 2 threads (asked for)"


def test_a_damaged_file_is_a_users_error(weights):
    path = weights / "tiny.fp16.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError, match="damaged"):
        open_openvino("tiny", folder=weights)


def test_a_missing_file_is_a_users_error(weights):
    (weights / "tiny.fp16.onnx").unlink()
    assert is_shipped("tiny.fp16.onnx", weights)
    with pytest.raises(UserError, match="missing"):
        read_weights("tiny.fp16.onnx", weights)


def test_a_damaged_list_of_hashes_is_a_users_error(weights):
    (weights / "hashes.json").write_text("{")
    assert not is_shipped("tiny.fp16.onnx", weights)
    with pytest.raises(UserError, match="missing"):
        read_weights("tiny.fp16.onnx", weights)


def test_an_unknown_precision_is_a_users_error(weights):
    with pytest.raises(UserError, match="f32, bf16, int8"):
        open_openvino("tiny", precision="fp8", folder=weights)


@pytest.mark.parametrize(
    ("capabilities", "has_int8", "precision"),
    [
        ({"FP32", "INT8", "BF16"}, True, "int8"),
        ({"FP32", "INT8", "BF16"}, False, "bf16"),
        ({"FP32", "INT8"}, False, "f32"),
        ({"FP32", "INT8"}, True, "int8"),
        ({"FP32"}, True, "f32"),
    ],
)
def test_choice_of_precision(capabilities, has_int8, precision):
    chosen, why = choose_precision(frozenset(capabilities), has_int8)
    assert chosen == precision
    assert why


def test_the_completion_network_takes_smaller_crops_and_paints_the_same_into_them():
    crop, rng = stored_crops()[0], np.random.default_rng(0)
    parts = rng.random((1, len(PART_NAMES), CONTOUR_SIZE, CONTOUR_SIZE)).astype(np.float32)
    parts /= parts.sum(1, keepdims=True)
    painted = []
    sides = sorted(set(STILL_SIDES["completion"]), reverse=True)
    for engine in (open_openvino("completion", precision="f32", side=side) for side in sides):
        side = engine.inputs["image"].shape[-1]
        fill_image(engine.inputs["image"], cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA))
        engine.inputs["mask"][..., : side // 3] = 1  # not its own mirror image
        painted.append(cv2.resize(read_image(engine.run(parts=parts)["complete"]), (64, 64)).astype(np.float32))
    assert len(painted) == 3
    assert painted[0].std() > 20
    for other in painted[1:]:
        assert np.abs(painted[0] - other).mean() < 12
        assert np.abs(painted[0] - other[:, ::-1]).mean() > 20


def test_the_contour_network_takes_larger_crops_and_says_the_same_of_them():
    plain, fine = (open_openvino("contour", precision="f32", side=side) for side in (None, STILL_SIDES["contour"][0]))
    assert fine.inputs["image"].shape == (1, 3, 192, 192)
    crop = stored_crops()[0]
    found = []
    for engine in (plain, fine):
        side = engine.inputs["image"].shape[-1]
        fill_image(engine.inputs["image"], cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA))
        parts = engine.run()["parts"][0]
        assert parts.shape == (len(PART_NAMES), side, side)
        np.testing.assert_allclose(parts.sum(0), 1, atol=0.02)
        found.append(cv2.resize(parts.argmax(0).astype(np.uint8), (64, 64), interpolation=cv2.INTER_NEAREST))
    assert (found[0] == found[1]).mean() > 0.8
