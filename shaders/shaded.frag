#version 330 core
// The model's skin under the light estimated from the frame, with the bump map's relief.
#include "surface.glsl"
#include "bump.glsl"
#include "light.glsl"
#include "srgb.glsl"

void main() {
    vec3 n = bumped(normalize(normal), z, uv);
    emit(to_srgb(albedo * irradiance(n)));
}
