#version 330 core
// A face given in picture pixels, laid onto the picture without perspective: its vertices carry it already.
// Row 0 of the framebuffer is the picture's top row, so nothing is flipped on the way in or out.

in vec3 in_position; // px; z grows away from the camera
in vec3 in_normal;   // outward, camera frame (x right, y down, z forward)
in vec3 in_albedo;   // linear RGB
in vec2 in_uv;       // v up
in float in_opacity; // 0 at the mesh's outer border, 1 inside

uniform vec2 picture_size; // px
uniform vec2 depth_line;   // clip z = depth_line.x * z + depth_line.y

out float z;
out vec3 normal;
out vec3 albedo;
out vec2 uv;
out float opacity;

invariant gl_Position; // what is painted onto the face passes the depth test against the face itself

#include "pass_light.glsl"

void main() {
    pass_light();
    gl_Position = vec4(2.0 * in_position.xy / picture_size - 1.0, depth_line.x * in_position.z + depth_line.y, 1.0);
    z = in_position.z;
    normal = in_normal;
    albedo = in_albedo;
    uv = vec2(in_uv.x, 1.0 - in_uv.y); // textures begin with the row of v = 1
    opacity = in_opacity;
}
