// Spans of time or energy as lines that Plotly draws as one path.
import type { Observed } from "./scene";

const MOST_LANES = 16;

/** A span of one row. */
export interface Span {
  row: number;
  from: number;
  to: number;
  y: number;
}

/** Points for Plotly: both ends and the middle of each span, and a gap. */
export interface Path {
  x: (number | null)[];
  y: (number | null)[];
  /** The row of each point. */
  rows: number[];
}

export function pathOf(spans: readonly Span[], middle: (from: number, to: number) => number): Path {
  const path: Path = { x: [], y: [], rows: [] };
  for (const { row, from, to, y } of spans) {
    path.x.push(from, middle(from, to), to, null);
    path.y.push(y, y, y, null);
    path.rows.push(row, row, row, row);
  }
  return path;
}

/** Boxes for Plotly: the outline of each span, which stays visible where the span is shorter than a pixel. */
export function boxesOf(spans: readonly Span[], half: number): Path {
  const path: Path = { x: [], y: [], rows: [] };
  for (const { row, from, to, y } of spans) {
    path.x.push(from, from, to, to, from, null);
    path.y.push(y - half, y + half, y + half, y - half, y - half, null);
    path.rows.push(row, row, row, row, row, row);
  }
  return path;
}

/** Lanes of a time line: one for each target, the most frequent ones first, and one for the rest. */
export function lanesOf(rows: readonly Observed[]): { names: string[]; lane: Int32Array } {
  const counts = new Map<string, number>();
  const nameOf = (row: Observed) => row.target_name ?? "no target";
  for (const row of rows) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + 1);
  const byCount = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const own = byCount.length <= MOST_LANES ? byCount : byCount.slice(0, MOST_LANES - 1);
  const names = own.map(([name]) => name);
  const at = new Map(names.map((name, lane) => [name, lane]));
  if (own.length < byCount.length) names.push(`${byCount.length - own.length} other targets`);
  const lane = Int32Array.from(rows, (row) => at.get(nameOf(row)) ?? names.length - 1);
  return { names, lane };
}

/** Rows whose span meets a box. */
export function rowsInBox(
  spans: readonly Span[],
  x: readonly [number, number],
  y: readonly [number, number],
): number[] {
  const [left, right] = [Math.min(...x), Math.max(...x)];
  const [low, high] = [Math.min(...y), Math.max(...y)];
  return spans
    .filter(({ from, to, y: at }) => from <= right && to >= left && at >= low && at <= high)
    .map(({ row }) => row);
}

export interface Bin {
  from: number;
  to: number;
  rows: number[];
}

/** A step that is easy to read, so that there are about so many of them. */
export function niceStep(extent: number, about: number): number {
  const raw = extent / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((one) => one * power >= raw * 0.999999) ?? 10;
  return factor * power;
}

/** Bins of equal width with all rows that have a value; the last border belongs to the last bin. */
export function binsOf(values: readonly (number | null)[], about = 20): Bin[] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values)
    if (value !== null && Number.isFinite(value))
      [least, most] = [Math.min(least, value), Math.max(most, value)];
  if (least > most) return [];
  // Between numbers that can hardly be told apart there are no borders.
  const finest = Math.max(1e-300, 1e-12 * Math.max(Math.abs(least), Math.abs(most)));
  const step = most - least > finest ? niceStep(most - least, about) : 1;
  const first = Math.floor(least / step);
  const count = Math.max(1, Math.ceil(most / step - 1e-9) - first);
  const bins: Bin[] = Array.from({ length: count }, (_, at) => ({
    from: (first + at) * step,
    to: (first + at + 1) * step,
    rows: [],
  }));
  values.forEach((value, row) => {
    if (value === null || !Number.isFinite(value)) return;
    const at = Math.min(count - 1, Math.max(0, Math.floor(value / step) - first));
    bins[at]?.rows.push(row);
  });
  return bins;
}
