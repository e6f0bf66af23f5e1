"""`python -m engines.training contour|completion`: trains a network of this program."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from realtime.errors import UserError

# glibc hands freed memory back at once; page faults then make every step five times slower.
MALLOC = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**30),
    "MALLOC_TOP_PAD_": str(2**30),
}


def keep_memory() -> None:
    """Starts this program again with malloc's settings in its environment, where they are missing and of use."""
    if sys.platform == "linux" and not all(name in os.environ for name in MALLOC):
        arguments = [sys.executable, "-m", "engines.training", *sys.argv[1:]]
        os.execve(sys.executable, arguments, os.environ | MALLOC)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m engines.training", description=__doc__)
    parser.add_argument("network", choices=("contour", "completion"), help="which network to train")
    parser.add_argument(
        "--data", default="../shared/data", help="folder of faces*/ and occluders/ (default: %(default)s)"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to train (default: %(default)s)")
    parser.add_argument("--run", type=Path, help="folder for checkpoints, curves and sheets (default: runs/NETWORK)")
    parser.add_argument("--faces", type=Path, default=Path("runs/faces"), help="where the cut-out faces are kept")
    parser.add_argument(
        "--contour", type=Path, default=Path("runs/contour/checkpoint.pt"), help="guide of the completion"
    )
    parser.add_argument("--init", type=Path, metavar="CHECKPOINT", help="start from these weights as far as they fit")
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted training in the run's folder")
    parser.add_argument("--size", type=int, help="side of the crops in px (default: 128)")
    parser.add_argument("--rate", type=float, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default: %(default)s)")
    return parser.parse_args(arguments)


def main() -> int:
    """Trains; a user's mistake ends with two lines on stderr and exit code 2."""
    options = parse()
    keep_memory()
    from engines.training.train import train

    try:
        train(options)
    except UserError as error:
        print(f"{error.message}\n{error.remedy}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
