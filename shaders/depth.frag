#version 330 core
// Fills the depth buffer with the head, and wipes off what lies behind it.

out vec4 color;

void main() {
    color = vec4(0.0);
}
