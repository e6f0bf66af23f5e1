// Bump mapping of an unparametrised surface (Mikkelsen 2010): the height's screen derivatives tilt the normal.

uniform sampler2D bump;    // mm along the normal
uniform float px_per_mm;   // the face's scale in the picture

vec3 bumped(vec3 n, float z, vec2 uv) {
    vec2 uv_x = uv + dFdx(uv);
    vec2 uv_y = uv + dFdy(uv);
    float here = textureLod(bump, uv, 0.0).r;
    float slope_x = textureLod(bump, uv_x, 0.0).r - here;
    float slope_y = textureLod(bump, uv_y, 0.0).r - here;

    vec3 step_x = vec3(1.0, 0.0, dFdx(z)); // the surface point moves so when the pixel does
    vec3 step_y = vec3(0.0, 1.0, dFdy(z));
    vec3 across_x = cross(step_y, n);
    vec3 across_y = cross(n, step_x);
    float area = dot(step_x, across_x);
    vec3 gradient = sign(area) * (slope_x * across_x + slope_y * across_y);
    return normalize(abs(area) * n - px_per_mm * gradient);
}
