#version 330 core
// The face's place and depth alone, exactly as face.vert has them.

in vec3 in_position; // px; z grows away from the camera

uniform vec2 picture_size; // px
uniform vec2 depth_line;   // clip z = depth_line.x * z + depth_line.y

invariant gl_Position;

void main() {
    gl_Position = vec4(2.0 * in_position.xy / picture_size - 1.0, depth_line.x * in_position.z + depth_line.y, 1.0);
}
