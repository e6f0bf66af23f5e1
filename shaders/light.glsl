// Spherical-harmonics light of band 0 to 2; the basis equals realtime/light.py's.

flat in vec3 sh[9]; // linear RGB; see pass_light.glsl

vec3 irradiance(vec3 n) {
    vec3 sum = 0.282095 * sh[0];
    sum += 0.488603 * (n.y * sh[1] + n.z * sh[2] + n.x * sh[3]);
    sum += 1.092548 * (n.x * n.y * sh[4] + n.y * n.z * sh[5] + n.x * n.z * sh[7]);
    sum += 0.315392 * (3.0 * n.z * n.z - 1.0) * sh[6];
    sum += 0.546274 * (n.x * n.x - n.y * n.y) * sh[8];
    return max(sum, 0.0);
}
