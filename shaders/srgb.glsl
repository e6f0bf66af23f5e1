// The sRGB curve (IEC 61966-2-1), both ways.

// The power is a sum of roots, which cost less and err by an eightieth of an 8-bit step.
vec3 to_srgb(vec3 linear) {
    vec3 c = clamp(linear, 0.0, 1.0);
    vec3 fourth = sqrt(sqrt(c));
    vec3 curve = 0.64237067 * fourth * fourth + 0.71210457 * fourth - 0.33686746 * sqrt(fourth) - 0.01756475 * c;
    return mix(12.92 * c, curve, step(0.0031308, c));
}

vec3 to_linear(vec3 srgb) {
    return mix(srgb / 12.92, pow((srgb + 0.055) / 1.055, vec3(2.4)), step(0.04045, srgb));
}
