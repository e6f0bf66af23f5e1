#version 330 core
// The bump-mapped normals as colours: red to the right, green up, blue towards the camera.
#include "surface.glsl"
#include "bump.glsl"

void main() {
    vec3 smooth_normal = normalize(normal);
    vec3 n = bumped(smooth_normal, z, uv);
    color = over_picture(0.5 + 0.5 * n * vec3(1.0, -1.0, -1.0), smooth_normal);
}
