#version 330 core
// A plain material in the light estimated from the face: matt by the irradiance, glossy by what the light is where the
// reflection points to, and a highlight of the direction that most light comes from.
#include "light.glsl"
#include "srgb.glsl"

in vec3 place;
in vec3 normal;
in vec2 uv;
in vec4 tint;

uniform sampler2D base; // sRGB, straight alpha
uniform vec4 factor;    // linear RGB, alpha
uniform float metallic;
uniform float roughness;
uniform vec3 emission; // linear RGB
uniform float cutoff;
uniform bool unlit;
uniform bool blended;

out vec4 color; // sRGB times alpha, alpha

const float BRIGHTEST = 3.0; // a highlight, against the surface around: without exposure, more only burns a hole
const float DIELECTRIC = 0.04; // reflected head-on
const vec3 LUMINANCE = vec3(0.2126, 0.7152, 0.0722);

// Towards where most light comes from; of length 0 where it comes evenly from everywhere.
vec3 main_direction() {
    vec3 slope = vec3(dot(sh[3], LUMINANCE), dot(sh[1], LUMINANCE), dot(sh[2], LUMINANCE));
    float size = length(slope);
    return size > 1e-4 ? slope / size : vec3(0.0);
}

void main() {
    vec4 texel = texture(base, uv);
    vec4 own = factor * tint * vec4(to_linear(texel.rgb), texel.a);
    if (own.a < cutoff)
        discard;
    if (unlit) {
        color = vec4(to_srgb(own.rgb), 1.0) * (blended ? own.a : 1.0);
        return;
    }
    vec3 n = normalize(gl_FrontFacing ? normal : -normal);
    vec3 to_eye = normalize(-place);
    float rough = max(roughness, 0.06);
    vec3 head_on = mix(vec3(DIELECTRIC), own.rgb, metallic);
    float glancing = pow(1.0 - max(dot(n, to_eye), 0.0), 5.0);
    vec3 reflected = head_on + (max(vec3((1.0 - rough) * (1.0 - rough)), head_on) - head_on) * glancing;

    vec3 key = main_direction();
    float spread = 2.0 / (rough * rough * rough * rough) - 2.0;
    float lobe = pow(max(dot(n, normalize(to_eye + key)), 0.0), spread) * (spread + 2.0) / 8.0;
    vec3 highlight = irradiance(key) * min(lobe, BRIGHTEST) * max(dot(n, key), 0.0);

    vec3 matt = own.rgb * (1.0 - metallic) * irradiance(n);
    vec3 glossy = reflected * (irradiance(reflect(-to_eye, n)) + highlight);
    // What shows through keeps its reflections, added as they are: of light added to a picture in sRGB, about as much
    // is seen. Where the vertices' own alpha ends, so does the thing.
    vec3 whole = to_srgb(matt + emission + glossy);
    float through = blended ? factor.a * texel.a : 1.0;
    color = vec4(mix(glossy, whole, through), through) * (blended ? tint.a : 1.0);
}
