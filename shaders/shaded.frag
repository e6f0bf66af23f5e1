#version 330 core
// The model's skin under the light estimated from the frame, with the bump map's relief.
#include "surface.glsl"
#include "bump.glsl"
#include "light.glsl"
#include "srgb.glsl"

void main() {
    vec3 smooth_normal = normalize(normal);
    vec3 n = bumped(smooth_normal, z, uv);
    color = over_picture(to_srgb(albedo * irradiance(n)), smooth_normal);
}
