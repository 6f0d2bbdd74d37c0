// Galactic and ICRS coordinates, with the same rotations as astropy has: ICRS to FK5 (J2000) by the frame
// bias (USNO Circular 179), then to the galactic pole of the IAU's system of 1958, brought to J2000.

type Vector = readonly [number, number, number];
type Matrix = readonly [Vector, Vector, Vector];

/** Longitude and latitude in degrees. */
export interface Place {
  lon: number;
  lat: number;
}

const RADIANS = Math.PI / 180;
const MILLIARCSECOND = 1 / 3_600_000;

function rotation(degrees: number, axis: "x" | "y" | "z"): Matrix {
  const c = Math.cos(degrees * RADIANS);
  const s = Math.sin(degrees * RADIANS);
  if (axis === "x")
    return [
      [1, 0, 0],
      [0, c, s],
      [0, -s, c],
    ] as const;
  if (axis === "y")
    return [
      [c, 0, -s],
      [0, 1, 0],
      [s, 0, c],
    ] as const;
  return [
    [c, s, 0],
    [-s, c, 0],
    [0, 0, 1],
  ] as const;
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function transposed(m: Matrix): Matrix {
  return [
    [m[0][0], m[1][0], m[2][0]],
    [m[0][1], m[1][1], m[2][1]],
    [m[0][2], m[1][2], m[2][2]],
  ];
}

function apply(m: Matrix, v: Vector): Vector {
  return [dot(m[0], v), dot(m[1], v), dot(m[2], v)];
}

function product(first: Matrix, ...others: Matrix[]): Matrix {
  let result = first;
  for (const other of others) {
    const columns = transposed(other);
    result = result.map((row) => apply(columns, row)) as unknown as Matrix;
  }
  return result;
}

const ICRS_TO_GALACTIC = product(
  rotation(180 - 122.9319185680026, "z"),
  rotation(90 - 27.12825118085622, "y"),
  rotation(192.8594812065348, "z"),
  rotation(19.9 * MILLIARCSECOND, "x"),
  rotation(9.1 * MILLIARCSECOND, "y"),
  rotation(-22.9 * MILLIARCSECOND, "z"),
);
const GALACTIC_TO_ICRS = transposed(ICRS_TO_GALACTIC);

function turn(m: Matrix, { lon, lat }: Place): Place {
  const c = Math.cos(lat * RADIANS);
  const [x, y, z] = apply(m, [
    c * Math.cos(lon * RADIANS),
    c * Math.sin(lon * RADIANS),
    Math.sin(lat * RADIANS),
  ]);
  const degrees = Math.atan2(y, x) / RADIANS;
  // Both steps: a tiny negative angle gives 360 when 360 is added.
  const turned = degrees < 0 ? degrees + 360 : degrees;
  return { lon: turned >= 360 ? 0 : turned, lat: Math.atan2(z, Math.hypot(x, y)) / RADIANS };
}

/** Galactic longitude and latitude of a place in ICRS. */
export function toGalactic(icrs: Place): Place {
  return turn(ICRS_TO_GALACTIC, icrs);
}

/** Right ascension and declination (ICRS) of a place in galactic coordinates. */
export function fromGalactic(galactic: Place): Place {
  return turn(GALACTIC_TO_ICRS, galactic);
}
