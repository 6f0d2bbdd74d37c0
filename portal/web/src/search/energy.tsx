// At which energies.
import { useId } from "react";
import type { Schemas } from "../api/client";
import { UNIT_NAMES } from "../lib/energy";
import type { Problem } from "./build";
import type { EnergyForm } from "./form";
import { featureState } from "./impossible";
import { Options, Part, tied, Wrong } from "./part";

interface EnergyProps {
  capabilities: Schemas["Capabilities"];
  energy: EnergyForm;
  problems: Problem[];
  change: (part: Partial<EnergyForm>) => void;
}

const HOW = [
  ["overlaps", "data whose range meets this one"],
  ["contains", "data whose range contains this one"],
  ["within", "data whose range lies in this one"],
] as const;
const UNITS = UNIT_NAMES.map((unit) => [unit, unit] as const);

function Bound({ at, energy, problems, change }: EnergyProps & { at: "low" | "high" }) {
  const id = useId();
  return (
    <div className="col-6 col-sm-4">
      <label htmlFor={id} className="form-label small mb-0">
        {at === "low" ? "From (empty: open)" : "To (empty: open)"}
      </label>
      <input
        id={id}
        className="form-control form-control-sm"
        placeholder={at === "low" ? "1" : "10"}
        value={energy[at]}
        onChange={(event) => change({ [at]: event.target.value })}
        {...tied(`${id}-wrong`, `energy-${at}`, problems)}
      />
      <Wrong id={`${id}-wrong`} at={`energy-${at}`} problems={problems} />
    </div>
  );
}

/** The box that asks for energies. */
export function Energy(props: EnergyProps) {
  const { capabilities, energy, change } = props;
  return (
    <Part
      title="Energy"
      state={featureState(capabilities, "energy")}
      filled={energy.low.trim() !== "" || energy.high.trim() !== ""}
      onClear={() => change({ low: "", high: "" })}
    >
      <div className="row g-2">
        <Bound at="low" {...props} />
        <Bound at="high" {...props} />
        <div className="col-12 col-sm-4">
          <Options
            label="Unit"
            value={energy.unit}
            options={UNITS}
            onChange={(unit) => change({ unit })}
          />
        </div>
        <div className="col-12">
          <Options
            label="Find"
            value={energy.how}
            options={HOW}
            onChange={(how) => change({ how })}
          />
        </div>
      </div>
    </Part>
  );
}
