// How the sky lies on the map's pixels, measured on the map itself.
import { away, axes, dot, type Vector, vector } from "./geometry";

/** What is asked of the map; Aladin has it. */
export interface Mapped {
  getRaDec(): [number, number];
  getFov(): [number, number];
  world2pix(ra: number, dec: number): [number, number] | null | undefined;
}

/** An orthographic view of the sky. */
export interface Camera {
  centre: Vector;
  east: Vector;
  north: Vector;
  /** Pixels of the centre. */
  x: number;
  y: number;
  /** Pixels for one radian at the centre, to east (first two) and to north. */
  matrix: readonly [number, number, number, number];
}

/** Measure the view; null while the map is not ready. */
export function measure(map: Mapped): Camera | null {
  const [ra, dec] = map.getRaDec();
  const fov = map.getFov()[0];
  const step = Math.max(1e-4, Math.min(10, fov / 8));
  const at = map.world2pix(ra, dec);
  const pixel = (position: number) => {
    const to = away(ra, dec, step, position);
    return map.world2pix(
      (Math.atan2(to[1], to[0]) * 180) / Math.PI,
      (Math.asin(to[2]) * 180) / Math.PI,
    );
  };
  const [east, north] = [pixel(90), pixel(0)];
  if (!at || !east || !north) return null;
  const sine = Math.sin((step * Math.PI) / 180);
  return {
    centre: vector(ra, dec),
    ...axes(ra, dec),
    x: at[0],
    y: at[1],
    matrix: [
      (east[0] - at[0]) / sine,
      (east[1] - at[1]) / sine,
      (north[0] - at[0]) / sine,
      (north[1] - at[1]) / sine,
    ],
  };
}

/** Pixels of a place; null where it lies on the far side of the sky. */
export function project(camera: Camera, v: Vector): [number, number] | null {
  if (dot(v, camera.centre) < 0) return null;
  const [e, n] = [dot(v, camera.east), dot(v, camera.north)];
  const [ex, ey, nx, ny] = camera.matrix;
  return [camera.x + e * ex + n * nx, camera.y + e * ey + n * ny];
}

/** Whether two views are the same, so that nothing has to be drawn again. */
export function isSame(a: Camera | null, b: Camera | null): boolean {
  if (a === null || b === null) return a === b;
  const numbers = (camera: Camera) => [
    ...camera.centre,
    ...camera.north,
    camera.x,
    camera.y,
    ...camera.matrix,
  ];
  const other = numbers(b);
  return numbers(a).every((value, at) => value === other[at]);
}
