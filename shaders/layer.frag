#version 330 core
// The drawn face over the frame. Its outline is softened inwards, so that it neither looks cut out nor bleeds.

uniform sampler2D layer; // sRGB times alpha, alpha
uniform vec2 picture_size;
uniform float softness; // px from a pixel's middle to where its neighbours are asked; 0 keeps the outline as drawn

out vec4 color; // sRGB times alpha, alpha

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 face = texelFetch(layer, at, 0);
    if (softness > 0.0 && face.a > 0.0) {
        vec2 here = gl_FragCoord.xy / picture_size;
        vec2 reach = softness / picture_size;
        float around = textureLod(layer, here + reach, 0.0).a + textureLod(layer, here - reach, 0.0).a +
                       textureLod(layer, here + vec2(reach.x, -reach.y), 0.0).a +
                       textureLod(layer, here + vec2(-reach.x, reach.y), 0.0).a;
        face *= 0.25 * around;
    }
    color = face;
}
