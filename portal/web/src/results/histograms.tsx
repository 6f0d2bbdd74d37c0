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
  name: string;
  unit: string;
  of: (row: Observed) => number | null;
}

export const ZENITH: Quantity = { name: "Zenith angle", unit: "deg", of: (row) => row.zenith };
export const LIVETIME: Quantity = {
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

/** Numbers of data sets over a quantity; a bar or a box selects its rows. */
export const Histogram = memo(function Histogram({
  rows,
  quantity,
  selection,
}: {
  rows: readonly Observed[];
  quantity: Quantity;
  selection: Selection;
}) {
  // Map and table show a changed selection first.
  const dids = useDeferredValue(selection.dids);
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
  const layout = useMemo(
    (): Partial<Layout> => ({
      barmode: "overlay",
      xaxis: { title: { text: `${quantity.name} (${quantity.unit})` } },
      yaxis: { title: { text: "Data sets" }, fixedrange: true },
    }),
    [quantity],
  );
  const known = counts.reduce((sum, count) => sum + count, 0);
  if (known === 0)
    return (
      <p>
        None of these data sets has a {quantity.name.toLowerCase()}, or the service does not tell
        it.
      </p>
    );
  const select = (some: readonly Bin[], mode: Mode) =>
    selection.point(
      some.flatMap((bin) => bin.rows.flatMap((row) => rows[row]?.did ?? [])),
      mode,
    );
  const box = ({ x }: Range, mode: Mode) => {
    const [left, right] = [
      Math.min(Number(x[0]), Number(x[1])),
      Math.max(Number(x[0]), Number(x[1])),
    ];
    select(
      bins.filter(({ from, to }) => from < right && to > left),
      mode,
    );
  };
  const missing = rows.length - known;
  return (
    <section aria-label={quantity.name}>
      <Plot
        label={`${quantity.name}: number of data sets`}
        data={data}
        layout={layout}
        height={300}
        onPick={({ point }, mode) => select(bins.slice(point, point + 1), mode)}
        onBox={box}
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
