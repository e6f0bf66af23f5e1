#version 330 core
// The bump-mapped normals as colours: red to the right, green up, blue towards the camera.
#include "surface.glsl"
#include "bump.glsl"

void main() {
    vec3 n = bumped(normalize(normal), z, uv);
    emit(0.5 + 0.5 * n * vec3(1.0, -1.0, -1.0));
}
