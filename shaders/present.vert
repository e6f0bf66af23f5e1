#version 330 core
// The whole viewport; the picture's top row lies at the window's top.

out vec2 at;

void main() {
    vec2 corner = vec2(gl_VertexID % 2, gl_VertexID / 2);
    at = vec2(corner.x, 1.0 - corner.y);
    gl_Position = vec4(2.0 * corner - 1.0, 0.0, 1.0);
}
