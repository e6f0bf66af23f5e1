#version 330 core
// The face's own pixels on the mesh, under a lamp that circles the head, so that shape and relief show.
#include "surface.glsl"
#include "bump.glsl"
#include "srgb.glsl"

uniform vec3 lamp; // unit vector towards the lamp, camera frame

const float AMBIENT = 0.35;
const float DIRECT = 0.85;

void main() {
    vec3 smooth_normal = normalize(normal);
    vec3 n = bumped(smooth_normal, z, uv);
    float lit = AMBIENT + DIRECT * max(dot(n, lamp), 0.0);
    color = over_picture(to_srgb(lit * to_linear(own_pixel())), smooth_normal);
}
