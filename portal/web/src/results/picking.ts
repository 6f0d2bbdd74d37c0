// From what people point at in a plot of spans to the selection.
import { useMemo } from "react";
import type { Range } from "./plot";
import type { Observed } from "./scene";
import type { Mode, Selection } from "./selection";
import { type Path, rowsInBox, type Span } from "./spans";

export interface Picking {
  onPick: (point: { curve: number; point: number }, mode: Mode) => void;
  onBox: (range: Range, mode: Mode) => void;
}

/** What a click on the first trace and a box select. */
export function usePicking(
  rows: readonly Observed[],
  spans: readonly Span[],
  path: Path,
  selection: Selection,
  numberOf: (value: number | string) => number,
): Picking {
  return useMemo(() => {
    const select = (found: number[], mode: Mode) =>
      selection.point(
        found.flatMap((row) => rows[row]?.did ?? []),
        mode,
      );
    return {
      onPick({ curve, point }, mode) {
        const row = curve === 0 ? path.rows[point] : undefined;
        if (row !== undefined) select([row], mode);
      },
      onBox({ x, y }, mode) {
        const [left, right] = [numberOf(x[0]), numberOf(x[1])];
        select(rowsInBox(spans, [left, right], [Number(y[0]), Number(y[1])]), mode);
      },
    };
  }, [rows, spans, path, selection, numberOf]);
}
