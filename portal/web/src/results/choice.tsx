// Which columns the table has.
import { useState } from "react";
import type { Schemas } from "../api/client";

type Column = Schemas["ColumnInfo"];

/** A list of the service's columns to tick, in the order in which they then stand. */
export function ColumnChoice({
  known,
  shown,
  isUsual,
  onChoose,
}: {
  known: Column[];
  shown: string[];
  isUsual: boolean;
  onChoose: (columns: string[] | null) => void;
}) {
  const [word, setWord] = useState("");
  const wanted = word.trim().toLowerCase();
  const found = known.filter(
    (column) =>
      wanted === "" ||
      column.name.toLowerCase().includes(wanted) ||
      (column.description ?? "").toLowerCase().includes(wanted),
  );
  const toggle = (name: string) => {
    const after = shown.includes(name) ? shown.filter((one) => one !== name) : [...shown, name];
    if (after.length > 0) onChoose(after);
  };
  return (
    <details className="results-details">
      <summary className="btn btn-sm btn-outline-secondary">
        Columns ({shown.length} of {known.length})
      </summary>
      <div className="card card-body mt-1 results-choice">
        <div className="d-flex gap-2 mb-2">
          <input
            type="search"
            className="form-control form-control-sm"
            aria-label="Find a column"
            placeholder="Find a column"
            value={word}
            onChange={(event) => setWord(event.target.value)}
          />
          <button
            type="button"
            className="btn btn-sm btn-outline-secondary text-nowrap"
            disabled={isUsual}
            onClick={() => onChoose(null)}
          >
            As usual
          </button>
          <button
            type="button"
            className="btn btn-sm btn-outline-secondary text-nowrap"
            onClick={() => onChoose(known.map((column) => column.name))}
          >
            All of them
          </button>
        </div>
        <fieldset className="results-choices">
          <legend className="visually-hidden">Columns of the table</legend>
          {found.map((column) => (
            <label key={column.name} className="form-check" title={column.description ?? ""}>
              <input
                type="checkbox"
                className="form-check-input"
                checked={shown.includes(column.name)}
                onChange={() => toggle(column.name)}
              />
              <span className="form-check-label">{column.name}</span>
            </label>
          ))}
          {found.length === 0 && <p className="mb-0">No column has this in name or description.</p>}
        </fieldset>
      </div>
    </details>
  );
}
