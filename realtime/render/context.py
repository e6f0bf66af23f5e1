"""The only place that makes a GL context, and the rule that one thread owns it."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import moderngl

from realtime.errors import UserError

GL_VERSION = 330  # the shaders are written for 3.3 core
# Where glFinish lives; libglvnd's libraries pass it on to whatever drives the current context.
GL_LIBRARIES = {
    "linux": ("libOpenGL.so.0", "libGL.so.1"),
    "win32": ("opengl32",),
    "darwin": ("/System/Library/Frameworks/OpenGL.framework/OpenGL",),
}


def headless_context() -> moderngl.Context:
    """A context without a window, owned by the calling thread.

    EGL needs no display, so it serves servers and containers; it exists on Linux only, elsewhere the
    system's own library is asked.
    """
    backend: dict[str, Any] = {"backend": "egl"} if sys.platform.startswith("linux") else {}
    try:
        context = moderngl.create_context(standalone=True, require=GL_VERSION, **backend)
    except Exception as error:  # glcontext raises bare Exception, "libGL.so not loaded" among others
        raise UserError(
            f"OpenGL 3.3 is not available: {error}",
            "On Debian or Ubuntu: apt-get install libegl1 libgl1. Elsewhere: update the graphics driver.",
        ) from error
    return adopt_context(context)


def adopt_context(context: moderngl.Context) -> moderngl.Context:
    """Note the calling thread as the owner of `context` (a window makes its own)."""
    context.extra = threading.get_ident()
    return context


def check_owner(context: moderngl.Context) -> None:
    """Stop a drawing call from a thread in which `context` is not current.

    GL would draw nothing and report nothing: the pictures are just black.
    """
    if context.extra != threading.get_ident():
        raise RuntimeError("this GL context belongs to another thread: draw only in the thread that made it")


def wait_until_drawn(context: moderngl.Context) -> None:
    """Return when everything asked of the current context is done, letting other Python threads run meanwhile.

    moderngl's own calls hold Python's lock while they wait: a software GL draws for 10 ms or more, in which no
    other stage of the frame loop could go on.
    """
    finish = _gl_finish()
    if finish:
        finish()  # ctypes lets go of the lock during the call
    else:
        context.finish()


@cache
def _gl_finish() -> Callable[[], None] | None:
    """The system's glFinish, or None where its library has another name."""
    for name in GL_LIBRARIES.get(sys.platform, ()):
        try:
            function = ctypes.CDLL(name).glFinish
        except (OSError, AttributeError):
            continue
        function.argtypes, function.restype = (), None
        return function
    return None
