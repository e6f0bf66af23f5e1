"""The GPU as the engines use it: memory, one stream, copies, graphs. The only module that calls CUDA.

Calls go to `cuda.bindings.runtime`, which needs no driver to be imported; it is handed in, so that the tests can put
a made-up device in its place.
"""

from __future__ import annotations

import ctypes
import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from realtime.frames import Array

BINDINGS = "cuda.bindings.runtime"
POLL_SECONDS = 5e-5  # between two looks at whether the GPU is done; other threads run meanwhile


class GpuError(Exception):
    """The GPU, its driver or its packages cannot do what was asked; the text is one line for the user."""


@dataclass(frozen=True)
class GpuInfo:
    """The GPU that would be used."""

    name: str
    capability: tuple[int, int]  # compute capability, e.g. (8, 9)
    driver: str  # the newest CUDA that the driver can run, e.g. "13.0"
    memory: int  # bytes

    @property
    def sm(self) -> str:
        """The compute capability as the builder's options and the file names write it, e.g. "8.9"."""
        return "{}.{}".format(*self.capability)


@dataclass(frozen=True)
class Buffer:
    """A tensor at a fixed address of the GPU's memory and, where the host reads or writes it, pinned memory beside."""

    address: int
    size: int  # bytes
    host: Array | None
    host_address: int

    @property
    def pinned(self) -> Array:
        """The host's side of a buffer that has one."""
        assert self.host is not None
        return self.host


class Cuda:
    """The first GPU that CUDA lists (`CUDA_VISIBLE_DEVICES` chooses another).

    Args:
        runtime: the module `cuda.bindings.runtime`, or a stand-in.
    """

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    def describe(self) -> GpuInfo:
        """Which GPU there is.

        Raises:
            GpuError: there is no driver, it is too old, or it sees no GPU.
        """
        driver = _version(self._call("cudaDriverGetVersion")[0])
        if driver == "0.0":
            raise GpuError("there is no NVIDIA driver")
        try:
            (count,) = self._call("cudaGetDeviceCount")
        except GpuError as error:
            needed = _version(self._call("cudaRuntimeGetVersion")[0])
            if "cudaErrorInsufficientDriver" in str(error):
                message = f"the NVIDIA driver is too old: it runs CUDA {driver}, and {needed.split('.')[0]}.x is needed"
                raise GpuError(message) from error
            raise
        if not count:
            raise GpuError("the driver sees no NVIDIA GPU")
        (found,) = self._call("cudaGetDeviceProperties", 0)
        name = found.name.decode(errors="replace").rstrip("\0")
        return GpuInfo(name, (found.major, found.minor), driver, int(found.totalGlobalMem))

    def stream(self) -> Any:
        """A stream that does not wait for the default one."""
        return self._call("cudaStreamCreateWithFlags", self._runtime.cudaStreamNonBlocking)[0]

    def allocate(self, shape: Sequence[int], dtype: Any, pinned: bool) -> Buffer:
        """Memory for a tensor, filled with zeros on the host's side; with `pinned`, host memory beside it.

        Raises:
            GpuError: out of memory.
        """
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        (address,) = self._call("cudaMalloc", size)
        if not pinned:
            return Buffer(int(address), size, None, 0)
        (host_address,) = self._call("cudaHostAlloc", size, self._runtime.cudaHostAllocDefault)
        memory = memoryview((ctypes.c_char * size).from_address(int(host_address)))
        host = np.frombuffer(memory, dtype).reshape(shape)
        host[...] = 0
        return Buffer(int(address), size, host, int(host_address))

    def upload(self, buffer: Buffer, stream: Any) -> None:
        """Queues the copy from the host to the GPU."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call("cudaMemcpyAsync", buffer.address, buffer.host_address, buffer.size, kind, stream)

    def download(self, buffer: Buffer, stream: Any) -> None:
        """Queues the copy from the GPU to the host."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call("cudaMemcpyAsync", buffer.host_address, buffer.address, buffer.size, kind, stream)

    def wait(self, stream: Any, seconds: float) -> None:
        """Until everything queued is done.

        Raises:
            GpuError: something failed, or the GPU did not answer in time. A blocking wait would hang with a GPU that
                hangs, so this one asks again and again.
        """
        runtime = self._runtime
        until = time.monotonic() + seconds
        while True:
            (status,) = runtime.cudaStreamQuery(stream)
            if status == runtime.cudaError_t.cudaSuccess:
                return
            if status != runtime.cudaError_t.cudaErrorNotReady:
                raise GpuError(self._explain("cudaStreamQuery", status))
            if time.monotonic() > until:
                raise GpuError(f"the GPU did not answer for {seconds:g} s")
            time.sleep(POLL_SECONDS)

    def record(self, stream: Any, work: Callable[[], None]) -> Any:
        """What `work` queues on the stream as a graph, which `launch` runs in one call; nothing runs meanwhile.

        Raises:
            GpuError: something in it cannot be part of a graph.
        """
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", stream, mode)
        try:
            work()
        finally:
            (graph,) = self._call("cudaStreamEndCapture", stream)
        (executable,) = self._call("cudaGraphInstantiate", graph, 0)
        return executable

    def launch(self, graph: Any, stream: Any) -> None:
        """Queues a recorded graph."""
        self._call("cudaGraphLaunch", graph, stream)

    def _call(self, name: str, *arguments: Any) -> tuple:
        """What a CUDA function returns behind its status.

        Raises:
            GpuError: its status is not success.
        """
        status, *values = getattr(self._runtime, name)(*arguments)
        if status != self._runtime.cudaError_t.cudaSuccess:
            raise GpuError(self._explain(name, status))
        return tuple(values)

    def _explain(self, name: str, status: Any) -> str:
        if status == self._runtime.cudaError_t.cudaErrorMemoryAllocation:
            return "the GPU is out of memory"
        return f"CUDA failed in {name}: {status.name}"


def load_cuda() -> Cuda:
    """CUDA as it is installed.

    Raises:
        GpuError: the bindings are not installed or cannot be loaded.
    """
    try:
        return Cuda(importlib.import_module(BINDINGS))
    except ModuleNotFoundError as error:
        raise GpuError("cuda-bindings is not installed") from error
    except (ImportError, OSError, RuntimeError) as error:
        raise GpuError(f"cuda-bindings cannot be loaded: {first_line(error)}") from error


def first_line(error: object) -> str:
    """The first line of a message, shortened, so that it fits into another."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return text if len(text) <= 160 else text[:157] + "..."


def _version(number: int) -> str:
    """13020 -> "13.2"."""
    return f"{number // 1000}.{number % 1000 // 10}"
