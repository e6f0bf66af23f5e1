#version 330 core
// A dot on the iris and a ray that thins and fades towards its end.

in vec2 point;
in float length_px;
in vec3 tint;

uniform float radius; // px, of the dot

out vec4 color;

void main() {
    float along = clamp(point.x / max(length_px, 1e-3), 0.0, 1.0);
    float ray = length(vec2(point.x - clamp(point.x, 0.0, length_px), point.y)) - mix(0.6, 0.25, along) * radius;
    float dot_distance = length(point) - radius;
    float cover = max(clamp(0.5 - ray, 0.0, 1.0) * (1.0 - 0.6 * along), clamp(0.5 - dot_distance, 0.0, 1.0));
    color = vec4(tint, 0.9 * cover);
}
