// What is drawn on the map: each field of view and each place once, however many data sets have it.
import type { Schemas } from "../api/client";
import {
  type Cap,
  capOf,
  contains,
  distance,
  outline,
  shapeWord,
  type Vector,
  vector,
} from "./geometry";

export type Observed = Schemas["Observed"];

export interface Scene {
  rows: readonly Observed[];
  /** Corners of all outlines, three numbers each. */
  corners: Float32Array;
  /** First corner of each outline, and one behind the last. */
  firsts: Uint32Array;
  /** A cap around each outline. */
  outlines: Cap[];
  /** The same as four numbers each: its centre, and how far it reaches from there on the unit sphere. */
  caps: Float32Array;
  /** The outline of each row, -1 for none. */
  outlineOf: Int32Array;
  /** Where telescopes pointed, and what was to be seen; three numbers each. */
  pointings: Float32Array;
  targets: Float32Array;
  pointingOf: Int32Array;
  /** A cap with everything in it; null where nothing has a place. */
  cap: Cap | null;
}

class Places {
  readonly numbers: number[] = [];
  readonly vectors: Vector[] = [];
  private readonly known = new Map<string, number>();

  add(ra: number | null, dec: number | null): number {
    if (ra === null || dec === null) return -1;
    const word = `${ra} ${dec}`;
    let at = this.known.get(word);
    if (at === undefined) {
      const v = vector(ra, dec);
      at = this.vectors.push(v) - 1;
      this.numbers.push(...v);
      this.known.set(word, at);
    }
    return at;
  }
}

/** Lay out rows for the map. */
export function makeScene(rows: readonly Observed[]): Scene {
  const corners: number[] = [];
  const firsts = [0];
  const outlines: Cap[] = [];
  const known = new Map<string, number>();
  const [pointings, targets] = [new Places(), new Places()];
  const outlineOf = new Int32Array(rows.length).fill(-1);
  const pointingOf = new Int32Array(rows.length).fill(-1);
  rows.forEach((row, index) => {
    pointingOf[index] = pointings.add(row.ra, row.dec);
    targets.add(row.target_ra, row.target_dec);
    if (row.region === null) return;
    const word = shapeWord(row.region);
    let at = known.get(word);
    if (at === undefined) {
      const line = outline(row.region);
      const cap = capOf(line);
      if (cap === null) return;
      at = outlines.push(cap) - 1;
      for (const corner of line) corners.push(...corner);
      firsts.push(corners.length / 3);
      known.set(word, at);
    }
    outlineOf[index] = at;
  });
  const widest = outlines.reduce((most, { radius }) => Math.max(most, radius), 0);
  const middle = capOf([...pointings.vectors, ...outlines.map(({ centre }) => centre)]);
  return {
    rows,
    corners: new Float32Array(corners),
    firsts: new Uint32Array(firsts),
    outlines,
    caps: new Float32Array(outlines.flatMap((cap) => [...cap.centre, reach(cap)])),
    outlineOf,
    pointings: new Float32Array(pointings.numbers),
    targets: new Float32Array(targets.numbers),
    pointingOf,
    cap: middle && { centre: middle.centre, radius: Math.min(180, middle.radius + widest) },
  };
}

/** How far a cap reaches from its centre, in a straight line. */
function reach(cap: Cap): number {
  return 2 * Math.sin((Math.min(180, cap.radius) / 2) * (Math.PI / 180));
}

/** How many corners of an outline lie between two that are drawn, if it has a radius in pixels.
 *
 * @param off By how many pixels the line may differ from the true one.
 */
export function strideFor(corners: number, pixels: number, off = 0.5): number {
  const needed = Math.max(8, Math.ceil(Math.PI * Math.sqrt(Math.max(0, pixels / (2 * off)))));
  return Math.max(1, Math.floor(corners / needed));
}

/** Numbers of outlines and pointings. */
export interface Marked {
  outlines: Uint32Array;
  pointings: Uint32Array;
}

/** Which outlines and places the selected rows have. */
export function marked(scene: Scene, dids: ReadonlySet<string>): Marked {
  const [outlines, pointings] = [new Set<number>(), new Set<number>()];
  if (dids.size > 0)
    scene.rows.forEach((row, index) => {
      if (!dids.has(row.did)) return;
      const [shape = -1, point = -1] = [scene.outlineOf[index], scene.pointingOf[index]];
      if (shape >= 0) outlines.add(shape);
      if (point >= 0) pointings.add(point);
    });
  return { outlines: new Uint32Array(outlines), pointings: new Uint32Array(pointings) };
}

/** Rows whose field of view holds a place, those that point closest to it first. */
export function rowsAt(scene: Scene, ra: number, dec: number): Observed[] {
  const at = vector(ra, dec);
  const holds = new Map<number, boolean>();
  const found: { row: Observed; far: number }[] = [];
  scene.rows.forEach((row, index) => {
    const shape = scene.outlineOf[index] ?? -1;
    const cap = scene.outlines[shape];
    if (row.region === null || !cap) return;
    let inside = holds.get(shape);
    if (inside === undefined) {
      inside = distance(cap.centre, at) <= cap.radius + 1e-6 && contains(row.region, ra, dec);
      holds.set(shape, inside);
    }
    if (!inside) return;
    const far =
      row.ra === null || row.dec === null
        ? distance(cap.centre, at)
        : distance(vector(row.ra, row.dec), at);
    found.push({ row, far });
  });
  return found.sort((a, b) => a.far - b.far).map(({ row }) => row);
}

/** Rows that point to a place within a radius. */
export function rowsWithin(scene: Scene, centre: Vector, radius: number): Observed[] {
  return scene.rows.filter(
    (row) =>
      row.ra !== null && row.dec !== null && distance(vector(row.ra, row.dec), centre) <= radius,
  );
}
