"""What FP16 on a GPU costs: the shipped networks rounded to float16 after every layer, against float32.

    python -m engines.evaluation pairs DIR
    python -m engines.evaluation fp16 DIR

The whole row of networks is run twice on the covered faces of DIR, each time from its own masks. Asked for: the task's
figures move by less than one per cent, and no value anywhere in a network is infinite on extreme inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engines.engine import COMPLETION_SIZE, SPECS, NetworkSpec, read_weights, shipped_networks
from engines.evaluation.half import OnnxEngine, in_float32, rounded
from engines.evaluation.metrics import drift, face_region, interocular, mask_iou, psnr
from engines.evaluation.pairs import Pair, read_pairs
from engines.evaluation.score import read_pictures
from engines.gpu.self_check import by_hand
from realtime.alignment import crop_matrix, cut, to_crop
from realtime.blending import blend, margin, seam
from realtime.crop_mesh import MediaPipeCropMesh
from realtime.frames import Array, Image

LARGEST = 65504.0  # of float16
SEED = 0
TASKS = ("iou", "drift")  # measured against the truth in either precision


@dataclass(frozen=True)
class Outcome:
    """What a row of networks makes of one crop."""

    mask: Array  # (S, S) bool
    parts: Array  # (P, P) the most probable part
    complete: Image  # (S, S, 3)
    landmarks: Array | None  # (478, 2) px, MediaPipe's on the completed crop
    regressed: Array | None  # (478, 2) px, the regression network's own


def crops(folder: Path, count: int) -> Iterator[tuple[Image, Array, Array, Array]]:
    """Evenly chosen covered faces: crop (S, S, 3), true mask (S, S), face (S, S), true landmarks (478, 2) px."""
    pairs = read_pairs(folder)
    for index in np.linspace(0, len(pairs) - 1, min(count, len(pairs))).round().astype(int):
        yield crop_of(folder, pairs[index])


def crop_of(folder: Path, pair: Pair) -> tuple[Image, Array, Array, Array]:
    """One of `crops`."""
    pictures = read_pictures(folder, pair)
    matrix = crop_matrix(pair.landmarks, COMPLETION_SIZE)
    size = (COMPLETION_SIZE, COMPLETION_SIZE)
    mask = cv2.warpAffine(pictures.mask.astype(np.uint8), matrix, size, flags=cv2.INTER_NEAREST) > 0
    landmarks = to_crop(pair.landmarks, matrix)
    return cut(pictures.covered, matrix, COMPLETION_SIZE).image, mask, face_region(landmarks, size), landmarks


def outcome(crop: Image, engines: Mapping[str, OnnxEngine], mesh: MediaPipeCropMesh) -> Outcome:
    """Runs all networks on a crop."""
    found = {name: value for name, (_, value) in by_hand(crop, engines).items()}
    mask = margin(found["probability"][0, 0], None) > 0
    complete = blend(crop, found["painting"][0], seam(mask.astype(np.float32)))
    points = mesh.find(complete)
    regressed = found["landmarks"][0] * COMPLETION_SIZE if "landmarks" in found else None
    return Outcome(mask, found["parts"][0].argmax(0), complete, None if points is None else points[:, :2], regressed)


def figures(single: Outcome, half: Outcome, truth: Array, face: Array, landmarks: Array) -> dict[str, float]:
    """The figures of one crop; one that cannot be computed is missing.

    Args:
        single: the outcome in float32.
        half: the outcome in FP16.
        truth: (S, S) bool, what covers the face.
        face: (S, S) bool, inside its oval.
        landmarks: (478, 2) px of the crop, MediaPipe's on the clean picture.
    """
    unit, everywhere = interocular(landmarks), np.ones_like(face)
    out = {
        "mask IoU between the two": mask_iou(half.mask, single.mask, everywhere) if single.mask.any() else None,
        "same part, share of pixels": float((single.parts == half.parts).mean()),
        "PSNR between the two, hidden face": psnr(half.complete, single.complete, truth & face),
        "iou float32": mask_iou(single.mask, truth, face),
        "iou FP16": mask_iou(half.mask, truth, face),
    }
    if single.landmarks is not None and half.landmarks is not None:
        out["landmarks between the two, %"] = float(drift(half.landmarks, single.landmarks, unit).mean())
        out["drift float32"] = float(drift(single.landmarks, landmarks, unit).mean())
        out["drift FP16"] = float(drift(half.landmarks, landmarks, unit).mean())
    if single.regressed is not None and half.regressed is not None:
        out["regressed landmarks between the two, %"] = float(drift(half.regressed, single.regressed, unit).mean())
    return {name: value for name, value in out.items() if value is not None and np.isfinite(value)}


def compare(folder: Path, count: int) -> str:
    """The table over `count` crops of a folder of pairs."""
    content = {name: read_weights(f"{name}.fp16.onnx") for name in shipped_networks()}
    single = {name: OnnxEngine(SPECS[name], in_float32(file)) for name, file in content.items()}
    half = {name: OnnxEngine(SPECS[name], rounded(file)) for name, file in content.items()}
    mesh = MediaPipeCropMesh(stills=True)
    rows: dict[str, list[float]] = {}
    total = 0
    for crop, truth, face, landmarks in crops(folder, count):
        total += 1
        found = figures(outcome(crop, single, mesh), outcome(crop, half, mesh), truth, face, landmarks)
        for name, value in found.items():
            rows.setdefault(name, []).append(value)
    return table(rows, total)


def table(rows: Mapping[str, list[float]], total: int) -> str:
    """Means and the worst crop of every figure, and by how much the task's figures move."""
    lines = [
        f"FP16 against float32 on {total} crops",
        "",
        "| figure | mean | lowest | highest |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [f"| {name} | {np.mean(v):.5g} | {np.min(v):.5g} | {np.max(v):.5g} |" for name, v in rows.items()]
    lines.append("")
    for task in TASKS:
        before, after = (float(np.mean(rows[f"{task} {kind}"])) for kind in ("float32", "FP16"))
        lines.append(f"{task}: moves by {100 * (after / before - 1):+.3f} %")
    return "\n".join(lines)


def extremes(spec: NetworkSpec) -> Iterator[tuple[str, dict[str, Array]]]:
    """Inputs that no camera gives, by name: every image with every mask and part map."""
    random = np.random.default_rng(SEED)
    for image in ("black", "white", "noise", "checkerboard"):
        for mask in ("nothing", "everything", "noise"):
            inputs = {}
            for tensor in spec.inputs:
                inputs[tensor.name] = extreme(
                    tensor.shape, tensor.low, tensor.high, image if tensor.name == "image" else mask, random
                )
            yield f"{image} image, {mask} for the rest", inputs
            if len(spec.inputs) == 1:
                break


def extreme(shape: tuple[int, ...], low: float, high: float, kind: str, random: np.random.Generator) -> Array:
    """An array of one kind within a range."""
    if kind == "noise":
        return random.uniform(low, high, shape).astype(np.float32)
    if kind == "checkerboard":
        rows, columns = np.indices(shape[-2:])
        return np.broadcast_to(np.where((rows + columns) % 2, high, low), shape).astype(np.float32)
    return np.full(shape, low if kind in ("black", "nothing") else high, np.float32)


def headroom(name: str) -> str:
    """The largest value anywhere in a network on extreme inputs, and whether all are finite."""
    spec = SPECS[name]
    engine = OnnxEngine(spec, rounded(read_weights(f"{name}.fp16.onnx"), show_all=True))
    largest, where, bad = 0.0, "", []
    for inputs_name, inputs in extremes(spec):
        for value_name, value in engine.run(**inputs).items():
            if not np.isfinite(value).all():
                bad.append(f"{value_name} ({inputs_name})")
            elif np.abs(value).max() > largest:
                largest, where = float(np.abs(value).max()), f"{value_name}, {inputs_name}"
    if bad:
        return f"{name}: {len(bad)} values overflow, first {bad[0]}"
    share = largest / LARGEST
    return f"{name}: all {len(engine.names)} values finite, at most {largest:.1f} ({where}): {share:.2%} of the range"


def evaluate(folder: Path, count: int) -> str:
    """Everything, as text."""
    return "\n".join([compare(folder, count), "", *map(headroom, sorted(shipped_networks()))])
