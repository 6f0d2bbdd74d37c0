// The programs that draw the map's layer on the graphics card.

/** Turns a place on the sphere into one on the map, as camera.ts does; what lies behind is cut off. */
export const PLACE = `#version 300 es
in vec3 place;
uniform vec3 centre, east, north;
uniform vec4 scale;
uniform vec2 origin, shift;
uniform float size;
void main() {
  float e = dot(place, east), n = dot(place, north);
  vec2 at = origin + e * scale.xy + n * scale.zw + shift;
  gl_Position = vec4(at, 1.0 - 2.0 * dot(place, centre), 1.0);
  gl_PointSize = size;
}`;

export const LINE = `#version 300 es
precision highp float;
uniform vec4 colour;
out vec4 shown;
void main() { shown = vec4(colour.rgb * colour.a, colour.a); }`;

/** Markers: a cross (0) or a diamond (1), with a dark rim so that they stand out from any sky. */
export const MARK = `#version 300 es
precision highp float;
uniform vec4 colour;
uniform float shape, size;
out vec4 shown;
void main() {
  vec2 at = (gl_PointCoord - 0.5) * size;
  float half_size = size * 0.5;
  float off;
  if (shape < 0.5) {
    off = min(abs(at.x), abs(at.y));
    if (max(abs(at.x), abs(at.y)) > half_size - 1.0) discard;
  } else {
    off = abs(abs(at.x) + abs(at.y) - (half_size - 2.0)) * 0.7071;
  }
  if (off > 2.0) discard;
  vec3 ink = off > 1.0 ? vec3(0.0) : colour.rgb;
  shown = vec4(ink * colour.a, colour.a);
}`;
