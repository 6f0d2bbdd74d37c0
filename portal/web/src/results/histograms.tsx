// How the zenith angles and live times of the data sets are distributed.
import type { Data, Layout } from "plotly.js-basic-dist-min";
import { memo, useDeferredValue, useMemo } from "react";
import { formatCount, formatNumber } from "./format";
import { INK, Plot, type Range } from "./plot";
import type { Observed } from "./scene";
import type { Mode, Selection } from "./selection";
import { type Bin, binsOf } from "./spans";
import { InWords } from "./words";

interface Quantity {
  /** The search field for it. */
  key: string;
  name: string;
  unit: string;
  of: (row: Observed) => number | null;
}

export const ZENITH: Quantity = {
  key: "zenith",
  name: "Zenith angle",
  unit: "deg",
  of: (row) => row.zenith,
};
export const LIVETIME: Quantity = {
  key: "livetime",
  name: "Live time",
  unit: "min",
  of: (row) => (row.livetime === null ? null : row.livetime / 60),
};

function bars(bins: readonly Bin[], counts: number[], colour: string, name: string): Data {
  return {
    type: "bar",
    name,
    x: bins.map(({ from, to }) => (from + to) / 2),
    y: counts,
    width: bins.map(({ from, to }) => (to - from) * 0.94),
    marker: { color: colour },
    hovertemplate: `%{y} ${name}<extra></extra>`,
  };
}

/** Bins of a quantity with their bars, and those of the selected rows in front. */
function useBars(rows: readonly Observed[], quantity: Quantity, selected: ReadonlySet<string>) {
  // Map and table show a changed selection first.
  const dids = useDeferredValue(selected);
  const bins = useMemo(() => binsOf(rows.map(quantity.of)), [rows, quantity]);
  const counts = useMemo(() => bins.map((bin) => bin.rows.length), [bins]);
  const data = useMemo(() => {
    const chosen = bins.map(
      (bin) => bin.rows.filter((row) => dids.has(rows[row]?.did ?? "")).length,
    );
    return [
      bars(bins, counts, INK.usual, "data sets"),
      bars(bins, chosen, INK.selected, "selected"),
    ];
  }, [bins, counts, rows, dids]);
  const known = counts.reduce((sum, count) => sum + count, 0);
  return { bins, data, known, most: Math.max(0, ...counts) };
}

function layoutOf(quantity: Quantity, most: number): Partial<Layout> {
  return {
    barmode: "overlay",
    xaxis: { title: { text: `${quantity.name} (${quantity.unit})` } },
    // There are no parts of data sets.
    yaxis: { title: { text: "Data sets" }, fixedrange: true, ...(most <= 5 ? { dtick: 1 } : {}) },
  };
}

/** The bins that a box meets. */
export function binsInBox(bins: readonly Bin[], x: Range["x"]): Bin[] {
  const [left, right] = [
    Math.min(Number(x[0]), Number(x[1])),
    Math.max(Number(x[0]), Number(x[1])),
  ];
  return bins.filter(({ from, to }) => from < right && to > left);
}

interface Props {
  rows: readonly Observed[];
  quantity: Quantity;
  selection: Selection;
  /** Why the table has none of it, where that is known. */
  reason: string | null;
}

/** Numbers of data sets over a quantity; a bar or a box selects its rows. */
export const Histogram = memo(function Histogram({ rows, quantity, selection, reason }: Props) {
  const { bins, data, known, most } = useBars(rows, quantity, selection.dids);
  const layout = useMemo(() => layoutOf(quantity, most), [quantity, most]);
  const name = quantity.name.toLowerCase();
  if (known === 0)
    return (
      <p>{reason ?? `None of these data sets has a ${name}, or the service does not tell it.`}</p>
    );
  const select = (some: readonly Bin[], mode: Mode) =>
    selection.point(
      some.flatMap((bin) => bin.rows.flatMap((row) => rows[row]?.did ?? [])),
      mode,
    );
  const missing = rows.length - known;
  return (
    <section aria-label={quantity.name}>
      <Plot
        label={`${quantity.name}: number of data sets`}
        data={data}
        layout={layout}
        height={300}
        onPick={({ point }, mode) => select(bins.slice(point, point + 1), mode)}
        onBox={({ x }, mode) => select(binsInBox(bins, x), mode)}
      />
      <InWords
        summary={
          `${formatCount(known)} data sets in ${bins.length} bins.` +
          (missing > 0 ? ` Of ${formatCount(missing)} it is not known.` : "")
        }
        head={[`${quantity.name} (${quantity.unit})`, "Data sets"]}
        rows={() =>
          bins.map((bin) => [
            `${formatNumber(bin.from)} to ${formatNumber(bin.to)}`,
            formatCount(bin.rows.length),
          ])
        }
      />
    </section>
  );
});
