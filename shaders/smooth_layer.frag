#version 330 core
// The drawn layer over the frame. Where its outline passes, it is averaged with its neighbours; elsewhere it is as it is.

uniform sampler2D layer;   // sRGB times alpha, alpha
uniform vec2 picture_size; // px

out vec4 color;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    ivec2 before = max(at - 1, ivec2(0));
    ivec2 after = min(at + 1, ivec2(picture_size) - 1);
    vec4 here = texelFetch(layer, at, 0);
    vec4 left = texelFetch(layer, ivec2(before.x, at.y), 0), right = texelFetch(layer, ivec2(after.x, at.y), 0);
    vec4 up = texelFetch(layer, ivec2(at.x, before.y), 0), down = texelFetch(layer, ivec2(at.x, after.y), 0);
    float least = min(here.a, min(min(left.a, right.a), min(up.a, down.a)));
    float most = max(here.a, max(max(left.a, right.a), max(up.a, down.a)));
    float share = smoothstep(0.05, 0.5, most - least); // soft paint needs no smoothing
    color = mix(here, 0.5 * here + 0.125 * (left + right + up + down), share);
}
