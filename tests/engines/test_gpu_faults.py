"""Whatever is wrong with a GPU, the program runs on the CPU and says why in one line. On a made-up device."""

import logging
import time

import numpy as np
import pytest

from engines.engine import choose_engine
from engines.gpu import opening, session
from engines.gpu.cuda import GpuError
from realtime.errors import UserError

X = np.linspace(-1, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)


def doubles(engine):
    return np.array_equal(engine.run(image=X)["doubled"], 2 * X)


def test_a_good_gpu_is_used(open_tiny):
    engine = open_tiny()
    assert (engine.device, engine.precision) == ("gpu", "fp16")
    assert engine.why == "tiny: TensorRT-RTX 1.7.1.116 on Fake 89, fp16"
    assert doubles(engine)


def test_what_is_written_into_the_pinned_buffer_is_read(open_tiny):
    engine = open_tiny()
    engine.inputs["image"][:] = 3
    assert (engine.run()["negative"] == -3).all()


def test_a_wrong_array_is_refused_before_it_reaches_the_gpu(open_tiny):
    engine = open_tiny()
    with pytest.raises(ValueError, match="NCHW"):
        engine.run(image=X[0])
    with pytest.raises(ValueError, match="no input 'picture'"):
        engine.run(picture=X)
    assert engine.on_gpu


def no_driver(machine):
    machine.gpu.driver = 0


def old_driver(machine):
    machine.gpu.driver = 12020


def no_device(machine):
    machine.gpu.count = 0


def no_bindings(machine):
    machine.without("cuda.bindings.runtime")


def no_package(machine):
    machine.without("tensorrt_rtx", "tensorrt")


def old_package(machine):
    machine.without("tensorrt")
    machine.rtx.__version__ = "1.1.0"


def unknown_gpu(machine):
    machine.without("tensorrt")
    machine.gpu.capability = (9, 0)


def build_failure(machine):
    machine.without("tensorrt")
    machine.rtx.refuses_build = True


def refused_engine(machine):
    machine.without("tensorrt")
    machine.gpu.fail("deserialize")


def no_room(machine):
    machine.without("tensorrt")
    machine.gpu.fail("cudaMalloc", machine.gpu.cudaError_t.cudaErrorMemoryAllocation)


def no_context(machine):
    machine.without("tensorrt")
    machine.gpu.fail("create_execution_context")


def fails_at_once(machine):
    machine.without("tensorrt")
    machine.gpu.fail("enqueue")


def other_bindings(machine):
    machine.without("tensorrt")
    del machine.rtx.CudaGraphStrategy


FAULTS = {
    no_driver: "there is no NVIDIA driver",
    old_driver: "the NVIDIA driver is too old: it runs CUDA 12.2, and 13.x is needed",
    no_device: "the driver sees no NVIDIA GPU",
    no_bindings: "cuda-bindings is not installed$",
    no_package: "Fake 89: tensorrt_rtx is not installed; tensorrt is not installed",
    old_package: "tensorrt_rtx 1.1.0 is too old",
    unknown_gpu: "has no kernels for compute capability 9.0",
    build_failure: "cannot compile the network: no implementation for node Conv_1$",
    refused_engine: "does not accept the engine: engine plan file is not compatible",
    no_room: "the GPU is out of memory",
    no_context: "has no room for the engine",
    fails_at_once: "TensorRT could not start: Cuda failure",
    other_bindings: "CudaGraphStrategy",
}


@pytest.mark.parametrize(("fault", "line"), FAULTS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_fault_at_the_start_is_one_line(machine, open_tiny, fault, line):
    fault(machine)
    with pytest.raises(GpuError, match=line) as caught:
        open_tiny()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", [no_driver, build_failure, no_room], ids=lambda each: each.__name__)
def test_auto_ends_in_the_cpu_and_says_why(machine, fault):
    fault(machine)
    engine = choose_engine("contour")
    assert engine.device == "cpu"
    assert "no GPU: " in engine.why
    assert "\n" not in engine.why


def test_asked_for_the_gpu_its_fault_is_a_users_error(machine):
    no_driver(machine)
    with pytest.raises(UserError, match="The GPU cannot be used: there is no NVIDIA driver"):
        choose_engine("contour", "gpu")


def test_a_precision_that_the_gpu_has_not_means_the_cpu(machine):
    assert choose_engine("contour", precision="f32").device == "cpu"
    assert machine.gpu.calls == []


def test_a_package_that_fails_gives_way_to_the_other(machine, open_tiny):
    machine.rtx.refuses_build = True
    assert open_tiny().why == "tiny: TensorRT 10.16.1.11 on Fake 89, fp16"


def test_an_engine_that_computes_something_else_is_not_used(machine, open_tiny, monkeypatch):
    machine.without("tensorrt")
    build = machine.rtx._build
    # Doubles become triples: a wrong engine file that loads without a word.
    tripled = np.float32(3).tobytes()
    monkeypatch.setattr(machine.rtx, "_build", lambda *a: build(*a).replace(np.float32(2).tobytes(), tripled))
    with pytest.raises(GpuError, match="the self-check failed: doubled of the tiny network is off the CPU's by"):
        open_tiny()


def test_not_a_number_fails_the_self_check(machine, open_tiny, monkeypatch):
    machine.without("tensorrt")
    build = machine.rtx._build
    nan = np.float32(np.nan).tobytes()
    monkeypatch.setattr(machine.rtx, "_build", lambda *a: build(*a).replace(np.float32(2).tobytes(), nan))
    with pytest.raises(GpuError, match="self-check failed"):
        open_tiny()


@pytest.mark.parametrize("call", ["enqueue", "upload", "download", "cudaStreamQuery"])
def test_a_gpu_lost_in_mid_run_is_answered_by_the_cpu(machine, open_tiny, call, caplog):
    engine = open_tiny()
    assert doubles(engine)
    machine.gpu.fail(call, after=2)
    started = time.monotonic()
    with caplog.at_level(logging.WARNING):
        assert all(doubles(engine) for _ in range(5))
    assert time.monotonic() - started < 1
    assert (engine.device, engine.precision) == ("cpu", "f32")
    assert "the GPU was lost: " in engine.why
    assert len(caplog.messages) == 1
    assert "\n" not in caplog.messages[0]


def test_out_of_memory_in_mid_run_is_named(machine, open_tiny):
    engine = open_tiny()
    machine.gpu.fail("upload", machine.gpu.cudaError_t.cudaErrorMemoryAllocation)
    assert doubles(engine)
    assert engine.why.endswith("the GPU was lost: the GPU is out of memory)")


def test_a_gpu_that_hangs_is_given_up_within_a_second(machine, open_tiny):
    engine = open_tiny()
    machine.gpu.hangs = True
    started = time.monotonic()
    assert doubles(engine)
    assert time.monotonic() - started < 1
    assert "did not answer" in engine.why


def test_what_was_in_the_buffers_is_not_lost_with_the_gpu(machine, open_tiny):
    engine = open_tiny()
    engine.inputs["image"][:] = 5
    machine.gpu.fail("enqueue")
    assert (engine.run()["doubled"] == 10).all()
    assert (engine.inputs["image"] == 5).all()


def test_all_engines_of_a_lost_gpu_leave_it(machine, open_tiny, caplog):
    first, second = open_tiny(), open_tiny()
    machine.gpu.fail("enqueue")
    assert doubles(first)
    machine.gpu.failing.clear()
    calls = len(machine.gpu.calls)
    assert doubles(second)
    assert second.device == "cpu"
    assert len(machine.gpu.calls) == calls, "a lost GPU is not asked again"
    assert len(caplog.messages) == 1


def test_a_gpu_lost_before_it_is_opened_again_is_not_opened(machine, open_tiny):
    machine.without("tensorrt")
    engine = open_tiny()
    machine.gpu.fail("enqueue")
    assert doubles(engine)
    machine.gpu.failing.clear()
    with pytest.raises(GpuError, match="Fake 89"):
        open_tiny()


def test_classic_records_everything_in_one_graph(machine, open_tiny):
    machine.without("tensorrt_rtx")
    engine = open_tiny()
    machine.gpu.calls.clear()
    assert doubles(engine)
    assert machine.gpu.calls == ["cudaGraphLaunch", "cudaStreamQuery"]


def test_what_cannot_be_recorded_runs_without_a_graph(machine, open_tiny):
    machine.without("tensorrt_rtx")
    machine.gpu.fail("cudaStreamEndCapture", machine.gpu.cudaError_t.cudaErrorStreamCaptureInvalidated)
    engine = open_tiny()
    assert engine.on_gpu
    assert doubles(engine)
    assert "cudaGraphLaunch" not in machine.gpu.calls


def test_only_what_is_copied_is_pinned_and_nothing_is_allocated_while_running(machine, open_tiny):
    engine = open_tiny()
    before = [call for call in machine.gpu.calls if call in ("cudaMalloc", "cudaHostAlloc")]
    assert before == ["cudaMalloc", "cudaHostAlloc"] * 3
    engine.run(image=X)
    assert machine.gpu.calls[-5:] == ["upload", "enqueue", "download", "download", "cudaStreamQuery"]


def test_the_first_run_may_take_long(machine, monkeypatch):
    assert session.FIRST_SECONDS > 60 > session.RUN_SECONDS


def test_a_lost_chain_says_so_by_answering_nothing():
    class Lost:
        class gpu:
            lost = ""

        def run(self, crop, before):
            raise GpuError("gone")

    assert opening.GpuChain(Lost()).run(None) is None
