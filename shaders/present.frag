#version 330 core

in vec2 at;

uniform sampler2D picture;

out vec4 color;

void main() {
    color = vec4(textureLod(picture, at, 0.0).rgb, 1.0);
}
