"""`python -m engines`: the networks' engines on this machine.

python -m engines doctor                     what would run here and why, as text for a bug report
python -m engines build                      compile for this machine's GPU now instead of at the next start
python -m engines build --for 8.9 12.0       for other GPUs, where the package can (TensorRT-RTX)
python -m engines build --for all --out DIR  for all of them, into a folder
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from engines.gpu.cache import Cache, cache_folder
from engines.gpu.chain import model_of, shipped_stages
from engines.gpu.cuda import GpuError
from engines.gpu.opening import gpus
from engines.gpu.packages import PACKAGES, Package, load_package
from engines.gpu.session import engine_for, engine_key
from realtime.errors import OK, UserError, tells_user_errors

BUILD_FAILED = 1  # exit status
INSTALL = {
    "tensorrt_rtx": "Install it: pip install 'contourface[gpu]'",
    "tensorrt": "README.md says how to install classic TensorRT.",
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m engines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("doctor", help="what is installed, which engine would run and why, self-check, latencies")
    build = commands.add_parser("build", help="compile the networks for a GPU ahead of time")
    build.add_argument(
        "--for",
        dest="targets",
        nargs="+",
        default=[],
        metavar="X.Y",
        help="compute capabilities, or all (default: this machine's GPU)",
    )
    build.add_argument("--package", choices=PACKAGES, default=PACKAGES[0], help="default: %(default)s")
    build.add_argument("--out", type=Path, help="folder (default: the cache that the program reads)")
    return parser.parse_args(arguments)


def build(package: Package, capabilities: list[tuple[int, int]], gpu: str, cache: Cache) -> Iterator[str]:
    """Compiles everything that is shipped unless it is kept already; a line for each.

    Args:
        package: which TensorRT.
        capabilities: of the GPUs to compile for.
        gpu: this machine's GPU's name, for classic TensorRT.
        cache: where to.

    Raises:
        GpuError: a network cannot be compiled, or would not compute in FP16.
        UserError: the folder cannot be written.
    """
    for stage in shipped_stages():
        model = model_of(stage.name)
        for capability in capabilities:
            started = time.perf_counter()
            engine, kept = engine_for(cache, stage.name, model, package, capability, gpu)
            path = cache.folder / engine_key(stage.name, model, package, capability, gpu).file
            if not path.is_file():
                raise UserError(f"{path} cannot be written.", "Give another folder with --out.")
            sm, took = "{}.{}".format(*capability), "kept" if kept else f"{time.perf_counter() - started:.2f} s"
            yield f"{stage.name:<12} SM {sm:<5}{len(engine) / 1e6:6.1f} MB {took:>8}  {path}"


def find_targets(package: Package, targets: list[str]) -> tuple[list[tuple[int, int]], str]:
    """The compute capabilities to build for, and this machine's GPU where that is meant.

    Raises:
        UserError: there is none, or the package cannot build for it.
    """
    if not targets:
        found, reason = gpus()
        here = [gpu.info for gpu in found if gpu.package.name == package.name]
        if not here:
            reason = reason or f"{package} has no kernels for this GPU"
            raise UserError(f"There is no GPU to build for: {reason}.", "Name one: python -m engines build --for 8.9")
        return [here[0].capability], here[0].name
    able = package.capabilities()
    known = ", ".join("{}.{}".format(*one) for one in able)
    if not able:
        raise UserError(f"{package} builds for this machine's GPU only.", "Leave out --for.")
    if targets == ["all"]:
        return able, ""
    for text in targets:
        if not re.fullmatch(r"\d+\.\d", text) or _capability(text) not in able:
            raise UserError(f"{package} cannot build for {text!r}.", f"Choose among all, {known}.")
    return [_capability(text) for text in targets], ""


def _capability(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


@tells_user_errors
def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns the exit status."""
    options = parse(arguments)
    try:
        if options.command == "doctor":
            from engines.doctor import report

            lines = report()
        else:
            try:
                package = load_package(options.package)
            except GpuError as error:
                raise UserError(f"Nothing can be built: {error}.", INSTALL[options.package]) from error
            capabilities, gpu = find_targets(package, options.targets)
            lines = build(package, capabilities, gpu, Cache(options.out or cache_folder()))
        for line in lines:
            print(line, flush=True)
    except GpuError as error:
        print(
            f"The build failed: {error}.\nPlease report it with the output of: python -m engines doctor",
            file=sys.stderr,
        )
        return BUILD_FAILED
    return OK


if __name__ == "__main__":
    sys.exit(main())
