// The name of a source, with the service's own targets offered while it is typed.
import { type ChangeEvent, type KeyboardEvent, useId, useState } from "react";
import type { Schemas } from "../api/client";
import { useDebounced } from "../lib/debounce";
import { useTargets } from "./asking";

type Target = Schemas["Target"];

interface NameInputProps {
  service: string;
  table: string | null;
  name: string;
  settled: boolean;
  onType: (name: string) => void;
  onTarget: (target: Target) => void;
  onLookUp: () => void;
}

const MOST = 10;

function useSuggestions(props: NameInputProps) {
  const still = useDebounced(props.name.trim(), 250);
  const wanted = props.settled ? "" : still;
  const targets = useTargets(props.service, wanted, props.table);
  return {
    offered: wanted === "" ? [] : (targets.data?.values ?? []).slice(0, MOST),
    reason: wanted === "" ? null : (targets.data?.reason ?? null),
    error: targets.error,
  };
}

/** Which of the targets offered the keyboard is at, and what its keys do. */
function useListBox(props: NameInputProps, offered: Target[]) {
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const showing = open && offered.length > 0;
  const choose = (target: Target) => {
    setOpen(false);
    setActive(-1);
    props.onTarget(target);
  };
  const move = (step: number) => {
    setOpen(true);
    setActive((at) => (offered.length === 0 ? -1 : (at + step + offered.length) % offered.length));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const target = showing ? offered[active] : undefined;
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(active < 0 ? 0 : -1);
    else if (event.key === "Escape") setOpen(false);
    else if (event.key === "Enter" && target) choose(target);
    else if (event.key === "Enter" && !props.settled && props.name.trim() !== "") props.onLookUp();
    else return;
    event.preventDefault();
  };
  const onChange = (event: ChangeEvent<HTMLInputElement>) => {
    setOpen(true);
    setActive(-1);
    props.onType(event.target.value);
  };
  const input = { onKeyDown, onChange, onFocus: () => setOpen(true), onBlur: () => setOpen(false) };
  return { showing, active, choose, input };
}

/** A text input with a list box below (the ARIA pattern "combobox"). */
export function NameInput(props: NameInputProps) {
  const { offered, reason, error } = useSuggestions(props);
  const { showing, active, choose, input } = useListBox(props, offered);
  const id = useId();
  return (
    <div className="position-relative flex-grow-1">
      <input
        id={`${id}-input`}
        className="form-control form-control-sm"
        role="combobox"
        aria-label="Source name"
        aria-expanded={showing}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={showing && active >= 0 ? `${id}-${active}` : undefined}
        autoComplete="off"
        placeholder="Crab Nebula"
        value={props.name}
        {...input}
      />
      <Suggestions id={id} offered={showing ? offered : []} active={active} onChoose={choose} />
      {error && (
        <p className="small text-danger mb-0">Own targets cannot be offered: {error.message}</p>
      )}
      {reason && !error && <p className="small text-body-secondary mb-0">{reason}</p>}
    </div>
  );
}

interface SuggestionsProps {
  id: string;
  offered: Target[];
  active: number;
  onChoose: (target: Target) => void;
}

function Suggestions({ id, offered, active, onChoose }: SuggestionsProps) {
  return (
    <div
      id={`${id}-list`}
      role="listbox"
      aria-label="Targets of this archive"
      className={offered.length > 0 ? "suggestions list-group shadow" : ""}
    >
      {offered.map((target, index) => (
        // The keyboard works in the input (aria-activedescendant), and a press must not take its focus.
        <div
          key={target.name}
          id={`${id}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          className={`list-group-item list-group-item-action py-1 ${index === active ? "active" : ""}`}
          onMouseDown={(event) => {
            event.preventDefault();
            onChoose(target);
          }}
        >
          {target.name}{" "}
          <small>
            ({target.observations} {target.observations === 1 ? "observation" : "observations"})
          </small>
        </div>
      ))}
    </div>
  );
}
