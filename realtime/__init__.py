"""The live program: frames in, faces found, completed and drawn, results out.

For prototypes: `from realtime import FaceStream`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.stream import FaceStream

__all__ = ["FaceStream"]


def __getattr__(name: str) -> object:
    """Loads `FaceStream` when it is asked for: the program's own modules should not wait for it."""
    if name == "FaceStream":
        from realtime.stream import FaceStream

        return FaceStream
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
