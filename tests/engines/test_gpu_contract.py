"""What the engines ask of TensorRT and CUDA is what the packages have, under those names and with those arguments."""

import ast
import json
from pathlib import Path

import pytest
from contract import BOTH, CALLS, FUNCTIONS, MEMBERS, ONLY_CLASSIC, ONLY_RTX, describe, find, fits

import engines
from engines.gpu import cuda as cuda_module

CLASSIC = json.loads(Path(__file__).with_name("tensorrt_signatures.json").read_text())
FOLDER = Path(engines.__file__).parent

# The names under which the code holds the packages' objects.
OBJECTS = {
    *("builder", "network", "parser", "config", "layer", "tensor", "cache", "logger"),
    *("self._runtime", "self._engine", "self._context", "self._cache"),
}
OURS = {"last", "append"}  # MessageKeeper's, list's


def names_for(package):
    return [call for call in CALLS if call.package in (BOTH, package)]


@pytest.fixture(scope="module")
def rtx(require_tensorrt_rtx):
    import tensorrt_rtx

    return tensorrt_rtx


@pytest.mark.parametrize("call", names_for(ONLY_RTX), ids=lambda call: call.name)
def test_tensorrt_rtx_has_every_call(rtx, call):
    assert fits(call.takes, describe(rtx, call.name)), describe(rtx, call.name)


@pytest.mark.parametrize("version", CLASSIC)
@pytest.mark.parametrize("call", names_for(ONLY_CLASSIC), ids=lambda call: call.name)
def test_classic_tensorrt_has_every_call(version, call):
    assert fits(call.takes, CLASSIC[version]["calls"][call.name])


def test_tensorrt_rtx_has_every_member(rtx):
    for name, (members, _) in MEMBERS.items():
        assert set(members) <= set(find(rtx, name).__members__), name
    assert all(callable(find(rtx, name)) for name in FUNCTIONS)


@pytest.mark.parametrize("version", CLASSIC)
def test_classic_tensorrt_has_every_member(version):
    for name, (members, package) in MEMBERS.items():
        if package != ONLY_RTX:
            assert set(members) <= set(CLASSIC[version]["members"][name]), name
    assert CLASSIC[version]["functions"] == list(FUNCTIONS)


def test_the_record_covers_the_oldest_and_the_newest_release():
    assert {version.split(".")[0] for version in CLASSIC} == {"10", "11"}
    assert min(CLASSIC, key=lambda version: [int(part) for part in version.split(".")]).startswith("10.0")


def test_eleven_has_no_flag_for_fp16_so_none_is_set():
    for path in (FOLDER / "build.py", *(FOLDER / "gpu").glob("*.py")):
        assert "set_flag" not in path.read_text()


def called(path):
    """The members of TensorRT's objects that a file uses."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in OBJECTS:
            found.add(node.attr)
    return found - OURS


def test_every_call_in_the_code_is_in_the_contract():
    listed = {call.name.rpartition(".")[2] for call in CALLS}
    used = called(FOLDER / "build.py") | called(FOLDER / "gpu" / "program.py")
    assert len(used) > 20
    assert used <= listed


def test_every_call_in_the_contract_is_in_the_code():
    text = "".join((FOLDER / name).read_text() for name in ("build.py", "gpu/program.py", "gpu/packages.py"))
    assert [call.name for call in CALLS if f"{call.name.rpartition('.')[2]}" not in text] == []


@pytest.mark.parametrize(
    ("takes", "said", "good"),
    [
        (("int",), "f(self: A, flags: SupportsInt = 0) -> B", True),
        (("int",), "f(self: A, flags: str) -> B", False),
        (("int",), "f(self: A, flags: int, more: int) -> B", False),
        ((), "f(self: A, kind: K = <K.STATIC: 0>) -> B", True),
        (("buffer",), "f(self: A, a: str) -> B\nf(self: A, b: Buffer) -> B", True),
        (None, "property", True),
        (None, "f(self: A) -> B", False),
        ((), "property", False),
        ((), "", False),
    ],
)
def test_signatures_are_read_rightly(takes, said, good):
    assert fits(takes, said) is good


# CUDA


@pytest.fixture(scope="module")
def runtime(require_tensorrt_rtx):
    from cuda.bindings import runtime

    return runtime


def cuda_calls():
    """(name, number of arguments) of every CUDA call in the one module that makes them."""
    for node in ast.walk(ast.parse(Path(cuda_module.__file__).read_text())):
        if not isinstance(node, ast.Call):
            continue
        text = ast.unparse(node.func)
        if text == "self._call":
            yield node.args[0].value, len(node.args) - 1
        elif text.startswith("runtime.cuda"):
            yield text.partition(".")[2], len(node.args)


def test_cuda_is_called_in_one_place_only():
    assert len(set(cuda_calls())) > 12
    for path in FOLDER.rglob("*.py"):
        if path != Path(cuda_module.__file__):
            assert "cuda.bindings" not in path.read_text().replace(f'"{cuda_module.BINDINGS}"', ""), path


@pytest.mark.parametrize(("name", "count"), sorted(set(cuda_calls())))
def test_the_bindings_have_every_cuda_call(runtime, name, count):
    signature = getattr(runtime, name).__doc__.splitlines()[0]
    inside = signature[signature.index("(") + 1 : signature.rindex(")")]
    assert len([one for one in inside.split(",") if one.strip()]) == count, signature


def test_the_bindings_have_every_constant(runtime):
    assert runtime.cudaMemcpyKind.cudaMemcpyHostToDevice != runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
    assert runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
    assert runtime.cudaStreamNonBlocking == 1
    assert runtime.cudaHostAllocDefault == 0
    for name in ("cudaSuccess", "cudaErrorNotReady", "cudaErrorMemoryAllocation", "cudaErrorInsufficientDriver"):
        assert hasattr(runtime.cudaError_t, name)
    for name in ("name", "major", "minor", "totalGlobalMem"):
        assert hasattr(runtime.cudaDeviceProp(), name)
    assert int(runtime.cudaStream_t(5)) == 5  # what TensorRT is given


def test_every_cuda_call_takes_what_it_is_given(runtime):
    """Really called: without a driver each returns a status instead of raising TypeError."""
    if runtime.cudaDriverGetVersion()[1]:
        pytest.skip("there is a driver here: calls with made-up addresses would do harm")
    kind, mode = runtime.cudaMemcpyKind.cudaMemcpyHostToDevice, runtime.cudaStreamCaptureMode
    stream = runtime.cudaStream_t(0)
    given = {
        "cudaDriverGetVersion": (),
        "cudaRuntimeGetVersion": (),
        "cudaGetDeviceCount": (),
        "cudaGetDeviceProperties": (0,),
        "cudaStreamCreateWithFlags": (runtime.cudaStreamNonBlocking,),
        "cudaMalloc": (16,),
        "cudaHostAlloc": (16, runtime.cudaHostAllocDefault),
        "cudaMemcpyAsync": (0, 0, 16, kind, stream),
        "cudaStreamQuery": (stream,),
        "cudaStreamBeginCapture": (stream, mode.cudaStreamCaptureModeThreadLocal),
        "cudaStreamEndCapture": (stream,),
        "cudaGraphInstantiate": (runtime.cudaGraph_t(0), 0),
        "cudaGraphLaunch": (runtime.cudaGraphExec_t(0), stream),
    }
    assert given.keys() == {name for name, _ in cuda_calls()}
    for name, arguments in given.items():
        status, *values = getattr(runtime, name)(*arguments)
        assert isinstance(status, runtime.cudaError_t), name
        returns = (
            0 if name in ("cudaMemcpyAsync", "cudaStreamQuery", "cudaStreamBeginCapture", "cudaGraphLaunch") else 1
        )
        assert len(values) == returns, name


def test_without_a_driver_there_is_one_line(runtime):
    if runtime.cudaDriverGetVersion()[1]:
        pytest.skip("there is a driver here")
    with pytest.raises(cuda_module.GpuError, match=r"^there is no NVIDIA driver$"):
        cuda_module.load_cuda().describe()


def test_the_packages_logger_keeps_the_last_error(rtx, capfd):
    from engines.gpu.packages import load_package

    logger = load_package("tensorrt_rtx").logger()
    logger.log(rtx.ILogger.Severity.WARNING, "a warning")
    assert logger.last == ""
    logger.log(rtx.ILogger.Severity.ERROR, "first\nsecond")
    assert logger.last == "first"
    rtx.Runtime(logger).deserialize_cuda_engine(b"not an engine")
    assert logger.last != "first"
    assert "TRT" not in "".join(capfd.readouterr()), "the package itself prints nothing"
