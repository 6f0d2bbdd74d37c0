// A part of the form that may be unavailable: then it is grey and says why.
import { type ReactNode, useId } from "react";
import type { Schemas } from "../api/client";
import type { Problem } from "./build";
import { bare } from "./impossible";

interface PartProps {
  title: string;
  state: Schemas["Availability"];
  /** Whether something is filled in; then it can be cleared even where the part is unavailable. */
  filled: boolean;
  onClear: () => void;
  children: ReactNode;
}

/** One box of the form. */
export function Part({ title, state, filled, onClear, children }: PartProps) {
  const reason = useId();
  return (
    <section className="card mb-3" aria-label={title}>
      <div className="card-header d-flex align-items-center py-1">
        <h2 className="h6 my-1 me-auto">{title}</h2>
        {filled && (
          <button type="button" className="btn btn-sm btn-link py-0" onClick={onClear}>
            Clear <span className="visually-hidden">{title}</span>
          </button>
        )}
      </div>
      <div className="card-body py-2">
        {!state.available && <Reason id={reason} name={title} state={state} />}
        {state.available && state.reason && (
          <p className="alert alert-warning small py-1 px-2 mb-2">{state.reason}</p>
        )}
        <fieldset
          disabled={!state.available}
          aria-disabled={!state.available}
          aria-describedby={state.available ? undefined : reason}
          className={state.available ? "" : "greyed"}
        >
          <legend className="visually-hidden">{title}</legend>
          {children}
        </fieldset>
      </div>
    </section>
  );
}

interface ReasonProps {
  id?: string;
  /** What it is about. */
  name: string;
  state: Schemas["Availability"];
}

/** Why something cannot be used. */
export function Reason({ id, name, state }: ReasonProps) {
  return (
    <p id={id} className="small text-body-secondary mb-2">
      <strong>Not available: </strong>
      {bare(state.reason, name)}
    </p>
  );
}

/** What is wrong with one input. Names that are still to be looked up are said elsewhere. */
export function Wrong({ id, at, problems }: { id: string; at: string; problems: Problem[] }) {
  const here = problems.filter((problem) => problem.at === at && !problem.pending);
  if (here.length === 0) return null;
  return (
    <ul id={id} className="list-unstyled small text-danger mb-1">
      {here.map(({ message }) => (
        <li key={message}>{message}</li>
      ))}
    </ul>
  );
}

/** The attributes that tie an input to what is wrong with it. */
export function tied(id: string, at: string, problems: Problem[]) {
  const wrong = problems.some((problem) => problem.at === at && !problem.pending);
  return {
    "aria-invalid": wrong,
    "aria-describedby": wrong ? id : undefined,
  } as const;
}

interface OptionsProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

/** A small choice of one. */
export function Options<T extends string>({ label, value, options, onChange }: OptionsProps<T>) {
  const id = useId();
  return (
    <>
      <label htmlFor={id} className="form-label small mb-0">
        {label}
      </label>
      <select
        id={id}
        className="form-select form-select-sm"
        value={value}
        onChange={(event) => onChange(event.target.value as T)}
      >
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </>
  );
}
