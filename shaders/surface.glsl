// What every view of the face's surface shares: its inputs, and the soft edge towards the picture.

in float z;
in vec3 normal;
in vec3 albedo;
in vec2 uv;
in float opacity;

uniform sampler2D picture; // the frame, sRGB

out vec4 color;

vec3 own_pixel() {
    return texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb;
}

// Fade into the picture at the mesh's border and where the surface turns away from the camera.
vec4 over_picture(vec3 srgb, vec3 n) {
    float cover = opacity * smoothstep(0.02, 0.25, -n.z);
    return vec4(cover < 1.0 ? mix(own_pixel(), srgb, cover) : srgb, 1.0);
}
