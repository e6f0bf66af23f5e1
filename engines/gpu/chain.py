"""A face from end to end on the GPU: crop -> contour -> completion -> regression, one copy there and one back.

Between the networks stand the small graphs of `engines.gpu.write_graphs`. What one writes lies where the next reads:
a tensor is a wire with one address. The live program uses the row up to the painting, see `realtime.unocclude`: what
the regression network is shown there has been mixed, on the CPU, with what is remembered of the face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.engine import COMPLETION_SIZE, SPECS, read_weights, shipped_networks
from engines.gpu.cuda import Buffer, GpuError
from engines.gpu.program import Program, ProgramTensor
from engines.gpu.session import Gpu, Row
from realtime.frames import Array, Image

GRAPHS = Path(__file__).with_name("graphs")
NO_MASK = 0.5  # where no mask was before: the threshold lies in the middle then, see realtime.blending.margin


@dataclass(frozen=True)
class Stage:
    """A program of the chain, and the wires on which its tensors lie; those not named have a wire of their name."""

    name: str
    wires: Mapping[str, str]

    def wire(self, tensor: str) -> str:
        """Where a tensor lies."""
        return self.wires.get(tensor, tensor)


STAGES = (
    Stage("prepare", {}),
    Stage("contour", {"image": "small", "mask": "small_mask"}),
    Stage("cover", {"mask": "small_mask"}),
    Stage("completion", {"mask": "hole"}),
    Stage("blend", {}),
    Stage("regression", {"image": "completed"}),
)
UPLOADS = ("crop", "before")
DOWNLOADS = ("probability", "cover", "parts", "painting", *(tensor.name for tensor in SPECS["regression"].outputs))


class Chain:
    """The shipped networks as one row of programs.

    Args:
        gpu: where.
        graph: whether to use CUDA graphs.
        until: the last stage; what comes after is left out.

    Raises:
        GpuError: a program cannot be built, loaded or run there, or two do not fit together.
    """

    def __init__(self, gpu: Gpu, graph: bool = True, until: str = STAGES[-1].name) -> None:
        self.gpu = gpu
        self.stages = shipped_stages(until)
        programs = [gpu.load(stage.name, model_of(stage.name), graph) for stage in self.stages]
        self.wires = _lay(gpu, self.stages, programs)
        for stage, program in zip(self.stages, programs, strict=True):
            for tensor in program.tensors:
                program.bind(tensor, self.wires[stage.wire(tensor)].address)
        self._before = self.wires["before"].pinned
        self._before[:] = NO_MASK
        downloads = [self.wires[name] for name in DOWNLOADS if name in self.wires]
        self._found = {name: self.wires[name].pinned for name in DOWNLOADS if name in self.wires}
        self._row = Row(gpu, [self.wires[name] for name in UPLOADS], programs, downloads, graph)

    def run(self, crop: Image, before: Array | None = None) -> Mapping[str, Array]:
        """Everything about one crop.

        Args:
            crop: (S, S, 3) RGB uint8, `COMPLETION_SIZE` px.
            before: (S, S) 0..1, the last mask carried along with the face; None: there was none.

        Returns:
            Buffers that the next call overwrites: "probability" (1, 1, S, S) of the mask, "cover" the mask itself, 0
            or 1, "parts" as the contour network's, "painting" (1, S, S, 3) uint8, and what the regression network
            says of the completed crop.

        Raises:
            GpuError: the GPU is lost.
            ValueError: the crop has another size.
        """
        if crop.shape != (COMPLETION_SIZE, COMPLETION_SIZE, 3) or crop.dtype != np.uint8:
            raise ValueError(f"crop: expected uint8 {(COMPLETION_SIZE,) * 2 + (3,)}, got {crop.dtype} {crop.shape}")
        self.wires["crop"].pinned[0] = crop
        self._before[0, 0] = NO_MASK if before is None else before
        self._row.run()
        return self._found


def shipped_stages(until: str = STAGES[-1].name) -> list[Stage]:
    """The stages up to one of them whose networks are shipped with this copy."""
    end = [stage.name for stage in STAGES].index(until) + 1
    return [stage for stage in STAGES[:end] if stage.name not in SPECS or stage.name in shipped_networks()]


def model_of(name: str) -> bytes:
    """The ONNX file of a stage."""
    return read_weights(f"{name}.fp16.onnx") if name in SPECS else (GRAPHS / f"{name}.onnx").read_bytes()


def _lay(gpu: Gpu, stages: Sequence[Stage], programs: Sequence[Program]) -> dict[str, Buffer]:
    """Memory for every wire, pinned on the host's side where it is copied.

    Raises:
        GpuError: two tensors on a wire differ, or one is read before it is written.
    """
    shapes: dict[str, ProgramTensor] = {}
    for stage, program in zip(stages, programs, strict=True):
        for name, tensor in program.tensors.items():
            wire = stage.wire(name)
            known = shapes.get(wire)
            if known is None and tensor.is_input and wire not in UPLOADS:
                raise GpuError(f"nothing writes the {name} that {stage.name} reads")
            if known is not None and (known.shape, known.dtype) != (tensor.shape, tensor.dtype):
                raise GpuError(f"{stage.name} does not fit to what writes its {name}")
            shapes[wire] = tensor
    copied = UPLOADS + DOWNLOADS
    return {wire: gpu.cuda.allocate(t.shape, t.dtype, pinned=wire in copied) for wire, t in shapes.items()}
