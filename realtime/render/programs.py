"""Compiles the GLSL files in `shaders/`; `#include "name.glsl"` pulls in a shared piece."""

from __future__ import annotations

import re
from pathlib import Path

import moderngl

SHADERS = Path(__file__).resolve().parents[2] / "shaders"
_INCLUDE = re.compile(r'^#include "([\w.]+)"$', re.MULTILINE)


def shader_source(name: str) -> str:
    """The text of `shaders/<name>` with its includes in place."""
    text = (SHADERS / name).read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda match: shader_source(match[1]), text)


def load_program(context: moderngl.Context, vertex: str, fragment: str) -> moderngl.Program:
    """Compile `shaders/<vertex>` and `shaders/<fragment>` into one program."""
    return context.program(vertex_shader=shader_source(vertex), fragment_shader=shader_source(fragment))


def set_uniforms(program: moderngl.Program, **values: object) -> None:
    """Set the uniforms that `program` has; the compiler drops those that a view does not read."""
    for name, value in values.items():
        if name in program:
            program[name] = value
