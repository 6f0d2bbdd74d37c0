// Which energies the data sets cover.
import type { Data, Layout } from "plotly.js-basic-dist-min";
import { memo, useDeferredValue, useMemo } from "react";
import { formatCount, formatTev } from "./format";
import { INK, Plot, type Range } from "./plot";
import type { Observed } from "./scene";
import type { Mode, Selection } from "./selection";
import { type Path, pathOf, rowsInBox, type Span } from "./spans";
import { InWords } from "./words";

const TEV = 1e12;
const middle = (from: number, to: number) => Math.sqrt(from * to);

/** Spans in TeV, those that begin lowest at the bottom. */
export function energySpans(rows: readonly Observed[]): Span[] {
  const spans = rows.flatMap(({ energy_min: low, energy_max: high }, row) =>
    low === null || high === null || low <= 0 || high < low
      ? []
      : [{ row, from: low / TEV, to: high / TEV, y: 0 }],
  );
  spans.sort((a, b) => a.from - b.from || a.to - b.to);
  spans.forEach((span, at) => {
    span.y = at + 1;
  });
  return spans;
}

/** Different ranges with the number of rows that have them, the most frequent first. */
export function rangesOf(spans: readonly Span[]): { from: number; to: number; count: number }[] {
  const found = new Map<string, { from: number; to: number; count: number }>();
  for (const { from, to } of spans) {
    const word = `${from.toPrecision(4)} ${to.toPrecision(4)}`;
    const known = found.get(word);
    if (known) known.count += 1;
    else found.set(word, { from, to, count: 1 });
  }
  return [...found.values()].sort((a, b) => b.count - a.count);
}

function trace(path: Path, colour: string, width: number, text: string[] | null): Data {
  return {
    type: "scatter",
    mode: "lines",
    x: path.x,
    y: path.y,
    line: { color: colour, width },
    ...(text ? { text, hoverinfo: "text" as const } : { hoverinfo: "skip" as const }),
  };
}

/** The range of energies of each row, on a logarithmic axis. */
export const Energies = memo(function Energies({
  rows,
  selection,
}: {
  rows: readonly Observed[];
  selection: Selection;
}) {
  // Map and table show a changed selection first.
  const dids = useDeferredValue(selection.dids);
  const spans = useMemo(() => energySpans(rows), [rows]);
  const width = Math.max(1, Math.min(8, 200 / Math.max(1, spans.length)));
  const base = useMemo(() => {
    const path = pathOf(spans, middle);
    const text = path.rows.map((at) => {
      const row = rows[at];
      const range =
        row?.energy_min != null && row.energy_max != null
          ? `${formatTev(row.energy_min)} to ${formatTev(row.energy_max)} TeV`
          : "";
      return `${[row?.target_name, row?.obs_id, row?.product].filter(Boolean).join(", ")}<br>${range}`;
    });
    return { path, data: trace(path, INK.usual, width, text) };
  }, [spans, rows, width]);
  const data = useMemo(() => {
    const chosen = spans.filter(({ row }) => dids.has(rows[row]?.did ?? ""));
    return [base.data, trace(pathOf(chosen, middle), INK.selected, Math.max(2, width), null)];
  }, [base, spans, rows, width, dids]);
  const layout = useMemo(
    (): Partial<Layout> => ({
      xaxis: { type: "log", title: { text: "Energy (TeV)" } },
      yaxis: {
        title: { text: "Data sets, by lowest energy" },
        range: [0, spans.length + 1],
        fixedrange: true,
        zeroline: false,
      },
    }),
    [spans],
  );
  const ranges = useMemo(() => rangesOf(spans), [spans]);
  const missing = rows.length - spans.length;
  const didsOf = (found: number[]) => found.flatMap((row) => rows[row]?.did ?? []);
  // Plotly gives a box on a logarithmic axis in the axis' own values.
  const box = ({ x, y }: Range, mode: Mode) =>
    selection.point(
      didsOf(rowsInBox(spans, [Number(x[0]), Number(x[1])], [Number(y[0]), Number(y[1])])),
      mode,
    );
  const pick = ({ curve, point }: { curve: number; point: number }, mode: Mode) => {
    const row = curve === 0 ? base.path.rows[point] : undefined;
    if (row !== undefined) selection.point(didsOf([row]), mode);
  };
  const without = missing > 0 ? ` ${formatCount(missing)} data sets have no energies.` : "";
  if (spans.length === 0)
    return <p>None of these data sets has energies, or the service does not tell them.</p>;
  return (
    <section aria-label="Energies">
      <Plot
        label="Energy ranges of the data sets"
        data={data}
        layout={layout}
        height={320}
        onPick={pick}
        onBox={box}
      />
      <InWords
        summary={`${formatCount(spans.length)} data sets with ${formatCount(ranges.length)} different energy ranges.${without}`}
        head={["Energies (TeV)", "Data sets"]}
        rows={() =>
          ranges
            .slice(0, 100)
            .map(({ from, to, count }) => [
              `${formatTev(from * TEV)} to ${formatTev(to * TEV)}`,
              formatCount(count),
            ])
        }
      />
    </section>
  );
});
