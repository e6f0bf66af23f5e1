#version 330 core
// The drawn layer over the frame, as it is.

uniform sampler2D layer; // sRGB times alpha, alpha

out vec4 color;

void main() {
    color = texelFetch(layer, ivec2(gl_FragCoord.xy), 0);
}
