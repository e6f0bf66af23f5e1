"""The weights that this copy ships: whole, and computed alike by OpenVINO and the reference runtime."""

import numpy as np
import pytest

from engines.engine import SPECS, WEIGHTS, is_shipped, read_weights
from engines.openvino_engine import open_openvino
from realtime.alignment import crop_matrix, cut
from realtime.face_search import rough_landmarks
from realtime.pixels import fill_image

SHIPPED = [name for name in SPECS if is_shipped(f"{name}.fp16.onnx")]
pytestmark = pytest.mark.skipif(not SHIPPED, reason="this copy ships no weights")


# Right eye, left eye and mouth of the astronaut in scikit-image's photograph, px.
ASTRONAUT = np.float32([(207, 112), (248, 108), (229, 150)])


def inputs_of(spec):
    """A real face with a grey bar across it."""
    image = pytest.importorskip("skimage.data").astronaut()
    image[118:135, 170:290] = 128
    out = {}
    for tensor in spec.inputs:
        out[tensor.name] = np.zeros(tensor.shape, np.float32)
        side = tensor.shape[-1]
        if tensor.name == "image":
            fill_image(out["image"], cut(image, crop_matrix(rough_landmarks(ASTRONAUT), side), side).image)
        elif tensor.name == "mask":
            out["mask"][..., side // 2 : side // 2 + side // 10, :] = 1
        else:
            contour = open_openvino("contour", precision="f32")
            out["parts"][:] = contour.run(**inputs_of(contour.spec))["parts"]
    return out


@pytest.mark.parametrize("name", SHIPPED)
def test_openvino_agrees_with_the_reference(name):
    onnxruntime = pytest.importorskip("onnxruntime")
    inputs = inputs_of(SPECS[name])
    session = onnxruntime.InferenceSession(read_weights(f"{name}.fp16.onnx"), providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in SPECS[name].outputs]
    expected = dict(zip(names, session.run(names, inputs), strict=True))
    found = open_openvino(name, precision="f32").run(**inputs)
    for key, value in expected.items():
        scale = max(1.0, float(np.abs(value).max()))
        assert np.abs(found[key] - value).mean() < 0.003 * scale
        assert np.abs(found[key] - value).max() < 0.08 * scale


@pytest.mark.parametrize("name", [name for name in SHIPPED if is_shipped(f"{name}.int8.onnx")])
def test_int8_is_close_to_float(name):
    inputs = inputs_of(SPECS[name])
    exact = open_openvino(name, precision="f32").run(**inputs)
    small = open_openvino(name, precision="int8").run(**inputs)
    for key, value in exact.items():
        assert np.abs(small[key] - value).mean() < 0.06 * max(1.0, float(np.abs(value).max()))


def test_all_weights_fit_into_forty_megabytes():
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*.onnx")) < 40e6
