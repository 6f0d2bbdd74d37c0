// The head of a column: sorts by it, and says what it is.
import { useId, useState } from "react";
import { createPortal } from "react-dom";
import type { Schemas } from "../api/client";
import type { SortKey } from "../state/view";
import { isRight, shownUnit, type TimeScale } from "./format";

type Column = Schemas["ColumnInfo"];

/** Keys to sort by after a head was pressed: up, down, not at all; several with the shift key. */
export function sorted(before: SortKey[], column: string, more: boolean): SortKey[] {
  const old = before.find((key) => key.column === column);
  const next: SortKey[] = !old
    ? [{ column, descending: false }]
    : old.descending
      ? []
      : [{ column, descending: true }];
  if (!more) return next;
  if (!old) return [...before, ...next].slice(-3);
  return before.flatMap((key) => (key === old ? next : [key]));
}

function about(column: Column, scale: TimeScale): string {
  const unit = shownUnit(column, scale);
  const own = column.unit && column.unit !== unit ? ` (the service gives ${column.unit})` : "";
  return [
    column.description ?? "The service does not describe this column.",
    unit || own ? `Unit: ${unit || "as is best to read"}${own}.` : "",
    column.ucd ? `UCD: ${column.ucd}.` : "",
  ]
    .filter((part) => part !== "")
    .join(" ");
}

interface Place {
  left: number;
  top: number;
}

function placeBelow(element: Element): Place {
  const box = element.getBoundingClientRect();
  return { left: Math.max(4, Math.min(box.left, window.innerWidth - 330)), top: box.bottom + 4 };
}

function Tip({ place, text }: { place: Place; text: string }) {
  return createPortal(
    <div className="results-tip" role="tooltip" style={place}>
      {text}
    </div>,
    document.body,
  );
}

/** A head with its button and, while it has the pointer or the focus, what it stands for. */
export function Heading({
  column,
  scale,
  sort,
  onSort,
}: {
  column: Column;
  scale: TimeScale;
  sort: SortKey[];
  onSort: (keys: SortKey[]) => void;
}) {
  const id = useId();
  const [place, setPlace] = useState<Place | null>(null);
  const at = sort.findIndex((key) => key.column === column.name);
  const key = sort[at];
  const unit = shownUnit(column, scale);
  const text = about(column, scale);
  const show = (event: { currentTarget: Element }) => setPlace(placeBelow(event.currentTarget));
  const hide = () => setPlace(null);
  return (
    <th
      scope="col"
      aria-sort={key ? (key.descending ? "descending" : "ascending") : undefined}
      className={`text-nowrap ${isRight(column) ? "text-end" : ""}`}
    >
      <button
        type="button"
        className="btn btn-sm btn-link results-head"
        aria-describedby={id}
        onClick={(event) => onSort(sorted(sort, column.name, event.shiftKey))}
        onMouseEnter={show}
        onMouseLeave={hide}
        onFocus={show}
        onBlur={hide}
        onKeyDown={(event) => event.key === "Escape" && hide()}
      >
        {column.name}
        {unit && <span className="results-unit"> [{unit}]</span>}
        {key && (
          <span aria-hidden="true">
            {key.descending ? " \u25bc" : " \u25b2"}
            {sort.length > 1 && at + 1}
          </span>
        )}
      </button>
      <span id={id} className="visually-hidden">
        {text}
      </span>
      {place && <Tip place={place} text={text} />}
    </th>
  );
}
