// Places and shapes on the sphere. Angles are degrees, ICRS; vectors have length one.
import type { Schemas } from "../api/client";

export type Footprint = Schemas["Footprint"];
export type Vector = readonly [number, number, number];

const DEGREE = Math.PI / 180;
const CIRCLE_CORNERS = 48;
/** Longest part of a polygon's side that is drawn as one straight line. */
const LONGEST_SIDE = 4;

export function vector(ra: number, dec: number): Vector {
  const [a, d] = [ra * DEGREE, dec * DEGREE];
  return [Math.cos(d) * Math.cos(a), Math.cos(d) * Math.sin(a), Math.sin(d)];
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/** The sum of vectors times numbers, brought to length one; null where nothing is left. */
function direction(parts: readonly (readonly [number, Vector])[]): Vector | null {
  const sum: [number, number, number] = [0, 0, 0];
  for (const [factor, part] of parts)
    for (const axis of [0, 1, 2] as const) sum[axis] += factor * part[axis];
  const length = Math.hypot(...sum);
  return length > 1e-12 ? [sum[0] / length, sum[1] / length, sum[2] / length] : null;
}

/** Angle between two places; exact for small ones, too. */
export function distance(a: Vector, b: Vector): number {
  return Math.atan2(Math.hypot(...cross(a, b)), dot(a, b)) / DEGREE;
}

/** Right ascension and declination of a vector. */
export function place(v: Vector): { ra: number; dec: number } {
  const ra = Math.atan2(v[1], v[0]) / DEGREE;
  return { ra: ra < 0 ? ra + 360 : ra, dec: Math.asin(Math.max(-1, Math.min(1, v[2]))) / DEGREE };
}

/** Unit vectors to east and north at a place. */
export function axes(ra: number, dec: number): { east: Vector; north: Vector } {
  const [a, d] = [ra * DEGREE, dec * DEGREE];
  return {
    east: [-Math.sin(a), Math.cos(a), 0],
    north: [-Math.sin(d) * Math.cos(a), -Math.sin(d) * Math.sin(a), Math.cos(d)],
  };
}

/** The place that lies a distance away from another, in a direction from north over east. */
export function away(ra: number, dec: number, angle: number, position: number): Vector {
  const { east, north } = axes(ra, dec);
  const [r, p] = [angle * DEGREE, position * DEGREE];
  const centre = vector(ra, dec);
  const at = (axis: 0 | 1 | 2) =>
    Math.cos(r) * centre[axis] +
    Math.sin(r) * (Math.cos(p) * north[axis] + Math.sin(p) * east[axis]);
  return [at(0), at(1), at(2)];
}

function corners(points: readonly number[]): Vector[] {
  const found: Vector[] = [];
  for (let at = 0; at + 1 < points.length; at += 2)
    found.push(vector(points[at] ?? 0, points[at + 1] ?? 0));
  return found;
}

/** The outline of a field of view as a closed line; the last corner leads back to the first. */
export function outline(shape: Footprint): Vector[] {
  if (shape.kind === "circle") {
    const [ra = 0, dec = 0, radius = 0] = shape.points;
    return Array.from({ length: CIRCLE_CORNERS }, (_, at) =>
      away(ra, dec, radius, (360 * at) / CIRCLE_CORNERS),
    );
  }
  const given = corners(shape.points);
  return given.flatMap((from, at) => {
    const to = given[(at + 1) % given.length] ?? from;
    const parts = Math.max(1, Math.ceil(distance(from, to) / LONGEST_SIDE));
    const line = [from];
    for (let part = 1; part < parts; part++) {
      const between = direction([
        [parts - part, from],
        [part, to],
      ]);
      if (between) line.push(between);
    }
    return line;
  });
}

export interface Cap {
  centre: Vector;
  /** Degrees. */
  radius: number;
}

/** A cap around places, not always the smallest one; null where there are none. */
export function capOf(places: readonly Vector[]): Cap | null {
  if (places.length === 0) return null;
  const centre = direction(places.map((one) => [1, one] as const)) ?? [0, 0, 1];
  let radius = 0;
  for (const one of places) radius = Math.max(radius, distance(centre, one));
  return { centre, radius };
}

/** Whether a place lies in a field of view; its border belongs to it. */
export function contains(shape: Footprint, ra: number, dec: number): boolean {
  const at = vector(ra, dec);
  if (shape.kind === "circle") {
    const [cra = 0, cdec = 0, radius = 0] = shape.points;
    return distance(vector(cra, cdec), at) <= radius + 1e-9;
  }
  // Seen from the place, the corners of a polygon around it go round once.
  const { east, north } = axes(ra, dec);
  const given = corners(shape.points);
  if (given.every((corner) => dot(corner, at) < 0)) return false;
  const angles = given.map((corner) => Math.atan2(dot(corner, east), dot(corner, north)));
  let turned = 0;
  angles.forEach((angle, index) => {
    const next = angles[(index + 1) % angles.length] ?? angle;
    let step = next - angle;
    if (step > Math.PI) step -= 2 * Math.PI;
    if (step < -Math.PI) step += 2 * Math.PI;
    turned += step;
  });
  return Math.abs(turned) > Math.PI;
}

/** A word that is the same for the same field of view. */
export function shapeWord(shape: Footprint): string {
  return `${shape.kind} ${shape.points.join(" ")}`;
}
