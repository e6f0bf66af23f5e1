#version 330 core
// The drawn layer over the frame. Its outline is softened inwards, so that it neither looks cut out nor bleeds.

uniform sampler2D layer;   // sRGB times alpha, alpha
uniform vec2 picture_size; // px

out vec4 color;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    ivec2 before = max(at - 1, ivec2(0));
    ivec2 after = min(at + 1, ivec2(picture_size) - 1);
    float around = texelFetch(layer, before, 0).a + texelFetch(layer, after, 0).a +
                   texelFetch(layer, ivec2(before.x, after.y), 0).a + texelFetch(layer, ivec2(after.x, before.y), 0).a;
    color = texelFetch(layer, at, 0) * (0.25 * around);
}
