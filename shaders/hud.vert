#version 330 core
// A panel of text, px by px, at the top left corner.

uniform vec2 target_size; // px
uniform vec2 panel_size;  // px
uniform vec2 margin;      // px
uniform bool top_down;    // row 0 of the framebuffer is the top one

out vec2 at;

void main() {
    vec2 corner = vec2(gl_VertexID % 2, gl_VertexID / 2);
    vec2 px = margin + corner * panel_size; // from the top left
    vec2 clip = 2.0 * px / target_size - 1.0;
    gl_Position = vec4(clip.x, top_down ? clip.y : -clip.y, 0.0, 1.0);
    at = corner * panel_size;
}
