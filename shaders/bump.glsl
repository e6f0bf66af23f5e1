// Bump mapping of an unparametrised surface (Mikkelsen 2010): the height's screen derivatives tilt the normal.
// The height's slopes over the map come ready made: one look-up instead of three, and no facets when magnified.

uniform sampler2D slopes; // mm per map width along u, mm per map height down the rows
uniform float px_per_mm;  // the face's scale in the picture

vec3 bumped(vec3 n, float z, vec2 uv) {
    vec2 slope = px_per_mm * textureLod(slopes, uv, 0.0).rg;
    float rise_x = dot(slope, dFdx(uv)); // px per px
    float rise_y = dot(slope, dFdy(uv));

    vec3 step_x = vec3(1.0, 0.0, dFdx(z)); // the surface point moves so when the pixel does
    vec3 step_y = vec3(0.0, 1.0, dFdy(z));
    vec3 across_x = cross(step_y, n);
    vec3 across_y = cross(n, step_x);
    float area = dot(step_x, across_x);
    return normalize(abs(area) * n - sign(area) * (rise_x * across_x + rise_y * across_y));
}
