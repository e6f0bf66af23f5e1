"""Keeps libraries' chatter off stderr without losing what matters."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# What native code prints when all is well: TensorFlow Lite's notes, absl's and glog's information and
# warning lines, libpng on the colour profile of the demo's photograph.
CHATTER = re.compile(
    rb"INFO: |WARNING: All log messages before absl|[IW]\d{4} |WARNING: Logging before|libpng warning: iCCP"
)


@contextmanager
def quiet_native_logs() -> Iterator[None]:
    """Holds back what is written to file descriptor 2, then passes on the lines that are not chatter."""
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except (OSError, AttributeError, ValueError):  # no stderr, as under pythonw
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            kept = b"".join(line for line in held if not CHATTER.match(line))
            if kept:
                os.write(2, kept)
