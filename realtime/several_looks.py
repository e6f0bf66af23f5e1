"""A network that looks again, in the mirror, too: for stills, where the last bit of quality is worth the time."""

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


class SeveralLooks:
    """An engine of images whose outputs are the average over looks at the crop and at its mirror image.

    Args:
        engine: the contour or the completion network, which sees the crop as it is.
        others: the same network for crops of other sizes, which in turn see the mirror image and the crop, scaled:
            there it errs elsewhere. Without any, the first sees the mirror image, too.
    """

    def __init__(self, engine: Engine, *others: Engine) -> None:
        self._engine, self._others = engine, others or (engine,)
        self.spec, self.device, self.precision = engine.spec, engine.device, engine.precision
        self.why = f"{engine.why}; {1 + len(self._others)} looks at crop and mirror image averaged"

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The buffers that `run` reads. It leaves them as they were."""
        return self._engine.inputs

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """Computes the outputs, once per look; see `Engine`."""
        outputs = {name: output.copy() for name, output in self._engine.run(**arrays).items()}
        given = {name: array.copy() for name, array in self.inputs.items()}
        for number, other in enumerate(self._others):
            seen_as = mirrored if number % 2 == 0 else _as_it_is
            for name, buffer in other.inputs.items():
                buffer[:] = scaled(seen_as(name, given[name]), buffer.shape[-1])
            for name, output in other.run().items():
                outputs[name] += seen_as(name, scaled(output, outputs[name].shape[-1]))
        for output in outputs.values():
            output /= np.float32(1 + len(self._others))
        for name, array in given.items():
            self.inputs[name][:] = array
        return outputs


def _as_it_is(name: str, array: Array) -> Array:
    return array
