#version 330 core
// A thing in millimetres, put before the camera and projected as the face was.

in vec3 in_position; // mm, the prop's frame
in vec3 in_normal;
in vec2 in_uv;
in vec4 in_color; // linear RGB, alpha

uniform mat4 placement;    // the prop's frame -> camera frame (x right, y down, z forward)
uniform float focal;       // px
uniform vec2 center;       // px
uniform float origin;      // mm from the camera to the head's origin, where z is 0
uniform vec2 picture_size; // px
uniform vec2 depth_line;   // clip z = depth_line.x * z + depth_line.y, z in px

out vec3 place; // mm, camera frame
out vec3 normal;
out vec2 uv;
out vec4 tint;

const float NEAREST = 1.0; // mm

#include "pass_light.glsl"

void main() {
    pass_light();
    place = (placement * vec4(in_position, 1.0)).xyz;
    normal = mat3(placement) * in_normal;
    uv = in_uv;
    tint = in_color;
    vec2 px = focal * place.xy / max(place.z, NEAREST) + center;
    float depth = depth_line.x * (place.z - origin) * focal / origin + depth_line.y;
    gl_Position = vec4(2.0 * px / picture_size - 1.0, clamp(depth, -1.0, 1.0), 1.0);
}
