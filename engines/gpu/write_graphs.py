"""Writes the small networks that stand between the shipped ones, so that a face stays on the GPU from end to end.

    python -m engines.gpu.write_graphs

They do on the GPU what `realtime.unocclude` does on the CPU, with the same constants, and are tested against it:

- `prepare`: the crop's bytes -> the completion network's image, and the contour network's smaller one.
- `cover`: the contour network's mask -> as large as the crop, decided with hysteresis, widened.
- `blend`: the painting over the hidden pixels -> bytes, and the regression network's image.

They compute in float32: a mask must be decided here as the CPU decides it, and they take no time that would matter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE
from realtime.blending import FEATHER, GROW, HYSTERESIS, grow, seam
from realtime.seen import MASK_GROWN

GRAPHS = Path(__file__).with_name("graphs")
OPSET = 17  # as the shipped networks

Shape = tuple[int, ...]
CROP: Shape = (1, COMPLETION_SIZE, COMPLETION_SIZE, 3)
IMAGE: Shape = (1, 3, COMPLETION_SIZE, COMPLETION_SIZE)
SMALL_IMAGE: Shape = (1, 3, CONTOUR_SIZE, CONTOUR_SIZE)
MASK: Shape = (1, 1, COMPLETION_SIZE, COMPLETION_SIZE)
SMALL_MASK: Shape = (1, 1, CONTOUR_SIZE, CONTOUR_SIZE)


class Graph:
    """Collects the nodes of a small network; values are named by whoever asks, or numbered."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: object) -> str:
        """A constant, float32 unless it is an integer array."""
        array = np.asarray(value)
        if array.dtype != np.int64:
            array = array.astype(np.float32)
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """A node with one output, called `out`."""
        out = out or f"value{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [out], name=f"{kind}_{out}", **attributes))
        return out

    def model(self, name: str, inputs: dict[str, Shape], outputs: dict[str, Shape], bytes_: str) -> onnx.ModelProto:
        """The checked file; all inputs and outputs are float32 but the one of bytes."""

        def described(tensors: dict[str, Shape]) -> list[onnx.ValueInfoProto]:
            kinds = {tensor: TensorProto.UINT8 if tensor == bytes_ else TensorProto.FLOAT for tensor in tensors}
            return [helper.make_tensor_value_info(tensor, kinds[tensor], shape) for tensor, shape in tensors.items()]

        graph = helper.make_graph(self._nodes, name, described(inputs), described(outputs), self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def prepare() -> onnx.ModelProto:
    """Bytes of the crop -> `image` and `small`, in [-1, 1]."""
    graph = Graph()
    planes = graph.node("Transpose", graph.node("Cast", "crop", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    scaled = graph.node("Mul", planes, graph.constant(1 / 127.5))
    graph.node("Sub", scaled, graph.constant(1.0), out="image")
    _resize(graph, "image", SMALL_IMAGE, "small")
    return graph.model("prepare", {"crop": CROP}, {"image": IMAGE, "small": SMALL_IMAGE}, "crop")


def cover() -> onnx.ModelProto:
    """The mask's probability and the last mask carried along (0.5 everywhere: there was none) -> 0 or 1."""
    graph = Graph()
    low, high = HYSTERESIS
    _resize(graph, "mask", MASK, "probability")
    threshold = graph.node("Sub", graph.constant(high), graph.node("Mul", "before", graph.constant(high - low)))
    graph.node("Cast", graph.node("Greater", "probability", threshold), to=TensorProto.FLOAT, out="cover")
    _grow(graph, "cover", MASK_GROWN, "hole")
    return graph.model(
        "cover", {"mask": SMALL_MASK, "before": MASK}, {"probability": MASK, "cover": MASK, "hole": MASK}, ""
    )


def blend() -> onnx.ModelProto:
    """The painting as bytes, and the completed face as the regression network sees it."""
    graph = Graph()
    grown = _grow(graph, "cover", GROW + 2 * FEATHER)
    reach = int(np.ceil(2 * FEATHER * COMPLETION_SIZE))
    row = cv2.getGaussianKernel(2 * reach + 1, FEATHER * COMPLETION_SIZE)
    padded = graph.node("Pad", grown, graph.constant(np.array([0, 0, reach, reach] * 2, np.int64)), mode="reflect")
    across = graph.node("Conv", padded, graph.constant(row.reshape(1, 1, 1, -1)))
    down = graph.node("Conv", across, graph.constant(row.reshape(1, 1, -1, 1)))
    rim = seam(np.ones((COMPLETION_SIZE, COMPLETION_SIZE), np.float32))
    alpha = graph.node("Mul", down, graph.constant(rim[None, None]))
    change = graph.node("Mul", graph.node("Sub", "complete", "image"), alpha)
    whole = graph.node("Add", "image", change)
    _shrink(graph, whole, "completed")
    scaled = graph.node("Add", graph.node("Mul", "complete", graph.constant(127.5)), graph.constant(127.5))
    bounded = graph.node("Clip", graph.node("Round", scaled), graph.constant(0.0), graph.constant(255.0))
    pixels = graph.node("Transpose", bounded, perm=[0, 2, 3, 1])
    graph.node("Cast", pixels, to=TensorProto.UINT8, out="painting")
    return graph.model(
        "blend",
        {"image": IMAGE, "complete": IMAGE, "cover": MASK},
        {"painting": CROP, "completed": SMALL_IMAGE},
        "painting",
    )


def _resize(graph: Graph, source: str, shape: Shape, out: str) -> None:
    """As OpenCV's INTER_LINEAR."""
    sizes = graph.constant(np.array(shape, np.int64))
    graph.node("Resize", source, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel", out=out)


def _grow(graph: Graph, mask: str, share: float, out: str = "") -> str:
    """As `realtime.blending.grow`: whatever touches the ellipse, counted and cut off at one."""
    dot = np.zeros((COMPLETION_SIZE, COMPLETION_SIZE), np.float32)
    dot[COMPLETION_SIZE // 2, COMPLETION_SIZE // 2] = 1
    x, y, width, height = cv2.boundingRect(grow(dot, share).astype(np.uint8))
    kernel = grow(dot, share)[y : y + height, x : x + width]
    reach = width // 2
    count = graph.node("Conv", mask, graph.constant(kernel[None, None]), pads=[reach] * 4)
    return graph.node("Min", count, graph.constant(1.0), out=out)


def _shrink(graph: Graph, image: str, out: str) -> None:
    """As OpenCV's INTER_AREA, from `IMAGE` to `SMALL_IMAGE`: every 3 by 3 pixels become 2 by 2.

    By a convolution: TensorRT-RTX has no float32 matrix product for Turing.
    """
    step = np.gcd(COMPLETION_SIZE, CONTOUR_SIZE)
    larger, smaller = COMPLETION_SIZE // step, CONTOUR_SIZE // step
    share = cv2.resize(np.eye(larger, dtype=np.float32), (larger, smaller), interpolation=cv2.INTER_AREA)
    kernels = np.einsum("iy,jx->ijyx", share, share).reshape(smaller**2, 1, larger, larger)
    every = graph.constant(np.tile(kernels, (3, 1, 1, 1)))
    pixels = graph.node("Conv", image, every, group=3, strides=[int(larger)] * 2)
    graph.node("DepthToSpace", pixels, blocksize=int(smaller), mode="CRD", out=out)


def main() -> None:
    """Writes all of them."""
    GRAPHS.mkdir(exist_ok=True)
    for model in (prepare(), cover(), blend()):
        path = GRAPHS / f"{model.graph.name}.onnx"
        path.write_bytes(model.SerializeToString())
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
