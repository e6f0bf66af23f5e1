"""Pieces that several shaders share, checked alone."""

import numpy as np

from realtime.render.programs import shader_source

RAMP = 512


def test_the_srgb_curve_is_within_a_twentieth_of_a_step(context):
    fragment = f"""#version 330 core
    out vec4 color;
    {shader_source("srgb.glsl")}
    void main() {{ color = vec4(to_srgb(vec3((gl_FragCoord.x - 0.5) / {RAMP - 1}.0)), 1.0); }}"""
    program = context.program(vertex_shader=shader_source("present.vert"), fragment_shader=fragment)
    ramp = context.framebuffer([context.texture((RAMP, 1), 4, dtype="f4")])
    ramp.use()
    context.enable_only(context.NOTHING)
    context.vertex_array(program, []).render(context.TRIANGLE_STRIP, vertices=4)
    drawn = np.frombuffer(ramp.read(components=4, dtype="f4"), np.float32).reshape(RAMP, 4)[:, 0]

    linear = np.linspace(0, 1, RAMP)
    exact = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(drawn - exact).max() * 255 < 0.05
