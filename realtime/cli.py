"""The program's command line, as `run.py` and `python -m realtime` start it."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from collections.abc import Sequence

# Small matrices gain nothing from more threads, and the loop's own threads need the cores. Libraries read these
# when they are loaded, so this stands before every other import.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # a missing camera is told in our own words

from realtime.config import PROGRAM, parse  # noqa: E402
from realtime.errors import OK, UserError, tells_user_errors  # noqa: E402

SYSTEM_LIBRARIES = (
    "Debian, Ubuntu: sudo apt install libgl1 libegl1 libglib2.0-0; "
    "Fedora: sudo dnf install libglvnd-egl libglvnd-glx glib2."
)


@tells_user_errors
def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Runs the program; returns the exit status: 0 done, 2 a user's mistake, told in two lines.

    Args:
        arguments: of the command line; None: this process's.
        program: what the user types to start it, for `--help`.
    """
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("realtime").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, _interrupt)  # a service's stop finishes recordings as Ctrl-C does
    try:
        config = parse(sys.argv[1:] if arguments is None else arguments, program)
        limit_threads()
        from realtime.app import run

        timings = run(config)
    except KeyboardInterrupt:
        return OK
    except ImportError as error:
        _tell_missing_library(error)
        raise
    print(timings.table())
    return OK


def limit_threads() -> None:
    """Sets the threads up for stages that run side by side: OpenCV gets half the cores, four at most."""
    import cv2

    sys.setswitchinterval(0.001)  # a frame should not wait 5 ms for another stage's Python to let go
    cv2.setNumThreads(max(1, min(4, (os.cpu_count() or 1) // 2)))


def _tell_missing_library(error: ImportError) -> None:
    """A Python package is there, but the system's library that it needs is not: what pip cannot install."""
    library = re.match(r"(?:.*/)?(lib[^/:]+\.so[.\d]*):", str(error))
    if library:
        raise UserError(f"The system library {library[1]} cannot be loaded.", SYSTEM_LIBRARIES) from error


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt
