#version 330 core
// A picture laid out over the face's UV map, lit as the skin is.
#include "surface.glsl"
#include "bump.glsl"
#include "light.glsl"
#include "srgb.glsl"

uniform sampler2D paint; // sRGB times alpha, alpha; row 0 is v = 1
uniform float strength;

void main() {
    vec3 n = bumped(normalize(normal), z, uv);
    vec4 texel = texture(paint, uv);
    vec3 own = texel.rgb / max(texel.a, 1.0 / 255.0);
    emit(to_srgb(to_linear(own) * irradiance(n)));
    color *= texel.a * strength;
}
