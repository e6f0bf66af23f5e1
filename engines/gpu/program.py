"""One engine loaded onto the GPU: its tensors at fixed addresses, ready to be queued on a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.gpu.cuda import GpuError
from engines.gpu.packages import Package


@dataclass(frozen=True)
class ProgramTensor:
    """An input or output of an engine."""

    shape: tuple[int, ...]
    dtype: np.dtype
    is_input: bool


class Program:
    """A deserialised engine and its execution context. It lives as long as the program: nothing is freed before.

    Args:
        package: the one that built it.
        engine: the serialised engine.
        learned: TensorRT-RTX: `learned()` of an earlier run, so that kernels need not be compiled again.
        graph: TensorRT-RTX: whether it captures its kernels in a CUDA graph by itself.

    Raises:
        GpuError: the GPU, the driver or the package does not accept the engine, or there is no memory for it.
    """

    def __init__(self, package: Package, engine: bytes, learned: bytes | None = None, graph: bool = True) -> None:
        trt = package.module
        self._logger = package.logger()
        self._runtime = trt.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(engine)
        if self._engine is None:
            raise GpuError(f"{package} does not accept the engine: {self._logger.last}")
        self._cache: Any = None
        if package.is_rtx:
            self._context = self._engine.create_execution_context(self._configure(trt, learned, graph))
        else:
            self._context = self._engine.create_execution_context()
        if self._context is None:
            raise GpuError(f"{package} has no room for the engine: {self._logger.last}")
        self.tensors = dict(self._tensors(trt))

    def bind(self, name: str, address: int) -> None:
        """Fixes where in the GPU's memory a tensor lies."""
        if not self._context.set_tensor_address(name, address):
            raise GpuError(f"TensorRT does not take an address for {name}: {self._logger.last}")

    def enqueue(self, stream: Any) -> None:
        """Queues one run."""
        if not self._context.execute_async_v3(int(stream)):
            raise GpuError(f"TensorRT could not start: {self._logger.last or 'no reason given'}")

    def learned(self) -> bytes | None:
        """TensorRT-RTX: the kernels that it compiled for this very GPU while it ran first."""
        return None if self._cache is None else bytes(self._cache.serialize())

    def _configure(self, trt: Any, learned: bytes | None, graph: bool) -> Any:
        config = self._engine.create_runtime_config()
        self._cache = config.create_runtime_cache()
        if learned:
            self._cache.deserialize(learned)  # what it cannot use is compiled again
        config.set_runtime_cache(self._cache)
        if graph:
            config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        return config

    def _tensors(self, trt: Any) -> list[tuple[str, ProgramTensor]]:
        found = []
        for index in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(index)
            shape = tuple(self._engine.get_tensor_shape(name))
            dtype = np.dtype(trt.nptype(self._engine.get_tensor_dtype(name)))
            is_input = self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
            found.append((name, ProgramTensor(shape, dtype, is_input)))
        return found
