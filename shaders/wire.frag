#version 330 core
// Smooth lines; hidden ones are gone, since the triangles still fill the depth buffer.

in vec3 edges;
in float opacity;

uniform vec3 line_color;  // sRGB
uniform float line_width; // px

out vec4 color; // sRGB times alpha, alpha

const float STRENGTH = 0.8;
const float FAINT = 0.2;
const vec2 CROWDED = vec2(1.5, 5.0); // px: the lines of triangles as thin as the first are faint, from the second on full

void main() {
    vec3 per_px = max(fwidth(edges), 1e-6);
    vec3 px = edges / per_px; // distance to each edge
    float nearest = min(min(px.x, px.y), px.z);
    float line = 1.0 - smoothstep(0.5 * line_width - 0.5, 0.5 * line_width + 0.5, nearest);
    float thinnest = 1.0 / max(max(per_px.x, per_px.y), per_px.z);
    color = vec4(line_color, 1.0) * STRENGTH * opacity * line * mix(FAINT, 1.0, smoothstep(CROWDED.x, CROWDED.y, thinnest));
}
