// What every view of the face's surface shares.

in float z;
in vec3 normal;
in vec3 albedo;
in vec2 uv;
in float opacity;

out vec4 color; // sRGB times alpha, alpha

void emit(vec3 srgb) {
    color = vec4(srgb, 1.0) * opacity;
}
