"""Waiting for GL must not stop the other threads of the frame loop."""

from __future__ import annotations

import sys
import threading
import time

import moderngl
import pytest

from realtime.render import context as contexts
from realtime.render.context import headless_context, wait_until_drawn

BUSY = """
#version 330 core
out vec4 color;
void main() {
    float sum = gl_FragCoord.x;
    for (int i = 0; i < 400; i++) sum = sin(sum) + 1.0;
    color = vec4(sum);
}
"""
FILL = """
#version 330 core
void main() { gl_Position = vec4(4.0 * vec2(gl_VertexID % 2, gl_VertexID / 2) - 1.0, 0.0, 1.0); }
"""


@pytest.fixture
def heavy():
    """A context with a picture that takes long to draw, and what starts the drawing."""
    context = headless_context()
    canvas = context.simple_framebuffer((512, 512))
    canvas.use()
    array = context.vertex_array(context.program(vertex_shader=FILL, fragment_shader=BUSY), [])

    def draw() -> None:
        for _ in range(8):
            array.render(moderngl.TRIANGLES, vertices=3)

    yield context, draw
    context.release()


def test_other_threads_run_while_gl_is_waited_for(heavy):
    context, draw = heavy
    if contexts._gl_finish() is None:
        pytest.skip("no GL library of a known name")
    draw()
    wait_until_drawn(context)  # compiled now
    ticks, stop = [], threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    time.sleep(0.02)
    draw()
    start = time.monotonic()
    wait_until_drawn(context)
    waited = time.monotonic() - start
    stop.set()
    thread.join()
    during = [t for t in ticks if start < t < start + waited]
    if waited < 0.02:
        pytest.skip("this GL draws too fast to tell")
    assert len(during) > waited / 0.03  # the thread ticks every few ms, less often on a busy processor


def test_without_the_library_moderngl_waits(heavy, monkeypatch):
    context, draw = heavy
    monkeypatch.setattr(contexts, "_gl_finish", lambda: None)
    draw()
    wait_until_drawn(context)
    assert context.error == "GL_NO_ERROR"


def test_an_unknown_system_has_no_library(monkeypatch):
    monkeypatch.setattr(sys, "platform", "plan9")
    contexts._gl_finish.cache_clear()
    assert contexts._gl_finish() is None
    contexts._gl_finish.cache_clear()
