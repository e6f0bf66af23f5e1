#version 330 core
// Smooth lines over the picture; hidden ones are gone, since the triangles still fill the depth buffer.

in vec3 edges;
in float opacity;

uniform sampler2D picture;
uniform vec3 line_color;  // sRGB
uniform float line_width; // px

out vec4 color;

void main() {
    vec3 px = edges / max(fwidth(edges), 1e-6); // distance to each edge
    float nearest = min(min(px.x, px.y), px.z);
    float line = 1.0 - smoothstep(0.5 * line_width - 0.5, 0.5 * line_width + 0.5, nearest);
    vec3 below = texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb;
    color = vec4(mix(below, line_color, 0.85 * line * opacity), 1.0);
}
