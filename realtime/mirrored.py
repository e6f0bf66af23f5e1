"""A network that also looks in the mirror: for stills, where the last bit of quality is worth twice the time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engines.engine import Engine
from realtime.frames import PART_NAMES, Array
from realtime.pixels import resized


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


def scaled(array: Array, side: int) -> Array:
    """(1, C, S, S) at another side."""
    return np.stack([resized(channel, side) for channel in array[0]])[None]


class Mirrored:
    """An engine of images whose outputs are the average over the crop and its mirror image.

    Args:
        engine: the contour or the completion network.
        other: the same network for crops of another size, which sees the mirror image scaled: there it errs
            elsewhere. None: the mirror image is seen as the crop is.
    """

    def __init__(self, engine: Engine, other: Engine | None = None) -> None:
        self._engine, self._other = engine, engine if other is None else other
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
        for name, buffer in self._other.inputs.items():
            buffer[:] = scaled(mirrored(name, given[name]), buffer.shape[-1])
        for name, output in self._other.run().items():
            outputs[name] += mirrored(name, scaled(output, outputs[name].shape[-1]))
            outputs[name] *= np.float32(0.5)
        for name, array in given.items():
            self.inputs[name][:] = array
        return outputs
