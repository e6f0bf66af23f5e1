"""From what is installed and plugged in to an engine that has proved itself, or to one line that says why not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache

from engines.engine import Engine, get_spec, read_weights
from engines.gpu.chain import STAGES, Chain, model_of
from engines.gpu.cuda import GpuError, first_line
from engines.gpu.fallback import FallbackEngine
from engines.gpu.self_check import check_chain, check_engine
from engines.gpu.session import Gpu, find_gpus
from engines.tensorrt_engine import TensorRtEngine
from realtime.frames import Array, Image

# What the packages' bindings raise besides: an unknown version may lack a call or want other arguments.
FAILURES = (GpuError, RuntimeError, TypeError, AttributeError, OSError)

Figures = dict[str, tuple[float, float]]  # output -> mean and largest difference to the CPU's, in shares of its range


class GpuEngine(FallbackEngine):
    """A network on a GPU that can be lost."""

    def __init__(self, engine: TensorRtEngine, cpu: Callable[[], Engine]) -> None:
        super().__init__(engine, cpu)
        self.gpu = engine.gpu


class GpuChain:
    """All networks in a row on a GPU that can be lost."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def run(self, crop: Image, before: Array | None = None) -> Mapping[str, Array] | None:
        """As `Chain.run`; None from the moment on when the GPU is lost."""
        if self._chain.gpu.lost:
            return None
        try:
            return self._chain.run(crop, before)
        except GpuError:  # told by whom it happened to
            return None


@cache
def gpus() -> tuple[list[Gpu], str]:
    """This machine's GPU, once per package that serves it, or an empty list and why."""
    try:
        return find_gpus(), ""
    except FAILURES as error:
        return [], first_line(error)


def open_on_gpu(network: str, cpu: Callable[[], Engine]) -> GpuEngine:
    """A network on the GPU, checked against the CPU.

    Args:
        network: a name in `engines.engine.SPECS`.
        cpu: opens the engine that takes over when the GPU is lost.

    Raises:
        GpuError: no GPU can run it; the text says why, in one line.
        UserError: its weights are missing or damaged.
    """
    found, reason = gpus()
    if not found:
        raise GpuError(reason)
    reasons = []
    for gpu in found:
        if gpu.lost:
            reasons.append(f"{gpu} was lost: {gpu.lost}")
            continue
        try:
            return GpuEngine(passed_engine(gpu, network)[0], cpu)
        except FAILURES as error:
            reasons.append(f"{gpu}: {first_line(error)}")
    raise GpuError("; ".join(reasons))


def open_chain(*engines: Engine) -> GpuChain | None:
    """The row up to the painting where these engines run on one GPU and the row proves itself; else None."""
    found = [engine.gpu if isinstance(engine, GpuEngine) and engine.on_gpu else None for engine in engines]
    gpu = found[0]
    if gpu is None or any(other is not gpu for other in found):
        return None
    try:
        return GpuChain(passed_chain(gpu, until="blend")[0])
    except FAILURES:  # the engines one by one are as good
        return None


def passed_engine(gpu: Gpu, network: str) -> tuple[TensorRtEngine, Figures]:
    """A network on a GPU that says what the CPU says, and how much they differ.

    Raises:
        GpuError: it cannot be built, loaded or run, or it is wrong.
    """
    model = read_weights(f"{network}.fp16.onnx")
    engine = TensorRtEngine(get_spec(network), model, gpu)
    return engine, passed(gpu, network, model, lambda: check_engine(engine))


def passed_chain(gpu: Gpu, until: str = STAGES[-1].name) -> tuple[Chain, Figures]:
    """The networks in a row on a GPU, up to one of them; otherwise as `passed_engine`."""
    chain = Chain(gpu, until=until)
    models = b"".join(model_of(stage.name) for stage in chain.stages)
    return chain, passed(gpu, "chain", models, lambda: check_chain(chain.run))


def passed(gpu: Gpu, network: str, model: bytes, check: Callable[[], Figures]) -> Figures:
    """The differences to the CPU; what passed once with this file, package, GPU and driver is not checked again."""
    key = gpu.check_key(network, model)
    kept = gpu.cache.get(key)
    if kept is not None:
        return json.loads(kept)
    found = check()
    gpu.cache.put(key, json.dumps(found).encode())
    return found
