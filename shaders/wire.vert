#version 330 core
// The mesh's edges: triangles that share no vertices, each corner knowing how far it is from every edge.

in vec3 in_position; // px; z grows away from the camera
in float in_opacity;
in vec3 in_edges;    // one component per edge: 0 on it, 1 at the opposite corner; 1 everywhere if the edge is not drawn

uniform vec2 picture_size;
uniform vec2 depth_line;

out vec3 edges;
out float opacity;

void main() {
    gl_Position = vec4(2.0 * in_position.xy / picture_size - 1.0, depth_line.x * in_position.z + depth_line.y, 1.0);
    edges = in_edges;
    opacity = in_opacity;
}
