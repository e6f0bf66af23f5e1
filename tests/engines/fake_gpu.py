"""A made-up GPU: stand-ins for `cuda.bindings.runtime`, `tensorrt_rtx` and `tensorrt` that really compute.

Its memory is a dictionary of addresses, its engines are ONNX files run by ONNX Runtime, its stream does everything at
once and its graphs are lists of what was recorded. What the code under test does to the bindings is written down in
`calls`, and every call can be made to fail. `test_gpu_contract.py` holds the real bindings against the same calls.
"""

from __future__ import annotations

import ctypes
import enum
import hashlib
import json
from functools import cache
from types import SimpleNamespace

import numpy as np

FIRST_ADDRESS = 0x7_0000_0000


class cudaError_t(enum.IntEnum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35
    cudaErrorNoDevice = 100
    cudaErrorNotReady = 600
    cudaErrorLaunchFailure = 719
    cudaErrorStreamCaptureInvalidated = 901


Ok = cudaError_t.cudaSuccess


class FakeGpu:
    """The device, and the module `cuda.bindings.runtime` in front of it."""

    cudaError_t = cudaError_t
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)
    cudaStreamNonBlocking = 1
    cudaHostAllocDefault = 0

    def __init__(self, capability=(8, 9), driver=13020, count=1):
        self.capability, self.driver, self.count = capability, driver, count
        self.memory: dict[int, np.ndarray] = {}
        self.pinned: dict[int, np.ndarray] = {}
        self.calls: list[str] = []
        self.failing: dict[str, tuple[int, cudaError_t]] = {}
        self.hangs = False
        self._recording: list | None = None
        self._next = FIRST_ADDRESS

    def fail(self, call, error=cudaError_t.cudaErrorLaunchFailure, after=0):
        """Makes a call fail, for ever, after it worked so many times more; "enqueue" is TensorRT's."""
        self.failing[call] = (after, error)

    def status(self, call):
        self.calls.append(call)
        left, error = self.failing.get(call, (1, Ok))
        if error == Ok:
            return Ok
        self.failing[call] = (left - 1, error)
        return error if left <= 0 else Ok

    def do(self, work):
        """What a stream does with work: now, or when the graph that it is recorded in runs."""
        if self._recording is None:
            work()
        else:
            self._recording.append(work)

    def cudaDriverGetVersion(self):
        return self.status("cudaDriverGetVersion"), self.driver

    def cudaRuntimeGetVersion(self):
        return Ok, 13050

    def cudaGetDeviceCount(self):
        if self.driver < 13000:
            return cudaError_t.cudaErrorInsufficientDriver, 0
        return self.status("cudaGetDeviceCount"), self.count

    def cudaGetDeviceProperties(self, device):
        name = f"Fake {self.capability[0]}{self.capability[1]}".encode()
        found = SimpleNamespace(
            name=name + b"\0" * 8, major=self.capability[0], minor=self.capability[1], totalGlobalMem=8 << 30
        )
        return self.status("cudaGetDeviceProperties"), found

    def cudaStreamCreateWithFlags(self, flags):
        assert flags == self.cudaStreamNonBlocking
        return self.status("cudaStreamCreateWithFlags"), 77

    def cudaMalloc(self, size):
        status = self.status("cudaMalloc")
        address, self._next = self._next, self._next + size + 256
        if status == Ok:
            self.memory[address] = np.full(size, 0xCD, np.uint8)  # real memory is not empty either
        return status, address

    def cudaHostAlloc(self, size, flags):
        status = self.status("cudaHostAlloc")
        array = np.full(size, 0xCD, np.uint8)
        self.pinned[array.ctypes.data] = array
        return status, array.ctypes.data

    def cudaMemcpyAsync(self, to, source, count, kind, stream):
        up = kind == self.cudaMemcpyKind.cudaMemcpyHostToDevice
        status = self.status("upload" if up else "download")
        device, host = (to, source) if up else (source, to)
        assert host in self.pinned, "the host's side is not pinned"
        assert self.memory[device].size == count

        def copy():
            if up:
                self.memory[device][:] = np.frombuffer(ctypes.string_at(host, count), np.uint8)
            else:
                self.pinned[host][:count] = self.memory[device]

        if status == Ok:
            self.do(copy)
        return (status,)

    def cudaStreamQuery(self, stream):
        if self.hangs:
            return (cudaError_t.cudaErrorNotReady,)
        return (self.status("cudaStreamQuery"),)

    def cudaStreamBeginCapture(self, stream, mode):
        self._recording = []
        return (self.status("cudaStreamBeginCapture"),)

    def cudaStreamEndCapture(self, stream):
        recorded, self._recording = self._recording, None
        return self.status("cudaStreamEndCapture"), recorded

    def cudaGraphInstantiate(self, graph, flags):
        return self.status("cudaGraphInstantiate"), graph

    def cudaGraphLaunch(self, graph, stream):
        status = self.status("cudaGraphLaunch")
        for work in graph if status == Ok else []:
            work()
        return (status,)


class _Severity(enum.IntEnum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2


class ILogger:
    Severity = _Severity

    def __init__(self):
        pass


class _Named:
    def __init__(self, **values):
        self.__dict__.update(values)


class FakeTensorRt:
    """The module `tensorrt_rtx` or `tensorrt`: a compiled engine is the ONNX file behind a line about its origin."""

    ILogger = ILogger
    NetworkDefinitionCreationFlag = enum.IntEnum("NetworkDefinitionCreationFlag", {"STRONGLY_TYPED": 1})
    TensorIOMode = enum.Enum("TensorIOMode", ["INPUT", "OUTPUT"])

    def __init__(self, gpu: FakeGpu, name: str, version: str):
        self.gpu, self.name, self.__version__ = gpu, name, version
        self.refuses_build = False
        self.builds = 0
        self.timings: list[bytes] = []
        if name == "tensorrt_rtx":
            self.ComputeCapability = enum.Enum("ComputeCapability", ["NONE", "CURRENT", "SM75", "SM86", "SM89"])
            self.CudaGraphStrategy = enum.Enum("CudaGraphStrategy", ["DISABLED", "WHOLE_GRAPH_CAPTURE"])

    # -- building

    def Builder(self, logger):
        return _Named(
            create_network=lambda flags: _Network(flags),
            create_builder_config=lambda: _Config(self),
            build_serialized_network=lambda network, config: self._build(logger, network, config),
        )

    def OnnxParser(self, network, logger):
        def parse(model):
            network.model = model
            return not model.startswith(b"not")

        return _Named(parse=parse, num_errors=1, get_error=lambda index: _Named(desc=lambda: "not an ONNX file"))

    def _build(self, logger, network, config):
        assert network.flags == 1 << self.NetworkDefinitionCreationFlag.STRONGLY_TYPED
        self.builds += 1
        if self.refuses_build:
            logger.log(_Severity.ERROR, "no implementation for node Conv_1\nmore")
            return None
        aimed = [one.name for one in config.capabilities] or ["SM{}{}".format(*self.gpu.capability)]
        return self._header(aimed) + network.model

    def _header(self, aimed):
        return json.dumps([self.name, self.__version__, aimed]).encode() + b"\n"

    # -- running

    def Runtime(self, logger):
        def deserialize(data):
            wanted = self._header(["SM{}{}".format(*self.gpu.capability)])
            if self.gpu.status("deserialize") != Ok or not data.startswith(wanted):
                logger.log(_Severity.ERROR, "engine plan file is not compatible")
                return None
            return _Engine(self, data[len(wanted) :], logger)

        return _Named(deserialize_cuda_engine=deserialize)

    @staticmethod
    def nptype(dtype):
        return dtype


class _Network:
    num_layers = 0

    def __init__(self, flags):
        self.flags, self.model = flags, b""


class _Config:
    """Both packages' builder configuration."""

    num_compute_capabilities = 0

    def __init__(self, trt):
        self._trt, self.capabilities = trt, []

    def set_compute_capability(self, capability, index):
        assert index == len(self.capabilities) < self.num_compute_capabilities
        self.capabilities.append(capability)
        return True

    def create_timing_cache(self, data):
        return None if data.startswith(b"bad") else _Named(serialize=lambda: data + b"t")

    def set_timing_cache(self, cache, ignore_mismatch):
        assert not ignore_mismatch
        self._timing = cache
        self._trt.timings.append(cache.serialize())

    def get_timing_cache(self):
        return self._timing


@cache
def _session(model):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # its notes on constants that it folds away
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class _Engine:
    def __init__(self, trt, model, logger):
        session = _session(model)
        self._trt, self._session, self._logger = trt, session, logger
        self._inputs = {one.name: one for one in session.get_inputs()}
        self._tensors = self._inputs | {one.name: one for one in session.get_outputs()}
        self.num_io_tensors = len(self._tensors)
        self._fingerprint = hashlib.sha256(model).digest()

    def get_tensor_name(self, index):
        return list(self._tensors)[index]

    def get_tensor_shape(self, name):
        return self._tensors[name].shape

    def get_tensor_dtype(self, name):
        return {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}[self._tensors[name].type]

    def get_tensor_mode(self, name):
        modes = self._trt.TensorIOMode
        return modes.INPUT if name in self._inputs else modes.OUTPUT

    def create_runtime_config(self):
        assert self._trt.name == "tensorrt_rtx", "classic TensorRT has no such thing in 10.0"
        return _RuntimeConfig(self._fingerprint)

    def create_execution_context(self, config=None):
        assert (config is not None) == (self._trt.name == "tensorrt_rtx")
        if self._trt.gpu.status("create_execution_context") != Ok:
            return None
        addresses = {}

        def set_address(name, address):
            addresses[name] = address
            return name in self._tensors and address in self._trt.gpu.memory

        return _Named(set_tensor_address=set_address, execute_async_v3=lambda stream: self._execute(addresses))

    def _execute(self, addresses):
        gpu = self._trt.gpu
        if gpu.status("enqueue") != Ok:
            self._logger.log(_Severity.ERROR, "Cuda failure: unspecified launch failure")
            return False

        def compute():
            def array(name):
                raw = gpu.memory[addresses[name]]
                return raw.view(self.get_tensor_dtype(name)).reshape(self._tensors[name].shape)

            names = [name for name in self._tensors if name not in self._inputs]
            found = self._session.run(names, {name: array(name) for name in self._inputs})
            for name, value in zip(names, found, strict=True):
                array(name)[...] = value

        gpu.do(compute)
        return True


class _RuntimeConfig:
    cuda_graph_strategy = None

    def __init__(self, fingerprint):
        self._fingerprint = fingerprint

    def create_runtime_cache(self):
        return _Named(deserialize=lambda data: data == self._fingerprint, serialize=lambda: self._fingerprint)

    def set_runtime_cache(self, cache):
        return True
