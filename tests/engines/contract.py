"""Every TensorRT call that the engines make, what it must take, and where that is documented.

Classic TensorRT's own bindings are on PyPI, its libraries are not. `record.py` beside this file writes down what the
bindings say of these calls; `tensorrt_signatures.json` holds its answers for the oldest release that is supported
(10.0), the last of 10.x at the time of writing and the newest (11.4), so that no test needs the package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DOCS = "https://docs.nvidia.com/deeplearning/"
CLASSIC_10 = DOCS + "tensorrt/archives/tensorrt-1070/api/python_api/"
CLASSIC_11 = DOCS + "tensorrt/11.4.0/_static/python-api/"
RTX = DOCS + "tensorrt-rtx/latest/_static/python-api/"
CHANGES = DOCS + "tensorrt/11.4.0/api/migration/tensorrt-10x-to-11x-python-api-reference.html"  # lists what 11 removed

BOTH, ONLY_RTX, ONLY_CLASSIC = "both", "tensorrt_rtx", "tensorrt"


@dataclass(frozen=True)
class Call:
    """A method or property, by the types of what it is given; None: a property."""

    name: str  # Class.member
    takes: tuple[str, ...] | None
    page: str  # below CLASSIC_10, CLASSIC_11 or RTX
    package: str = BOTH


CALLS = (
    Call("ILogger.__init__", (), "infer/Core/Logger.html"),
    Call("ILogger.log", ("Severity", "str"), "infer/Core/Logger.html"),
    Call("Builder.__init__", ("ILogger",), "infer/Core/Builder.html"),
    Call("Builder.create_network", ("int",), "infer/Core/Builder.html"),
    Call("Builder.create_builder_config", (), "infer/Core/Builder.html"),
    Call("Builder.build_serialized_network", ("INetworkDefinition", "IBuilderConfig"), "infer/Core/Builder.html"),
    Call("OnnxParser.__init__", ("INetworkDefinition", "ILogger"), "parsers/Onnx/pyOnnx.html"),
    Call("OnnxParser.parse", ("buffer",), "parsers/Onnx/pyOnnx.html"),
    Call("OnnxParser.num_errors", None, "parsers/Onnx/pyOnnx.html"),
    Call("OnnxParser.get_error", ("int",), "parsers/Onnx/pyOnnx.html"),
    Call("ParserError.desc", (), "parsers/Onnx/pyOnnx.html"),
    Call("INetworkDefinition.num_layers", None, "infer/Graph/Network.html"),
    Call("INetworkDefinition.get_layer", ("int",), "infer/Graph/Network.html"),
    Call("ILayer.num_outputs", None, "infer/Graph/LayerBase.html"),
    Call("ILayer.get_output", ("int",), "infer/Graph/LayerBase.html"),
    Call("ILayer.name", None, "infer/Graph/LayerBase.html"),
    Call("ILayer.type", None, "infer/Graph/LayerBase.html"),
    Call("ITensor.name", None, "infer/Graph/LayerBase.html"),
    Call("ITensor.dtype", None, "infer/Graph/LayerBase.html"),
    Call("IBuilderConfig.create_timing_cache", ("buffer",), "infer/Core/BuilderConfig.html", ONLY_CLASSIC),
    Call("IBuilderConfig.set_timing_cache", ("ITimingCache", "bool"), "infer/Core/BuilderConfig.html", ONLY_CLASSIC),
    Call("IBuilderConfig.get_timing_cache", (), "infer/Core/BuilderConfig.html", ONLY_CLASSIC),
    Call("ITimingCache.serialize", (), "infer/Core/TimingCache.html", ONLY_CLASSIC),
    Call("IBuilderConfig.num_compute_capabilities", None, "infer/Core/BuilderConfig.html", ONLY_RTX),
    Call(
        "IBuilderConfig.set_compute_capability", ("ComputeCapability", "int"), "infer/Core/BuilderConfig.html", ONLY_RTX
    ),
    Call("Runtime.__init__", ("ILogger",), "infer/Core/Runtime.html"),
    Call("Runtime.deserialize_cuda_engine", ("buffer",), "infer/Core/Runtime.html"),
    Call("ICudaEngine.num_io_tensors", None, "infer/Core/Engine.html"),
    Call("ICudaEngine.get_tensor_name", ("int",), "infer/Core/Engine.html"),
    Call("ICudaEngine.get_tensor_shape", ("str",), "infer/Core/Engine.html"),
    Call("ICudaEngine.get_tensor_dtype", ("str",), "infer/Core/Engine.html"),
    Call("ICudaEngine.get_tensor_mode", ("str",), "infer/Core/Engine.html"),
    Call("ICudaEngine.create_execution_context", (), "infer/Core/Engine.html"),
    Call("ICudaEngine.create_execution_context", ("IRuntimeConfig",), "infer/Core/Engine.html", ONLY_RTX),
    Call("ICudaEngine.create_runtime_config", (), "infer/Core/Engine.html", ONLY_RTX),
    Call("IRuntimeConfig.create_runtime_cache", (), "infer/Core/RuntimeConfig.html", ONLY_RTX),
    Call("IRuntimeConfig.set_runtime_cache", ("IRuntimeCache",), "infer/Core/RuntimeConfig.html", ONLY_RTX),
    Call("IRuntimeConfig.cuda_graph_strategy", None, "infer/Core/RuntimeConfig.html", ONLY_RTX),
    Call("IRuntimeCache.serialize", (), "infer/Core/RuntimeConfig.html", ONLY_RTX),
    Call("IRuntimeCache.deserialize", ("buffer",), "infer/Core/RuntimeConfig.html", ONLY_RTX),
    Call("IExecutionContext.set_tensor_address", ("str", "int"), "infer/Core/ExecutionContext.html"),
    Call("IExecutionContext.execute_async_v3", ("int",), "infer/Core/ExecutionContext.html"),
)

# Enumerations and the members that are named, and functions of the module itself.
MEMBERS = {
    "NetworkDefinitionCreationFlag": (("STRONGLY_TYPED",), BOTH),
    "TensorIOMode": (("INPUT", "OUTPUT"), BOTH),
    "DataType": (("FLOAT", "HALF", "BF16", "UINT8"), BOTH),
    "ILogger.Severity": (("ERROR", "INTERNAL_ERROR"), BOTH),
    "ComputeCapability": (("SM75", "SM80", "SM86", "SM89", "SM120"), ONLY_RTX),
    "CudaGraphStrategy": (("WHOLE_GRAPH_CAPTURE",), ONLY_RTX),
}
FUNCTIONS = ("nptype",)

_SAME = {"SupportsInt": "int", "Buffer": "buffer", "nvinfer1::IRuntimeCache": "IRuntimeCache"}


def find(module, name: str):
    """A member of a package by its dotted name, None where there is none."""
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


def describe(module, name: str) -> str:
    """What a package says of a member: its signatures, "property", or nothing."""
    member = find(module, name)
    if member is None:
        return ""
    if isinstance(member, property):
        return "property"
    text = re.sub(
        r"[\w.]*\b(tensorrt(_rtx)?_bindings|typing|typing_extensions|collections)\.([\w]+\.)*", "", member.__doc__ or ""
    )
    bare = name.rpartition(".")[2]
    return "\n".join(re.findall(rf"{bare}\(self[^\n]*", text))


def fits(takes: tuple[str, ...] | None, described: str) -> bool:
    """Whether something so described can be called as `Call.takes` says, by position."""
    if takes is None or described == "property":
        return takes is None and described == "property"
    return any(_takes(takes, line) for line in described.splitlines())


def _takes(takes: tuple[str, ...], line: str) -> bool:
    inside = re.sub(r"<[^>]*>", "default", line[line.index("(") + 1 : line.rindex(")")])
    parameters = [one.strip() for one in inside.split(",")][1:]
    given, rest = parameters[: len(takes)], parameters[len(takes) :]
    types = [one.partition(":")[2].partition("=")[0].strip() for one in given]
    types = [_SAME.get(one, one).rpartition(".")[2] for one in types]
    return types == list(takes) and all("=" in one for one in rest)
