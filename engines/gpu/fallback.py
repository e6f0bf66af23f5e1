"""An engine on the GPU with one on the CPU behind it, for when the GPU is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engines.engine import Engine
from engines.gpu.cuda import GpuError
from realtime.frames import Array


class FallbackEngine:
    """Runs on the GPU until that fails, from then on the CPU; the call in which it fails is answered all the same.

    Args:
        gpu: the engine to use.
        cpu: opens the other one, given why; called at once, so that nothing has to be loaded when it is needed.
    """

    def __init__(self, gpu: Engine, cpu: Callable[[], Engine]) -> None:
        self._engine, self._spare = gpu, cpu()
        self.spec, self.device, self.precision, self.why = gpu.spec, gpu.device, gpu.precision, gpu.why

    @property
    def on_gpu(self) -> bool:
        """Whether the GPU still computes."""
        return self._engine is not self._spare

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The buffers that `run` reads."""
        return self._engine.inputs

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """Computes the outputs; see `Engine.run`."""
        if not self.on_gpu:
            return self._engine.run(**arrays)
        try:
            return self._engine.run(**arrays)
        except GpuError as error:
            self._fall_back(str(error))
        return self._engine.run()

    def _fall_back(self, reason: str) -> None:
        """Goes over to the CPU, with the inputs that the GPU was to compute with."""
        lost, self._engine = self._engine, self._spare
        for name, buffer in self._engine.inputs.items():
            buffer[:] = lost.inputs[name]
        self.device, self.precision = self._engine.device, self._engine.precision
        self.why = f"{self._engine.why.rstrip(')')}; the GPU was lost: {reason})"
