#version 330 core
// The face's own pixels on the mesh, under a lamp that circles the head, so that shape and relief show.
#include "surface.glsl"
#include "bump.glsl"
#include "srgb.glsl"

uniform sampler2D picture; // the frame, completed where the face is covered; sRGB
uniform vec3 lamp;         // unit vector towards the lamp, camera frame

const float AMBIENT = 0.35;
const float DIRECT = 0.85;

void main() {
    vec3 n = bumped(normalize(normal), z, uv);
    vec3 own = to_linear(texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb);
    emit(to_srgb(own * (AMBIENT + DIRECT * max(dot(n, lamp), 0.0))));
}
