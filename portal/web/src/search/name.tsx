// Searching around a source known by name.
import { useId } from "react";
import { useConfig } from "../api/queries";
import { formatDegrees, formatSexagesimal } from "../lib/coordinates";
import { explain } from "../shell/status";
import type { PlaceForm, Resolver } from "./form";
import type { LookUp } from "./look-up";
import { NameInput } from "./name-input";

interface NameProps {
  service: string;
  table: string | null;
  place: PlaceForm;
  change: (part: Partial<PlaceForm>) => void;
  lookUp: LookUp;
}

function Resolvers({ place, change }: Pick<NameProps, "place" | "change">) {
  const { data: config } = useConfig();
  const id = useId();
  const resolvers = config?.resolvers ?? [];
  const off = new Map<string, string[]>();
  for (const { label, state } of resolvers) {
    const reason = state.reason ?? "The server does not say why.";
    if (!state.available) off.set(reason, [...(off.get(reason) ?? []), label]);
  }
  return (
    <>
      <div className="d-flex gap-2 align-items-center mt-2">
        <label htmlFor={id} className="small text-nowrap">
          Look up with
        </label>
        <select
          id={id}
          className="form-select form-select-sm"
          value={place.resolver}
          aria-describedby={off.size > 0 ? `${id}-off` : undefined}
          onChange={(event) => change({ resolver: event.target.value as Resolver })}
        >
          <option value="any">own targets first, then all that are on</option>
          {resolvers.map(({ name, label, state }) => (
            <option key={name} value={name} disabled={!state.available}>
              {label}
              {state.available ? "" : " (off)"}
            </option>
          ))}
        </select>
      </div>
      {off.size > 0 && (
        <ul id={`${id}-off`} className="small text-body-secondary mb-0 mt-1 ps-3">
          {[...off].map(([reason, labels]) => (
            <li key={reason}>
              {labels.join(", ")} {labels.length === 1 ? "is" : "are"} off: {reason}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** What is known about the name: where it is, or why that is not known. */
function Outcome({ place, lookUp }: Pick<NameProps, "place" | "lookUp">) {
  const { found, name } = place;
  if (name.trim() === "") return null;
  if (lookUp.isPending) return <>Looking up {name.trim()}&#8230;</>;
  if (lookUp.error && lookUp.name === name.trim())
    return <span className="text-danger">{explain(lookUp.error)}</span>;
  if (found && found.name === name)
    return (
      <>
        {formatDegrees(found)} ({formatSexagesimal(found)}, ICRS)
        {found.origin && `, says ${found.origin}`}
      </>
    );
  return <>Choose one of the targets offered, or look the name up.</>;
}

export function NamePlace({ service, table, place, change, lookUp }: NameProps) {
  const settled = place.found?.name === place.name;
  return (
    <>
      <div className="d-flex gap-2">
        <NameInput
          service={service}
          table={table}
          name={place.name}
          settled={settled}
          onType={(name) => change({ name })}
          onTarget={({ name, ra, dec }) =>
            change({ name, found: { name, ra, dec, origin: "this archive" } })
          }
          onLookUp={() => void lookUp.run(place)}
        />
        <button
          type="button"
          className="btn btn-sm btn-outline-primary text-nowrap"
          disabled={place.name.trim() === "" || settled || lookUp.isPending}
          onClick={() => void lookUp.run(place)}
        >
          Look up
        </button>
      </div>
      <div role="status" className="small mt-1">
        <Outcome place={place} lookUp={lookUp} />
      </div>
      <Resolvers place={place} change={change} />
    </>
  );
}
