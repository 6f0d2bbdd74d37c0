// Which columns the table has.
import { useState } from "react";
import type { Schemas } from "../api/client";

type Column = Schemas["ColumnInfo"];

interface Props {
  known: Column[];
  shown: string[];
  isUsual: boolean;
  onChoose: (columns: string[] | null) => void;
}

function found(known: Column[], word: string): Column[] {
  const wanted = word.trim().toLowerCase();
  return known.filter(({ name, description }) =>
    `${name}\n${description ?? ""}`.toLowerCase().includes(wanted),
  );
}

function List({ known, shown, onChoose }: Omit<Props, "isUsual">) {
  const toggle = (name: string) => {
    const after = shown.includes(name) ? shown.filter((one) => one !== name) : [...shown, name];
    if (after.length > 0) onChoose(after);
  };
  return (
    <fieldset className="results-choices">
      <legend className="visually-hidden">Columns of the table</legend>
      {known.map((column) => (
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
      {known.length === 0 && <p className="mb-0">No column has this in name or description.</p>}
    </fieldset>
  );
}

/** A list of the service's columns to tick, in the order in which they then stand. */
export function ColumnChoice({ known, shown, isUsual, onChoose }: Props) {
  const [word, setWord] = useState("");
  const button = (text: string, columns: string[] | null, isOff: boolean) => (
    <button
      type="button"
      className="btn btn-sm btn-outline-secondary text-nowrap"
      disabled={isOff}
      onClick={() => onChoose(columns)}
    >
      {text}
    </button>
  );
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
          {button("As usual", null, isUsual)}
          {button(
            "All of them",
            known.map((column) => column.name),
            shown.length === known.length,
          )}
        </div>
        <List known={found(known, word)} shown={shown} onChoose={onChoose} />
      </div>
    </details>
  );
}
