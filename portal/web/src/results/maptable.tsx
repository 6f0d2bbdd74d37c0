// The map in words and numbers, for those who do not see it.
import { memo, useMemo, useState } from "react";
import { formatCount } from "./format";
import type { Observed } from "./scene";
import type { Selection } from "./selection";

const MOST = 100;

/** The diameter or the extent of a field of view in words. */
function fieldOf(row: Observed): string {
  if (row.region === null) return "unknown";
  if (row.region.kind === "polygon") return `polygon of ${row.region.points.length / 2} corners`;
  const [, , radius = 0] = row.region.points;
  return `circle, ${Number((2 * radius).toFixed(3))}\u00b0 across`;
}

function degrees(ra: number | null, dec: number | null): string {
  return ra === null || dec === null ? "unknown" : `${ra.toFixed(3)}, ${dec.toFixed(3)}`;
}

/** What the map shows, in a sentence. */
export function mapSummary(rows: readonly Observed[]): string {
  const placed = rows.filter((row) => row.ra !== null && row.dec !== null).length;
  const fields = rows.filter((row) => row.region !== null).length;
  const targets = new Set(rows.flatMap((row) => (row.target_name ? [row.target_name] : [])));
  return (
    `${formatCount(rows.length)} data sets of ${formatCount(targets.size)} target${targets.size === 1 ? "" : "s"}; ` +
    `${formatCount(placed)} with a pointing, ${formatCount(fields)} with a field of view.`
  );
}

/** A table of places, which is made only when it is opened. */
export const MapTable = memo(function MapTable({
  rows,
  selection,
  onOpen,
}: {
  rows: readonly Observed[];
  selection: Selection;
  onOpen: (did: string) => void;
}) {
  const [isOpen, setIsOpen] = useState(false);
  const summary = useMemo(() => mapSummary(rows), [rows]);
  const first = useMemo(() => {
    const chosen = rows.filter((row) => selection.dids.has(row.did));
    return (chosen.length > 0 ? chosen : rows).slice(0, MOST);
  }, [rows, selection.dids]);
  return (
    <details className="small" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{summary} Show places as a table</summary>
      {isOpen && (
        <div className="table-responsive results-small">
          <table className="table table-sm">
            <caption>
              {first.length < rows.length
                ? `${first.length} of ${formatCount(rows.length)}; selected ones first. All are in the table of results.`
                : "All data sets."}
            </caption>
            <thead>
              <tr>
                <th scope="col">Data set</th>
                <th scope="col">Pointing RA, Dec [deg]</th>
                <th scope="col">Target RA, Dec [deg]</th>
                <th scope="col">Field of view</th>
              </tr>
            </thead>
            <tbody>
              {first.map((row) => (
                <tr key={row.did}>
                  <th scope="row">
                    <button
                      type="button"
                      className="btn btn-sm btn-link p-0 text-start"
                      onClick={() => onOpen(row.did)}
                    >
                      {[row.product, row.obs_id, row.target_name].filter(Boolean).join(" ") ||
                        row.did}
                    </button>
                  </th>
                  <td>{degrees(row.ra, row.dec)}</td>
                  <td>{degrees(row.target_ra, row.target_dec)}</td>
                  <td>{fieldOf(row)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
});
