#version 330 core
// A picture laid out over the face's UV map, multiplied with what it lies on: that keeps its light, pores and lines.
#include "surface.glsl"

uniform sampler2D paint;   // sRGB times alpha, alpha; row 0 is v = 1
uniform sampler2D picture; // what has been drawn so far; sRGB
uniform float strength;

void main() {
    vec4 texel = texture(paint, uv);
    vec3 below = texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb;
    color = vec4(below * texel.rgb, texel.a) * (strength * opacity);
}
