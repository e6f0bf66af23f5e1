"""The two TensorRT packages: `tensorrt_rtx` for GeForce and workstation cards, `tensorrt` for all GPUs.

Their Python APIs are alike as far as it is used here; where they differ the code asks `Package.is_rtx`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from engines.gpu.cuda import GpuError, first_line

# In the order of preference where both can serve a GPU: TensorRT-RTX builds in a second, the other in minutes.
PACKAGES = ("tensorrt_rtx", "tensorrt")
OLDEST = {"tensorrt_rtx": (1, 4), "tensorrt": (10, 0)}  # releases; older ones lack a call that is made here
OLDEST_GPU = (7, 5)  # Turing; of classic TensorRT, whose API does not tell


@dataclass(frozen=True)
class Package:
    """An installed TensorRT."""

    name: str
    version: str
    module: Any

    @property
    def is_rtx(self) -> bool:
        """Whether it compiles for a named GPU without having one, and to the end only when it first runs."""
        return self.name == "tensorrt_rtx"

    def supports(self, capability: tuple[int, int]) -> bool:
        """Whether it has kernels for GPUs of a compute capability."""
        if self.is_rtx:
            return hasattr(self.module.ComputeCapability, _member(capability))
        return capability >= OLDEST_GPU

    def compute_capability(self, capability: tuple[int, int]) -> Any:
        """TensorRT-RTX's name for a compute capability.

        Raises:
            GpuError: it has none.
        """
        if not self.supports(capability):
            raise GpuError(f"{self} has no kernels for GPUs of compute capability {capability[0]}.{capability[1]}")
        return getattr(self.module.ComputeCapability, _member(capability))

    def capabilities(self) -> list[tuple[int, int]]:
        """What can be built for without the GPU at hand: nothing with classic TensorRT."""
        if not self.is_rtx:
            return []
        names = [name[2:] for name in self.module.ComputeCapability.__members__ if name.startswith("SM")]
        return sorted((int(name[:-1]), int(name[-1])) for name in names)

    def logger(self) -> MessageKeeper:
        """A logger for the package's objects that keeps the last error instead of printing it."""
        return _make_logger(self.module)

    def __str__(self) -> str:
        return f"{'TensorRT-RTX' if self.is_rtx else 'TensorRT'} {self.version}"


class MessageKeeper:
    """What a package's logger says; mixed into its own logger class."""

    last = ""  # the last error's first line

    def log(self, severity: Any, message: str) -> None:
        """Called by the package."""
        if severity in (type(severity).ERROR, type(severity).INTERNAL_ERROR):
            self.last = first_line(message)


def _make_logger(module: Any) -> MessageKeeper:
    class Logger(MessageKeeper, module.ILogger):  # MessageKeeper.log is what the package calls
        def __init__(self) -> None:
            module.ILogger.__init__(self)

    return Logger()


def load_package(name: str) -> Package:
    """An installed package.

    Raises:
        GpuError: it is not installed, too old, or cannot be loaded.
    """
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise GpuError(f"{name} is not installed") from error
    except (ImportError, OSError, RuntimeError) as error:  # classic TensorRT without its libraries
        raise GpuError(f"{name} cannot be loaded: {first_line(error)}") from error
    version = str(getattr(module, "__version__", "0"))
    if release(version) < OLDEST[name]:
        raise GpuError(f"{name} {version} is too old: {'.'.join(map(str, OLDEST[name]))} or newer is needed")
    return Package(name, version, module)


def release(version: str) -> tuple[int, ...]:
    """The first two numbers of a version: "10.16.1.11" -> (10, 16)."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])


def _member(capability: tuple[int, int]) -> str:
    return f"SM{capability[0]}{capability[1]}"
