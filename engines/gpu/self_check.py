"""Before a GPU's engine is used it must say about stored crops what the CPU says in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from engines.engine import CONTOUR_SIZE, Engine, NetworkSpec, TensorSpec, shipped_networks
from engines.gpu.cuda import GpuError
from engines.openvino_engine import open_openvino
from realtime.blending import blend, grow, margin, seam
from realtime.frames import Array
from realtime.pixels import fill_image, read_image
from realtime.seen import MASK_GROWN

CROPS = Path(__file__).with_name("crops.npz")  # made by engines.evaluation.check_crops

# Shares of an output's range, or of its largest value where it has none: the mean and the largest difference. The
# shipped networks rounded to float16 after every layer reach 0.0003 and 0.03 on these crops; one that takes BGR for
# RGB, or parts in another order, is far beyond.
MEAN_TOLERANCE = 0.005
MOST_TOLERANCE = 0.15


@cache
def stored_crops() -> Array:
    """(N, S, S, 3) uint8 RGB: rendered heads and the demo's photograph, covered and bare."""
    with np.load(CROPS) as arrays:
        return arrays["crops"]


def check_inputs(spec: NetworkSpec) -> Iterator[dict[str, Array]]:
    """What a network gets to see of each stored crop: masks and parts are those of the CPU's contour network."""
    guided = any(tensor.name != "image" for tensor in spec.inputs)
    contour = open_openvino("contour", precision="f32") if guided else None
    for crop in stored_crops():
        found = contour.run(image=image_input(crop, CONTOUR_SIZE)) if contour else {}
        inputs = {}
        for tensor in spec.inputs:
            side = tensor.shape[-1]
            if tensor.name == "image":
                inputs["image"] = image_input(crop, side)
            elif tensor.name == "mask":
                mask = cv2.resize(found["mask"][0, 0], (side, side), interpolation=cv2.INTER_LINEAR)
                inputs["mask"] = (mask > 0.5).astype(np.float32)[None, None]
            else:
                inputs[tensor.name] = found[tensor.name].copy()
        yield inputs


def image_input(crop: Array, side: int) -> Array:
    """(S, S, 3) uint8 RGB -> (1, 3, side, side) in [-1, 1]."""
    buffer = np.empty((1, 3, side, side), np.float32)
    if crop.shape[0] != side:
        crop = cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR)
    fill_image(buffer, crop)
    return buffer


class Differences:
    """The mean and the largest difference of every output, over several crops, in shares of its range."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[float, float]] = {}

    def add(self, name: str, unit: float, expected: Array, found: Array) -> None:
        """Counts one crop's output in; `unit` is its range."""
        error = np.abs(np.asarray(found, np.float32) - expected) / unit
        error = np.where(np.isfinite(error), error, np.inf)  # NaN would compare as within
        mean, most = self.found.get(name, (0.0, 0.0))
        self.found[name] = max(mean, float(error.mean())), max(most, float(error.max()))

    def judge(self, what: str) -> dict[str, tuple[float, float]]:
        """All of them.

        Raises:
            GpuError: one exceeds the tolerance.
        """
        for name, (mean, most) in self.found.items():
            if not (mean <= MEAN_TOLERANCE and most <= MOST_TOLERANCE):
                raise GpuError(
                    f"the self-check failed: {name} of the {what} is off the CPU's by {mean:.3f} in the mean "
                    f"({MEAN_TOLERANCE:g} allowed) and {most:.3f} at most ({MOST_TOLERANCE:g} allowed)"
                )
        return self.found


def unit_of(tensor: TensorSpec, expected: Array) -> float:
    """What a difference of 1 is: the range of the values, or the largest of them."""
    if np.isfinite(tensor.high - tensor.low):
        return tensor.high - tensor.low
    return max(1.0, float(np.abs(expected).max()))


def check_engine(engine: Engine) -> dict[str, tuple[float, float]]:
    """The differences between an engine and the CPU in float32 on the stored crops.

    Raises:
        GpuError: they exceed the tolerance, or the engine fails.
    """
    spec, reference, differences = engine.spec, open_openvino(engine.spec.name, precision="f32"), Differences()
    for inputs in check_inputs(spec):
        expected, found = reference.run(**inputs), engine.run(**inputs)
        for tensor in spec.outputs:
            value = expected[tensor.name]
            differences.add(tensor.name, unit_of(tensor, value), value, found[tensor.name])
    return differences.judge(f"{spec.name} network")


def check_chain(run: Callable[[Array], Mapping[str, Array]]) -> dict[str, tuple[float, float]]:
    """The differences between a chain and the same steps on the CPU; arguments and errors as of `check_engine`."""
    engines = {name: open_openvino(name, precision="f32") for name in shipped_networks()}
    differences = Differences()
    for crop in stored_crops():
        found = run(crop)
        for name, (unit, expected) in by_hand(crop, engines).items():
            if name in found:
                differences.add(name, unit, expected, found[name])
    return differences.judge("chain")


def by_hand(crop: Array, engines: Mapping[str, Engine]) -> dict[str, tuple[float, Array]]:
    """What the chain computes of a crop, one network after the other: name -> unit of a difference, value."""
    side = crop.shape[0]
    found = engines["contour"].run(image=image_input(crop, CONTOUR_SIZE))
    parts = found["parts"].copy()
    probability = cv2.resize(found["mask"][0, 0], (side, side), interpolation=cv2.INTER_LINEAR)
    mask = (margin(probability, None) > 0).astype(np.float32)
    hole = grow(mask, MASK_GROWN)[None, None]
    painted = engines["completion"].run(image=image_input(crop, side), mask=hole, parts=parts)
    painting = read_image(painted["complete"])
    out = {"probability": (1.0, probability[None, None]), "parts": (1.0, parts), "painting": (255.0, painting[None])}
    if "regression" in engines:
        complete = blend(crop, painting, seam(mask))
        small = cv2.resize(complete, (CONTOUR_SIZE, CONTOUR_SIZE), interpolation=cv2.INTER_AREA)
        regressed = engines["regression"].run(image=image_input(small, CONTOUR_SIZE))
        for tensor in engines["regression"].spec.outputs:
            value = regressed[tensor.name].copy()
            out[tensor.name] = unit_of(tensor, value), value
    return out
