"""A network that also looks in the mirror: for stills, where the last bit of quality is worth twice the time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engines.engine import Engine
from realtime.frames import PART_NAMES, Array


def _swapped_parts() -> list[int]:
    """For each part, the one that it is in a mirror image."""
    sides = {"left": "right", "right": "left"}
    names = ["_".join(sides.get(word, word) for word in name.split("_")) for name in PART_NAMES]
    return [PART_NAMES.index(name) for name in names]


SWAPPED = _swapped_parts()


def mirrored(name: str, array: Array) -> Array:
    """An input or output (N, C, H, W) of the contour or the completion network as of the mirrored crop."""
    flipped = array[..., ::-1]
    return flipped[:, SWAPPED] if name == "parts" else flipped


class Mirrored:
    """An engine of images whose outputs are the average over the crop and its mirror image.

    Args:
        engine: the contour or the completion network.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.spec, self.device, self.precision = engine.spec, engine.device, engine.precision
        self.why = f"{engine.why}; crop and mirror image averaged"

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The buffers that `run` reads. It leaves them as they were."""
        return self._engine.inputs

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """Computes the outputs, twice; see `Engine`."""
        outputs = {name: output.copy() for name, output in self._engine.run(**arrays).items()}
        given = {name: array.copy() for name, array in self.inputs.items()}
        for name, array in given.items():
            self.inputs[name][:] = mirrored(name, array)
        for name, output in self._engine.run().items():
            outputs[name] += mirrored(name, output)
            outputs[name] *= np.float32(0.5)
        for name, array in given.items():
            self.inputs[name][:] = array
        return outputs
