"""Writes a trained network as int8 ONNX, if that is nearly as good and faster than what the CPU does otherwise.

    python -m engines.quantize contour --run runs/contour

Calibrated on training crops with synthetic occluders, then judged on the validation crops: the mask's IoU for the
contour network, PSNR in the hole for the completion network, the landmarks for the regression network.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnx

from engines.engine import COMPLETION_SIZE, WEIGHTS, Engine, NetworkSpec, get_spec, read_weights
from engines.export import trace, write_weights
from engines.networks import load_network
from engines.openvino_engine import OpenVinoEngine, open_openvino
from engines.training.occluders import load_library
from engines.training.samples import Sample, faces_for, make_sample, tracker_error
from engines.training.screen import left_out_names
from engines.training.sources import data_folder
from engines.training.store import FaceStore, open_store
from engines.training.validation import face_region, mask_iou, psnr, validation_samples
from realtime.alignment import crop_matrix, to_crop
from realtime.blending import blend, grow, seam
from realtime.errors import OK, tells_user_errors
from realtime.frames import Array, Image
from realtime.pixels import fill_image, read_image
from realtime.seen import MASK_GROWN

KINDS = ("contour", "completion", "regression")
CALIBRATION = 160  # crops
AVERAGED = 0.05  # how much each of them moves the mean of the activations' ranges, where that is taken
PER_KIND = 24  # validation crops of each kind of occluder
MOST_LOST = 0.01  # of the task's figure
TIMED = 60  # runs
SEED = 7
NOT_WORTH_IT = 1  # exit status

# What each network computes in int8, and the layers that stay in float: those whose outputs are used as numbers, not
# compared with a threshold or shown as a picture of 8 bits.
QUANTISED = ["Conv", "MatMul", "Gemm"]
# Processors without VNNI add two products of 8 bits in 16, which is too narrow for weights of all 8: there the contour
# network lost 0.02 of its IoU. The completion network loses more by weights of 7 bits.
SEVEN_BITS = ("contour", "regression")
# Activations have the range of the average crop: a few odd ones would make the steps coarser for all (0.26 dB lost by
# the completion network, 0.03 so). The contour network loses by it.
MEAN_RANGES = ("completion", "regression")
LARGE = 10_000  # values: weights that are worth storing in float16 where they are not in int8
FLOAT_LAYERS = {"contour": (), "completion": (), "regression": ("/heads/",)}


@dataclass(frozen=True)
class Guide:
    """The shipped contour network, for the inputs that the completion network really gets."""

    engine: Engine

    def fill(self, inputs: dict[str, Array], crop: Image) -> Array:
        """Writes image, mask and parts of a crop (S, S, 3); returns the mask (S, S) 0 or 1 before it is grown."""
        side = self.engine.spec.inputs[0].shape[-1]
        fill_image(self.engine.inputs["image"], cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR))
        found = self.engine.run()
        probability = cv2.resize(found["mask"][0, 0], crop.shape[:2], interpolation=cv2.INTER_LINEAR)
        mask = (probability > 0.5).astype(np.float32)
        fill_image(inputs["image"], crop)
        inputs["mask"][0, 0] = grow(mask, MASK_GROWN)
        inputs["parts"][:] = found["parts"]
        return mask


def to_input(crop: Image) -> Array:
    """(S, S, 3) RGB -> (1, 3, S, S) in [-1, 1]."""
    out = np.zeros((1, 3, *crop.shape[:2]), np.float32)
    fill_image(out, crop)
    return out


def feeds(spec: NetworkSpec, samples: Iterator[Sample], guide: Guide | None) -> Iterator[dict[str, Array]]:
    """The network's inputs for each sample's covered crop; fresh arrays."""
    for sample in samples:
        inputs = {tensor.name: np.zeros(tensor.shape, np.float32) for tensor in spec.inputs}
        if guide is None:
            fill_image(inputs["image"], sample.covered)
        else:
            guide.fill(inputs, sample.covered)
        yield inputs


def plain_crops(store: FaceStore, indices: Array, side: int) -> Iterator[tuple[Image, Array]]:
    """Crops (S, S, 3) of uncovered faces as a tracker would lay them, and their landmarks (478, 2) px."""
    rng = np.random.default_rng(SEED)
    for index in indices:
        points = store.landmarks[index]
        matrix = (tracker_error(rng, side, 0.6) @ np.vstack([crop_matrix(points, side), [0, 0, 1]]))[:2]
        yield cv2.warpAffine(store.images[index], matrix, (side, side)), to_crop(points, matrix)


def float_model(kind: str, checkpoint: Path) -> onnx.ModelProto:
    """The network in float32 with batch normalisation merged into the weights, as the quantiser wants it."""
    return trace(load_network(checkpoint, kind), get_spec(kind), merge=True)


def quantise(kind: str, model: onnx.ModelProto, inputs: Iterator[dict[str, Array]]) -> bytes:
    """The model with its convolutions in int8 between pairs of quantise and dequantise nodes."""
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType
    from onnxruntime.quantization.quantize import quantize_static

    onnxruntime.set_default_logger_severity(3)  # its notes on what it removed from the graph

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, Array] | None:
            return next(inputs, None)

    skipped = [node.name for node in model.graph.node if any(name in node.name for name in FLOAT_LAYERS[kind])]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantize_static(
            model,
            str(path),
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED,
            nodes_to_exclude=skipped,
            per_channel=True,
            reduce_range=kind in SEVEN_BITS,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={
                # Activation functions follow the convolutions directly, so that a kernel does both at once.
                "OpTypesToExcludeOutputQuantization": QUANTISED,
                "CalibMovingAverage": kind in MEAN_RANGES,
                "CalibMovingAverageConstant": AVERAGED,
            },
        )
        small = onnx.load(str(path))
    halve_weights(small)
    return small.SerializeToString()


def halve_weights(model: onnx.ModelProto) -> None:
    """Stores the large weights that stayed in float32 as float16, in place; who loads the file widens them."""
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and math.prod(tensor.dims) >= LARGE:
            values, wide, half = onnx.numpy_helper.to_array(tensor), tensor.name, f"{tensor.name}_half"
            tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), half))
            model.graph.node.insert(0, onnx.helper.make_node("Cast", [half], [wide], to=onnx.TensorProto.FLOAT))


def judge(engine: Engine, sets: dict[str, list[Sample]], guide: Guide | None) -> float:
    """The task's figure, more is better: mean IoU of the mask, or PSNR in the hole."""
    values = []
    for name, samples in sets.items():
        for sample in samples if name != "clear" else []:
            if guide is None:
                fill_image(engine.inputs["image"], sample.covered)
                values.append(mask_iou(engine.run()["mask"][0, 0] > 0.5, sample))
            else:
                mask = guide.fill(engine.inputs, sample.covered)
                complete = blend(sample.covered, read_image(engine.run()["complete"]), seam(mask))
                hole = face_region(sample) & (sample.mask > 0)
                values.append(psnr(complete, sample.clean, hole) if hole.sum() > 50 else None)
    return float(np.mean([value for value in values if value is not None]))


def judge_landmarks(engine: Engine, crops: list[tuple[Image, Array]]) -> float:
    """The same for the regression network: the distance of the outer eye corners in mean landmark errors."""
    errors = []
    for image, points in crops:
        fill_image(engine.inputs["image"], image)
        away = np.linalg.norm(len(image) * engine.run()["landmarks"][0] - points, axis=1).mean()
        errors.append(away / np.linalg.norm(points[33] - points[263]))
    return 1 / float(np.mean(errors))


def milliseconds(engines: list[Engine]) -> list[float]:
    """The median time of one run of each, measured in turn so that other load falls on all alike."""
    times: list[list[float]] = [[] for _ in engines]
    for _ in range(TIMED):
        for engine, spent in zip(engines, times, strict=True):
            start = time.perf_counter()
            engine.run()
            spent.append((time.perf_counter() - start) * 1e3)
    return [float(np.median(spent)) for spent in times]


def calibration_samples(data: Path, store: FaceStore, faces: Path, side: int) -> Iterator[Sample]:
    """Covered crops of training faces."""
    library, rng = load_library(data), np.random.default_rng(SEED)
    chosen = rng.choice(faces_for(store, validation=False, left_out=left_out_names(faces)), CALIBRATION)
    for index in chosen:
        yield make_sample(store, int(index), library, rng, side)


def run(kind: str, checkpoint: Path, data: Path, faces: Path, folder: Path = WEIGHTS) -> bool:
    """Quantises, judges, and writes `NAME.int8.onnx` if it is worth shipping; returns whether it is."""
    spec = get_spec(kind)
    side = COMPLETION_SIZE if kind == "completion" else spec.inputs[0].shape[-1]
    store = open_store(data, faces)
    if kind == "regression":
        training, kept_out = (faces_for(store, which, left_out_names(faces)) for which in (False, True))
        chosen = np.random.default_rng(SEED).choice(training, CALIBRATION)
        inputs = ({"image": to_input(crop)} for crop, _ in plain_crops(store, chosen, side))
        crops = list(plain_crops(store, kept_out[::2], side))
        judged = partial(judge_landmarks, crops=crops)
    else:
        guide = Guide(open_openvino("contour", precision="f32", folder=folder)) if kind == "completion" else None
        inputs = feeds(spec, calibration_samples(data, store, faces, side), guide)
        sets = validation_samples(store, load_library(data, validation=True), side, PER_KIND, left_out_names(faces))
        judged = partial(judge, sets=sets, guide=guide)
    content = quantise(kind, float_model(kind, checkpoint), inputs)
    exact = OpenVinoEngine(spec, read_weights(f"{kind}.fp16.onnx", folder), precision="f32", why="")
    small = OpenVinoEngine(spec, content, precision="int8", why="")
    figures = [judged(engine) for engine in (exact, small)]
    times = milliseconds([exact, small])
    print(f"{kind}: f32 {figures[0]:.4f} in {times[0]:.1f} ms, int8 {figures[1]:.4f} in {times[1]:.1f} ms")
    if figures[1] < (1 - MOST_LOST) * figures[0] or times[1] >= times[0]:
        print(f"{kind}: int8 is not worth it, nothing was written.")
        return False
    print(f"{write_weights(f'{kind}.int8.onnx', content, folder)}: {len(content) / 1e6:.1f} MB")
    return True


@tells_user_errors
def main(arguments: list[str] | None = None) -> int:
    """The command line: exit 0 when the file was written, 1 when int8 is not worth it, 2 for a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m engines.quantize", description="Checkpoint to int8 ONNX.")
    parser.add_argument("network", choices=KINDS)
    parser.add_argument(
        "--run",
        type=Path,
        required=True,
        help="the training's folder: it holds checkpoint.pt (after `bump`: its sub-folder bump)",
    )
    parser.add_argument("--data", default="../shared/data", help="as for training (default: %(default)s)")
    parser.add_argument("--faces", type=Path, default=Path("runs/faces"), help="as for training (default: %(default)s)")
    given = parser.parse_args(arguments)
    written = run(given.network, given.run / "checkpoint.pt", data_folder(given.data), given.faces)
    return OK if written else NOT_WORTH_IT


if __name__ == "__main__":
    sys.exit(main())
