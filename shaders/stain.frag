#version 330 core
// A picture laid out over the face's UV map, multiplied with what it lies on: that keeps its light, pores and lines.
#include "surface.glsl"

uniform sampler2D paint;   // sRGB times alpha, alpha; row 0 is v = 1
uniform sampler2D picture; // what has been drawn so far; sRGB
uniform float strength;

void main() {
    vec4 texel = texture(paint, uv);
    vec3 below = texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb;
    // What it takes from all channels is plain alpha over whatever is there, earlier paint too; only its tint needs to
    // know what lies below.
    float grey = min(min(texel.r, texel.g), texel.b);
    color = vec4(below * (texel.rgb - grey), texel.a - grey) * (strength * opacity);
}
