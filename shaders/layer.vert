#version 330 core
// A rectangle of the picture.

uniform vec4 rectangle;    // px: left, top, right, bottom
uniform vec2 picture_size; // px

void main() {
    vec2 corner = vec2(gl_VertexID % 2, gl_VertexID / 2);
    vec2 px = mix(rectangle.xy, rectangle.zw, corner);
    gl_Position = vec4(2.0 * px / picture_size - 1.0, 0.0, 1.0);
}
