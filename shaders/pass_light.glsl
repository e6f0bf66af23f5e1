// The light on its way to light.glsl. As a uniform of the fragment shader it would be read anew at every pixel, which
// costs a software GL more than all the arithmetic; flat, it is read once per triangle.

uniform vec3 light[9]; // linear RGB

flat out vec3 sh[9];

void pass_light() {
    for (int i = 0; i < 9; i++)
        sh[i] = light[i];
}
