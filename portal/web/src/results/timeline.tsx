// When it was observed: a lane for each target, with the good time intervals in it.
import type { Data, Layout } from "plotly.js-basic-dist-min";
import { memo, useDeferredValue, useMemo } from "react";
import { axisTime, formatCount, formatDuration, formatTime, type TimeScale } from "./format";
import { usePicking } from "./picking";
import { INK, Plot } from "./plot";
import type { Observed } from "./scene";
import type { Selection } from "./selection";
import { boxesOf, lanesOf, type Path, type Span } from "./spans";
import { InWords } from "./words";

function spansOf(rows: readonly Observed[], lane: Int32Array, scale: TimeScale): Span[] {
  return rows.flatMap((row, index) => {
    if (row.t_min === null || row.t_max === null) return [];
    const [from, to] = [axisTime(row.t_min, scale), axisTime(row.t_max, scale)];
    return Number.isNaN(from) || Number.isNaN(to)
      ? []
      : [{ row: index, from, to, y: lane[index] ?? 0 }];
  });
}

function goodSpans(rows: readonly Observed[], lane: Int32Array, scale: TimeScale): Span[] {
  return rows.flatMap((row, index) =>
    (row.intervals ?? []).map(([start, end]) => ({
      row: index,
      from: axisTime(start, scale),
      to: axisTime(end, scale),
      y: lane[index] ?? 0,
    })),
  );
}

function trace(path: Path, texts: readonly string[] | null, colour: string): Data {
  return {
    type: "scatter",
    mode: "lines",
    x: path.x,
    y: path.y,
    line: { color: colour, width: 1.5 },
    fill: "toself",
    fillcolor: colour,
    hoveron: "points",
    ...(texts
      ? { text: path.rows.map((row) => texts[row] ?? ""), hoverinfo: "text" as const }
      : { hoverinfo: "skip" as const }),
  };
}

/** Milliseconds of a value of Plotly's axis of dates. */
export function axisValue(value: number | string): number {
  return typeof value === "number" ? value : Date.parse(`${value.replace(" ", "T")}Z`);
}

function summaryOf(rows: readonly Observed[], scale: TimeScale): string {
  const starts = rows.flatMap((row) => (row.t_min === null ? [] : [row.t_min]));
  if (starts.length === 0) return "No data set has a time.";
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of rows) {
    if (row.t_min !== null) first = Math.min(first, row.t_min);
    if (row.t_max !== null) last = Math.max(last, row.t_max);
  }
  const good = rows.filter((row) => row.intervals !== null).length;
  return (
    `${formatCount(starts.length)} data sets from ${formatTime(first, scale)} to ` +
    `${formatTime(last, scale)} (${scale}); good time intervals are known of ${formatCount(good)}.`
  );
}

function textOf(row: Observed, scale: TimeScale): string {
  const { t_min: start, t_max: end } = row;
  return [
    [row.target_name, row.obs_id, row.product].filter(Boolean).join(", "),
    start === null ? "" : `${formatTime(start, scale)} ${scale}`,
    start === null || end === null ? "" : formatDuration((end - start) * 86_400),
  ].join("<br>");
}

/** All spans as one path, good time within them, and the selected ones in front. */
function useSpans(rows: readonly Observed[], scale: TimeScale, selected: ReadonlySet<string>) {
  // Map and table show a changed selection first.
  const dids = useDeferredValue(selected);
  const lanes = useMemo(() => lanesOf(rows), [rows]);
  const spans = useMemo(() => spansOf(rows, lanes.lane, scale), [rows, lanes, scale]);
  const base = useMemo(() => {
    const texts = rows.map((row) => textOf(row, scale));
    const path = boxesOf(spans, 0.36);
    const good = boxesOf(goodSpans(rows, lanes.lane, scale), 0.18);
    return { path, data: [trace(path, texts, INK.usual), trace(good, null, INK.good)] };
  }, [rows, lanes, spans, scale]);
  const data = useMemo(() => {
    const chosen = spans.filter(({ row }) => dids.has(rows[row]?.did ?? ""));
    return [...base.data, trace(boxesOf(chosen, 0.36), null, INK.selected)];
  }, [base, spans, rows, dids]);
  return { lanes, spans, path: base.path, data };
}

function layoutOf(names: readonly string[], scale: TimeScale): Partial<Layout> {
  return {
    margin: { l: 130, r: 12, t: 8, b: 44 },
    xaxis: { type: "date", title: { text: `Time (${scale})` } },
    yaxis: {
      tickvals: names.map((_, at) => at),
      ticktext: names.map((name) => (name.length > 18 ? `${name.slice(0, 17)}\u2026` : name)),
      range: [names.length - 0.4, -0.6],
      fixedrange: true,
      zeroline: false,
    },
  };
}

interface Props {
  rows: readonly Observed[];
  scale: TimeScale;
  selection: Selection;
}

/** Time spans of all rows. */
export const TimeLine = memo(function TimeLine({ rows, scale, selection }: Props) {
  const { lanes, spans, path, data } = useSpans(rows, scale, selection.dids);
  const layout = useMemo(() => layoutOf(lanes.names, scale), [lanes, scale]);
  const picking = usePicking(rows, spans, path, selection, axisValue);
  const starts = [`First start (${scale})`, `Last start (${scale})`];
  return (
    <section aria-label="Time line">
      <p className="small mb-1">
        <span className="results-key results-key-usual" /> observed{" "}
        <span className="results-key results-key-good" /> good time{" "}
        <span className="results-key results-key-selected" /> selected
      </p>
      <Plot
        label="Time line: when each target was observed"
        data={data}
        layout={layout}
        height={Math.max(220, 70 + 24 * lanes.names.length)}
        {...picking}
      />
      <InWords
        summary={summaryOf(rows, scale)}
        head={["Target", "Data sets", ...starts, "Time in all"]}
        rows={() => byTarget(rows, lanes, scale)}
      />
    </section>
  );
});

/** Days that rows cover; what several of them cover, as the files of one run do, counts once. */
export function daysOf(rows: readonly Observed[]): number {
  const spans = rows.flatMap(({ t_min: start, t_max: end }) =>
    start === null || end === null ? [] : [[start, end] as const],
  );
  spans.sort(([a], [b]) => a - b);
  let [days, until] = [0, Number.NEGATIVE_INFINITY];
  for (const [start, end] of spans) {
    days += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  return days;
}

function byTarget(
  rows: readonly Observed[],
  lanes: ReturnType<typeof lanesOf>,
  scale: TimeScale,
): string[][] {
  return lanes.names.map((name, at) => {
    const own = rows.filter((_, index) => lanes.lane[index] === at);
    const starts = own.flatMap((row) => (row.t_min === null ? [] : [row.t_min]));
    starts.sort((a, b) => a - b);
    const [first, last] = [starts[0], starts.at(-1)];
    return [
      name,
      formatCount(own.length),
      first === undefined ? "unknown" : formatTime(first, scale),
      last === undefined ? "unknown" : formatTime(last, scale),
      formatDuration(daysOf(own) * 86_400),
    ];
  });
}
