"""A GPU and one TensorRT package for it: loads networks, from the cache where it can, and runs them in a row."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engines.build import RECIPE, build_engine, float32_layers
from engines.engine import SPECS, digest
from engines.gpu.cache import Cache, Key, cache_folder
from engines.gpu.cuda import Buffer, Cuda, GpuError, GpuInfo, first_line, load_cuda
from engines.gpu.packages import PACKAGES, Package, load_package
from engines.gpu.program import Program

log = logging.getLogger(__name__)

FIRST_SECONDS = 120.0  # TensorRT-RTX compiles its kernels in the first run
RUN_SECONDS = 0.5  # a GPU that takes longer than this for a millisecond's work is lost


def key_of(kind: str, network: str, model: bytes, package: Package, capability: tuple[int, int], gpu: str) -> Key:
    """The cache's key; `gpu` is empty for what runs on any GPU of the compute capability."""
    sm = "{}.{}".format(*capability)
    return Key(kind, network, digest(model), f"{package.name} {package.version}", sm, gpu, RECIPE)


def engine_key(network: str, model: bytes, package: Package, capability: tuple[int, int], gpu: str) -> Key:
    """Under which key an engine is kept; what TensorRT-RTX builds runs on any GPU of the compute capability."""
    return key_of("engine", network, model, package, capability, "" if package.is_rtx else gpu)


def engine_for(
    cache: Cache, network: str, model: bytes, package: Package, capability: tuple[int, int], gpu: str
) -> tuple[bytes, bool]:
    """The compiled engine, and whether it was in the cache.

    Args:
        cache: where engines are kept.
        network: for the file's name.
        model: the ONNX file's bytes.
        package: which TensorRT.
        capability: of the GPU to build for.
        gpu: the GPU's name.

    Raises:
        GpuError: it could not be built, or one of the shipped networks would not compute in FP16.
    """
    key = engine_key(network, model, package, capability, gpu)
    kept = cache.get(key)
    if kept is not None:
        return kept, True
    timing = None if package.is_rtx else key_of("timing", network, b"", package, capability, gpu)
    built = build_engine(package, model, capability, (timing and cache.get(timing)) or b"")
    odd = float32_layers(network, built) if network in SPECS else []
    if odd:
        raise GpuError(f"{len(odd)} layers of the {network} network would not compute in FP16, first {odd[0].layer}")
    cache.put(key, built.engine)
    if timing:
        cache.put(timing, built.timing)
    return built.engine, False


class Gpu:
    """One GPU served by one package. Everything on it shares one stream and one fate.

    Args:
        cuda: the device.
        info: which it is.
        package: which TensorRT.
        cache: where engines are kept.
    """

    def __init__(self, cuda: Cuda, info: GpuInfo, package: Package, cache: Cache) -> None:
        self.cuda, self.info, self.package, self.cache = cuda, info, package, cache
        self.stream = cuda.stream()
        self.lost = ""  # why it cannot be used any more
        self.lock = threading.Lock()  # the stream serves one run at a time
        self._runtime_keys: list[tuple[Key, Program]] = []

    def __str__(self) -> str:
        return f"{self.package} on {self.info.name}"

    def load(self, network: str, model: bytes, graph: bool = True) -> Program:
        """A network ready to be bound to addresses. An engine that the GPU refuses is built anew, once.

        Raises:
            GpuError: it cannot be built or loaded.
        """
        where = network, model, self.package, self.info.capability
        engine, kept = engine_for(self.cache, *where, self.info.name)
        runtime_key = key_of("runtime", *where, self._which)
        learned = self.cache.get(runtime_key) if self.package.is_rtx else None
        try:
            program = Program(self.package, engine, learned, graph)
        except GpuError:
            if not kept:
                raise
            self.cache.remove(engine_key(*where, self.info.name))
            engine, _ = engine_for(self.cache, *where, self.info.name)
            program = Program(self.package, engine, None, graph)
        if learned is None and self.package.is_rtx:
            self._runtime_keys.append((runtime_key, program))
        return program

    def check_key(self, network: str, model: bytes) -> Key:
        """Under which key it is kept that a network passed its self-check here."""
        return key_of("check", network, model, self.package, self.info.capability, self._which)

    def keep_learned(self) -> None:
        """Keeps the kernels that were compiled in the first runs."""
        for key, program in self._runtime_keys:
            content = program.learned()
            if content:
                self.cache.put(key, content)
        self._runtime_keys.clear()

    @property
    def _which(self) -> str:
        """What compiled kernels depend on besides the package."""
        return f"{self.info.name}, driver {self.info.driver}"


@dataclass
class _Work:
    """What one run queues, in this order."""

    uploads: Sequence[Buffer]
    programs: Sequence[Program]
    downloads: Sequence[Buffer]


class Row:
    """Programs that run one after the other on one stream, between the copies from and to the host.

    The first run, made here, lets the package compile and allocate what it will. With classic TensorRT everything,
    copies included, is then recorded in one CUDA graph; TensorRT-RTX records its own kernels by itself.

    Args:
        gpu: where.
        uploads: what is copied to the GPU before.
        programs: bound to their addresses.
        downloads: what is copied from it after.
        graph: whether to use CUDA graphs; off, the difference can be measured.
    """

    def __init__(
        self,
        gpu: Gpu,
        uploads: Sequence[Buffer],
        programs: Sequence[Program],
        downloads: Sequence[Buffer],
        graph: bool = True,
    ) -> None:
        self._gpu, self._work = gpu, _Work(uploads, programs, downloads)
        self._graph: Any = None
        with gpu.lock:
            self._queue()
            gpu.cuda.wait(gpu.stream, FIRST_SECONDS)
            gpu.keep_learned()
            if graph and not gpu.package.is_rtx:
                with contextlib.suppress(GpuError):  # slower without, but as good; a lost GPU shows in the first run
                    self._graph = gpu.cuda.record(gpu.stream, self._queue)

    def run(self) -> None:
        """Copies, computes, copies back, and waits for it.

        Raises:
            GpuError: anything failed, now or at an earlier run; the GPU counts as lost from then on.
        """
        gpu = self._gpu
        with gpu.lock:
            if gpu.lost:
                raise GpuError(gpu.lost)
            try:
                if self._graph is None:
                    self._queue()
                else:
                    gpu.cuda.launch(self._graph, gpu.stream)
                gpu.cuda.wait(gpu.stream, RUN_SECONDS)
            except (GpuError, RuntimeError) as error:
                gpu.lost = first_line(error)
                log.warning("The GPU is lost (%s): the CPU goes on.", gpu.lost)
                raise GpuError(gpu.lost) from error

    def _queue(self) -> None:
        cuda, stream = self._gpu.cuda, self._gpu.stream
        for buffer in self._work.uploads:
            cuda.upload(buffer, stream)
        for program in self._work.programs:
            program.enqueue(stream)
        for buffer in self._work.downloads:
            cuda.download(buffer, stream)


def find_gpus(cache: Cache | None = None) -> list[Gpu]:
    """The GPU, once per installed package that has kernels for it, in the order of preference.

    Raises:
        GpuError: there is no GPU, or no package for it.
    """
    cuda = load_cuda()
    info = cuda.describe()
    found, reasons = [], []
    for name in PACKAGES:
        try:
            package = load_package(name)
        except GpuError as error:
            reasons.append(str(error))
            continue
        if package.supports(info.capability):
            found.append(Gpu(cuda, info, package, cache or Cache(cache_folder())))
        else:
            reasons.append(f"{package} has no kernels for compute capability {info.sm}")
    if not found:
        raise GpuError(f"{info.name}: {'; '.join(reasons)}")
    return found
