"""`python -m engines.training JOB`: trains a network, or prepares the faces for it.

`slim_contour` and `slim_completion` cut a faster network for video on the CPU out of the one in --contour or
--completion, and let that teach it.
`teacher` is a contour network that learns from hand-made part maps alone. Two jobs train nothing, and prepare the
faces for later trainings: `screen` looks through them with the trained contour network and leaves those out that are
covered by real glasses, hats or hands; `label` lets the teacher (--contour) draw the part maps that nobody made.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from engines.training.occluders import KINDS
from realtime.errors import OK, tells_user_errors

# glibc hands freed memory back at once; page faults then make every step five times slower. Threads that spin
# while they wait for each other waste a processor that others use too.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**30),
    "MALLOC_TOP_PAD_": str(2**30),
}


def prepare_process() -> None:
    """Starts this program again with these settings in its environment, where they are missing and of use."""
    if sys.platform == "linux" and not all(name in os.environ for name in ENVIRONMENT):
        arguments = [sys.executable, "-m", "engines.training", *sys.argv[1:]]
        os.execve(sys.executable, arguments, os.environ | ENVIRONMENT)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m engines.training", description=__doc__)
    parser.add_argument(
        "job",
        choices=(
            "contour",
            "completion",
            "slim_contour",
            "slim_completion",
            "regression",
            "bump",
            "teacher",
            "screen",
            "label",
        ),
        help="what to train (bump: the bump map of the regression in --run, alone), or screen, or label",
    )
    parser.add_argument(
        "--data", default="../shared/data", help="folder of faces*/ and occluders/ (default: %(default)s)"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to train (default: %(default)s)")
    parser.add_argument("--run", type=Path, help="folder for checkpoints, curves and sheets (default: runs/JOB)")
    parser.add_argument("--faces", type=Path, default=Path("runs/faces"), help="where the cut-out faces are kept")
    parser.add_argument(
        "--contour",
        type=Path,
        default=Path("runs/contour/checkpoint.pt"),
        help="guide of the completion, and teacher of slim_contour",
    )
    parser.add_argument(
        "--completion",
        type=Path,
        default=Path("runs/completion/checkpoint.pt"),
        help="paints the hidden pixels of the crops that the regression learns from, and teaches slim_completion",
    )
    parser.add_argument("--init", type=Path, metavar="CHECKPOINT", help="start from these weights as far as they fit")
    parser.add_argument(
        "--without",
        metavar="KIND",
        choices=KINDS,
        help="a kind of occluder never shown to contour or completion, to see how they take what they do not know: "
        "%(choices)s",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted training in the run's folder")
    parser.add_argument("--threads", type=int, help="of the training (default: all processors)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default: %(default)s)")
    return parser.parse_args(arguments)


@tells_user_errors
def main() -> int:
    """Trains; returns the exit status."""
    options = parse()
    prepare_process()
    from engines.training.regression.train import train as train_regression
    from engines.training.regression.train import train_bump
    from engines.training.train import label_faces, screen_faces, train

    jobs = {"screen": screen_faces, "label": label_faces, "regression": train_regression, "bump": train_bump}
    jobs.get(options.job, train)(options)
    return OK


if __name__ == "__main__":
    sys.exit(main())
