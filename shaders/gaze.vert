#version 330 core
// A line of sight as a quad around its segment, with a margin for the round ends and the soft edge.

in vec2 in_from; // px in the picture
in vec2 in_to;
in vec3 in_color;

uniform vec2 picture_size;
uniform float radius; // px

out vec2 point; // px along and across the segment
out float length_px;
out vec3 tint;

void main() {
    vec2 along = in_to - in_from;
    length_px = length(along);
    vec2 direction = length_px > 0.0 ? along / length_px : vec2(1.0, 0.0);
    float margin = radius + 1.5;
    vec2 corner = vec2(gl_VertexID % 2, gl_VertexID / 2); // a strip of four
    point = vec2(mix(-margin, length_px + margin, corner.x), mix(-margin, margin, corner.y));
    vec2 px = in_from + point.x * direction + point.y * vec2(-direction.y, direction.x);
    gl_Position = vec4(2.0 * px / picture_size - 1.0, 0.0, 1.0);
    tint = in_color;
}
