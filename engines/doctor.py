"""`python -m engines doctor`: what is installed, which engine would run and why, whether it is right, how fast it is.

Plain text, to be pasted into a bug report.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from engines.engine import Engine, choose_engine, get_spec, read_weights, shipped_networks
from engines.gpu.chain import Chain
from engines.gpu.cuda import GpuError, first_line, load_cuda
from engines.gpu.opening import FAILURES, Figures, gpus, passed_chain, passed_engine
from engines.gpu.packages import PACKAGES, load_package
from engines.gpu.self_check import check_inputs, stored_crops
from engines.gpu.session import Gpu
from engines.openvino_engine import cpu_capabilities, open_openvino, openvino_core
from engines.tensorrt_engine import TensorRtEngine

GPU_EXTRA = "for an NVIDIA GPU: pip install 'contourface[gpu]'"
DISTRIBUTIONS = ("numpy", "openvino", "cuda-bindings", "tensorrt-rtx", "tensorrt")
RUNS = 200  # per latency; the first tenth is not counted
CPU_RUNS = 20


def report(runs: int = RUNS) -> Iterator[str]:
    """The lines, each as soon as it is known.

    Args:
        runs: how many runs a latency on the GPU is taken from.
    """
    yield from _installed()
    yield from _device()
    yield ""
    yield "engines (--device auto):"
    for network in sorted(shipped_networks()):
        yield f"  {choose_engine(network).why}"
    yield ""
    yield from _self_checks()
    yield ""
    yield from _latencies(runs)


def _installed() -> Iterator[str]:
    yield f"contourface on {platform.platform()}, Python {sys.version.split()[0]}"
    for name in DISTRIBUTIONS:
        try:
            yield f"  {name} {version(name)}"
        except PackageNotFoundError:
            yield f"  {name} is not installed" + (
                f" ({GPU_EXTRA})" if name in ("cuda-bindings", "tensorrt-rtx") else ""
            )


def _device() -> Iterator[str]:
    name = openvino_core().get_property("CPU", "FULL_DEVICE_NAME")
    yield f"CPU: {name}, computes in {', '.join(sorted(cpu_capabilities() & {'FP32', 'BF16', 'INT8'}))}"
    try:
        info = load_cuda().describe()
    except GpuError as error:
        yield f"GPU: none, {error}"
        return
    memory = info.memory / 2**30
    yield f"GPU: {info.name}, compute capability {info.sm}, {memory:.1f} GiB, driver for CUDA {info.driver}"
    for name in PACKAGES:
        try:
            package = load_package(name)
        except GpuError as error:
            yield f"  {error}"
            continue
        able = "can" if package.supports(info.capability) else "cannot"
        yield f"  {package} {able} serve it"


def _self_checks() -> Iterator[str]:
    found, reason = gpus()
    yield "self-check against the CPU in float32 (mean and largest difference, in shares of the range):"
    if not found:
        yield f"  none: {reason}"
    for gpu in found:
        for network in sorted(shipped_networks()):
            yield _checked(gpu, network, partial(passed_engine, gpu, network))
        yield _checked(gpu, "chain", partial(passed_chain, gpu))


def _checked(gpu: Gpu, what: str, check: Callable[[], tuple[object, Figures]]) -> str:
    try:
        figures = [f"{name} {mean:.5f} {most:.4f}" for name, (mean, most) in check()[1].items()]
    except FAILURES as error:
        return f"  {gpu}: {what}: {first_line(error)}"
    return f"  {gpu}: {what}: {', '.join(figures)}"


def _latencies(runs: int) -> Iterator[str]:
    yield f"{'milliseconds, copies included':<64}{'p50':>8}{'p95':>8}"
    for network in sorted(shipped_networks()):
        cpu = open_openvino(network)
        yield _latency(f"{network}: OpenVINO on the CPU, {cpu.precision}", partial(_runner, cpu), CPU_RUNS)
    for gpu in gpus()[0]:
        for graph in (True, False):
            suffix = "" if graph else ", without CUDA graphs"
            for network in sorted(shipped_networks()):
                what = f"{network}: {gpu.package}{suffix}"
                yield _latency(what, partial(_on_gpu, gpu, network, graph), runs)
            what = f"all in a row: {gpu.package}{suffix}"
            yield _latency(what, partial(_in_a_row, gpu, graph), runs)


def _on_gpu(gpu: Gpu, network: str, graph: bool) -> Callable[[], object]:
    return _runner(TensorRtEngine(get_spec(network), read_weights(f"{network}.fp16.onnx"), gpu, graph))


def _runner(engine: Engine) -> Callable[[], object]:
    inputs = next(check_inputs(engine.spec))
    return partial(engine.run, **inputs)


def _in_a_row(gpu: Gpu, graph: bool) -> Callable[[], object]:
    return partial(Chain(gpu, graph).run, stored_crops()[0])


def _latency(what: str, prepare: Callable[[], Callable[[], object]], runs: int) -> str:
    """One row of the table; what fails says so in its place."""
    try:
        p50, p95 = measure(prepare(), runs)
    except FAILURES as error:
        return f"{what:<64}  {first_line(error)}"
    return f"{what:<64}{p50:8.2f}{p95:8.2f}"


def measure(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """The median and the 95th percentile of a run, in milliseconds."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        times.append((time.perf_counter() - started) * 1e3)
    p50, p95 = np.percentile(times[runs // 10 :], (50, 95))
    return float(p50), float(p95)
