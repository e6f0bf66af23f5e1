#version 330 core
// The text's coverage over a dark, half transparent ground.

in vec2 at;

uniform sampler2D text; // one channel: how much of the pixel is ink

out vec4 color;

const vec3 INK = vec3(0.96);
const vec3 GROUND = vec3(0.05, 0.06, 0.08);

void main() {
    float ink = texelFetch(text, ivec2(at), 0).r;
    color = vec4(mix(GROUND, INK, ink), mix(0.55, 1.0, ink));
}
