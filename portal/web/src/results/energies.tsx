// Which energies the data sets cover.
import type { Data, Layout } from "plotly.js-basic-dist-min";
import { memo, useDeferredValue, useMemo } from "react";
import { formatCount, formatTev } from "./format";
import { usePicking } from "./picking";
import { INK, Plot } from "./plot";
import type { Observed } from "./scene";
import type { Selection } from "./selection";
import { type Path, pathOf, type Span } from "./spans";
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

function textOf(row: Observed | undefined): string {
  if (row === undefined) return "";
  const { energy_min: low, energy_max: high } = row;
  const range = low === null || high === null ? "" : `${formatTev(low)} to ${formatTev(high)} TeV`;
  return `${[row.target_name, row.obs_id, row.product].filter(Boolean).join(", ")}<br>${range}`;
}

/** All ranges as one path, and those of the selected rows in front. */
function useRanges(rows: readonly Observed[], selected: ReadonlySet<string>) {
  // Map and table show a changed selection first.
  const dids = useDeferredValue(selected);
  const spans = useMemo(() => energySpans(rows), [rows]);
  const width = Math.max(1, Math.min(8, 200 / Math.max(1, spans.length)));
  const base = useMemo(() => {
    const path = pathOf(spans, middle);
    const text = path.rows.map((at) => textOf(rows[at]));
    return { path, data: trace(path, INK.usual, width, text) };
  }, [spans, rows, width]);
  const data = useMemo(() => {
    const chosen = spans.filter(({ row }) => dids.has(rows[row]?.did ?? ""));
    return [base.data, trace(pathOf(chosen, middle), INK.selected, Math.max(2, width), null)];
  }, [base, spans, rows, width, dids]);
  return { spans, path: base.path, data };
}

function layoutOf(count: number): Partial<Layout> {
  return {
    xaxis: { type: "log", title: { text: "Energy (TeV)" } },
    yaxis: {
      title: { text: "Data sets, by lowest energy" },
      range: [0, count + 1],
      fixedrange: true,
      zeroline: false,
    },
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
  const { spans, path, data } = useRanges(rows, selection.dids);
  const layout = useMemo(() => layoutOf(spans.length), [spans]);
  const ranges = useMemo(() => rangesOf(spans), [spans]);
  // Plotly gives a box on a logarithmic axis in TeV, not in powers of ten.
  const picking = usePicking(rows, spans, path, selection, Number);
  if (spans.length === 0)
    return <p>None of these data sets has energies, or the service does not tell them.</p>;
  const missing = rows.length - spans.length;
  const without = missing > 0 ? ` ${formatCount(missing)} data sets have no energies.` : "";
  return (
    <section aria-label="Energies">
      <Plot
        label="Energy ranges of the data sets"
        data={data}
        layout={layout}
        height={320}
        {...picking}
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
