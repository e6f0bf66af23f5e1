#version 330 core
// A picture laid out over the face's UV map: lit as the skin is, or multiplied with what it lies on.
#include "surface.glsl"
#include "bump.glsl"
#include "light.glsl"
#include "srgb.glsl"

uniform sampler2D paint;   // sRGB times alpha, alpha; row 0 is v = 1
uniform sampler2D picture; // what has been drawn so far; sRGB
uniform float strength;
uniform bool multiply;

void main() {
    vec3 n = bumped(normalize(normal), z, uv);
    vec4 texel = texture(paint, uv);
    vec3 own = texel.rgb / max(texel.a, 1.0 / 255.0);
    vec3 look = multiply ? texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb * own : to_srgb(to_linear(own) * irradiance(n));
    emit(look);
    color *= texel.a * strength;
}
