"""Writes a trained network as the one FP16 ONNX file that OpenVINO and TensorRT share.

    python -m engines.export contour --run runs/contour

Everything inside is float16, batch normalisation included, and the weights keep their names of the state_dict, so that
`--init` of a later training can read them back. Inputs and outputs are float32 with a cast at the edge: the caller
never touches float16, OpenVINO computes in the precision it is told, and a strongly typed TensorRT network fuses the
casts into its first and last kernels. Shapes are static.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from engines.engine import HASHES, SPECS, WEIGHTS, NetworkSpec, digest, get_spec
from engines.networks import load_network
from engines.openvino_engine import OpenVinoEngine
from realtime.errors import OK, UserError, tells_user_errors

OPSET = 17
MAX_ERROR = 0.06  # of a value in 0..1 or -1..1, FP16 against torch's float32, at the worst pixel
MEAN_ERROR = 0.002


class HalfInside(nn.Module):
    """A network in float16 behind float32 inputs and outputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.half()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The network's outputs as a flat tuple, float32."""
        outputs = self.network(*(x.half() for x in inputs))
        return tuple(y.float() for y in ((outputs,) if isinstance(outputs, Tensor) else outputs))


def example_inputs(spec: NetworkSpec, seed: int = 0) -> list[Tensor]:
    """Smooth random inputs within the spec's ranges: noise alone would not reach the deeper layers."""
    generator = torch.Generator().manual_seed(seed)
    inputs = []
    for tensor in spec.inputs:
        n, channels, height, width = tensor.shape
        coarse = torch.randn(n, channels, 6, 6, generator=generator)
        fine = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic") * 1.5
        if tensor.name == "parts":
            inputs.append(torch.softmax(4 * fine, 1))
        else:
            inputs.append(torch.sigmoid(4 * fine) * (tensor.high - tensor.low) + tensor.low)
    return inputs


def to_onnx(network: nn.Module, spec: NetworkSpec) -> bytes:
    """The FP16 ONNX file of a network in evaluation mode; the network itself is left in float16."""
    # Merging batch normalisation with the weights would lose their names and their meaning for a later training.
    # Every runtime merges them at load.
    model = trace(HalfInside(network).eval(), spec, merge=False)
    rename_initializers(model)
    onnx.checker.check_model(model, full_check=True)
    for tensor, value in zip(spec.outputs, model.graph.output, strict=True):
        shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        if shape != tensor.shape:
            raise UserError(
                f"The {spec.name} network's {tensor.name} would be {shape}, not {tensor.shape}.",
                "Train it with the configuration that engines/engine.py describes.",
            )
    return model.SerializeToString()


def trace(network: nn.Module, spec: NetworkSpec, merge: bool) -> onnx.ModelProto:
    """The network as an ONNX graph with the spec's names; `merge`: batch normalisation goes into the weights."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's notes on shape checks, and that it is the older exporter
        torch.onnx.export(
            network,
            tuple(example_inputs(spec)),
            buffer,
            input_names=[tensor.name for tensor in spec.inputs],
            output_names=[tensor.name for tensor in spec.outputs],
            opset_version=OPSET,
            dynamo=False,
            training=torch.onnx.TrainingMode.EVAL if merge else torch.onnx.TrainingMode.PRESERVE,
        )
    model = onnx.load_from_string(buffer.getvalue())
    slices_to_gathers(model)
    return model


def rename_initializers(model: onnx.ModelProto) -> None:
    """Takes the wrapper's prefix off the weights' names, in place."""
    prefix = "network."
    for tensor in model.graph.initializer:
        tensor.name = tensor.name.removeprefix(prefix)
    for node in model.graph.node:
        node.input[:] = [name.removeprefix(prefix) for name in node.input]
        # Equal weights are stored once; the others are copies of it, made by nodes.
        node.output[:] = [name.removeprefix(prefix) for name in node.output]


def slices_to_gathers(model: onnx.ModelProto) -> None:
    """Picks channels by Gather instead of Slice, in place: OpenVINO's splits cost more than a whole layer."""
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    constants |= {
        node.output[0]: onnx.numpy_helper.to_array(node.attribute[0].t)
        for node in model.graph.node
        if node.op_type == "Constant"
    }
    inferred = onnx.shape_inference.infer_shapes(model)
    channels = {
        value.name: value.type.tensor_type.shape.dim[1].dim_value
        for value in (*inferred.graph.value_info, *inferred.graph.input)
        if len(value.type.tensor_type.shape.dim) == 4
    }
    for node in model.graph.node:
        if node.op_type != "Slice" or node.input[0] not in channels or len(node.input) < 4:
            continue
        start, end, axis = (int(constants[name][0]) for name in node.input[1:4])
        if axis != 1:
            continue
        chosen = np.arange(channels[node.input[0]])[start:end]
        name = f"{node.output[0]}_channels"
        model.graph.initializer.append(onnx.numpy_helper.from_array(chosen, name))
        node.CopyFrom(onnx.helper.make_node("Gather", [node.input[0], name], list(node.output), node.name, axis=1))


def reference(network: nn.Module, spec: NetworkSpec, inputs: list[Tensor]) -> dict[str, np.ndarray]:
    """What torch computes in float32, by output name."""
    with torch.inference_mode():
        outputs = network(*inputs)
    outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
    return {tensor.name: y.numpy() for tensor, y in zip(spec.outputs, outputs, strict=True)}


def compare(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Largest and mean absolute difference of each output."""
    errors = {name: np.abs(expected[name] - found[name]) for name in expected}
    return {name: (float(e.max()), float(e.mean())) for name, e in errors.items()}


def write_weights(name: str, content: bytes, folder: Path = WEIGHTS) -> Path:
    """Puts a weight file and its hash in place, each in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    hashes = folder / HASHES
    known = json.loads(hashes.read_text()) if hashes.is_file() else {}
    known[name] = digest(content)
    texts = {folder / name: content, hashes: (json.dumps(known, indent=2, sort_keys=True) + "\n").encode()}
    for path, data in texts.items():
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        os.replace(part, path)
    return folder / name


def export(kind: str, checkpoint: Path, folder: Path = WEIGHTS) -> Path:
    """Checkpoint -> `NAME.fp16.onnx`, checked against torch in float32 before it replaces the old file."""
    spec = get_spec(kind)
    network = load_network(checkpoint, kind)
    inputs = example_inputs(spec, seed=1)
    expected = reference(network, spec, inputs)
    content = to_onnx(network, spec)
    engine = OpenVinoEngine(spec, content, precision="f32", why="check of the export")
    found = engine.run(**{t.name: x.numpy() for t, x in zip(spec.inputs, inputs, strict=True)})
    for name, (largest, mean) in compare(expected, dict(found)).items():
        scale = max(1.0, float(np.abs(expected[name]).max()))
        print(f"{kind} {name}: FP16 against float32: largest {largest:.5f}, mean {mean:.6f}")
        if not (largest <= MAX_ERROR * scale and mean <= MEAN_ERROR * scale):
            raise UserError(
                f"The exported {kind} network differs from the trained one in {name}.", "Look for overflow in float16."
            )
    path = write_weights(f"{kind}.fp16.onnx", content, folder)
    print(f"{path}: {len(content) / 1e6:.1f} MB")
    return path


@tells_user_errors
def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m engines.export", description="Checkpoint to FP16 ONNX.")
    parser.add_argument("network", choices=sorted(SPECS))
    parser.add_argument(
        "--run",
        type=Path,
        required=True,
        help="the training's folder: it holds checkpoint.pt (after `bump`: its sub-folder bump)",
    )
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the file goes (default: %(default)s)")
    given = parser.parse_args(arguments)
    export(given.network, given.run / "checkpoint.pt", given.out)
    return OK


if __name__ == "__main__":
    sys.exit(main())
