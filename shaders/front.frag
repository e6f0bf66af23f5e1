#version 330 core
// A real thing in front of the face, laid over what was drawn.

uniform sampler2D picture; // the frame
uniform sampler2D cover;   // how far the thing covers each pixel
uniform vec2 corner;       // px: of the cover's first texel
uniform float strength;

out vec4 color;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    float alpha = strength * texelFetch(cover, at - ivec2(corner), 0).r;
    color = vec4(texelFetch(picture, at, 0).rgb, 1.0) * alpha;
}
