// One search field: values to tick, a range, or text.
import { useId, useState } from "react";
import type { Schemas } from "../api/client";
import { unitsLike } from "../lib/units";
import type { Problem } from "./build";
import { ChoiceField } from "./choice-field";
import { type ConditionForm, isBlank } from "./form";
import { Reason, tied, Wrong } from "./part";

interface FieldProps {
  service: string;
  table: string | null;
  info: Schemas["FieldInfo"];
  condition: ConditionForm | undefined;
  problems: Problem[];
  /** Undefined asks nothing any more. */
  onChange: (condition: ConditionForm | undefined) => void;
}

type Range = ConditionForm & { kind: "range" };

/** What is asked of a field, in short. */
export function summary(condition: ConditionForm | undefined, unit: string | null): string {
  if (isBlank(condition) || !condition) return "";
  if (condition.kind === "choice") return condition.values.join(", ");
  if (condition.kind === "text") return `contains "${condition.text.trim()}"`;
  const [low, high] = [condition.low.trim(), condition.high.trim()];
  // Days are dates, which say so themselves.
  const given = condition.unit ?? (unit === "d" ? "" : (unit ?? ""));
  const range = low === "" ? `up to ${high}` : high === "" ? `from ${low}` : `${low} to ${high}`;
  return `${range} ${given}`.trim();
}

function RangeField({ info, condition, problems, onChange }: FieldProps) {
  const id = useId();
  const range: Range =
    condition?.kind === "range" ? condition : { kind: "range", low: "", high: "", unit: null };
  const set = (part: Partial<Range>) => onChange({ ...range, ...part });
  const units = unitsLike(info.unit);
  const input = (at: "low" | "high", label: string) => (
    <input
      className="form-control"
      aria-label={`${info.label}, ${label}`}
      placeholder={info.unit === "d" ? `${label} (date or MJD)` : label}
      inputMode={info.unit === "d" ? "text" : "decimal"}
      value={range[at]}
      onChange={(event) => set({ [at]: event.target.value })}
      {...tied(id, info.key, problems)}
    />
  );
  return (
    <>
      <div className="input-group input-group-sm">
        {input("low", "from")}
        {input("high", "to")}
        {units.length === 1 && info.unit !== "d" && (
          <span className="input-group-text">{info.unit}</span>
        )}
        {units.length > 1 && (
          <select
            className="form-select"
            aria-label={`Unit of ${info.label}`}
            value={range.unit ?? info.unit ?? ""}
            onChange={(event) => set({ unit: event.target.value })}
          >
            {units.map((unit) => (
              <option key={unit}>{unit}</option>
            ))}
          </select>
        )}
      </div>
      <Wrong id={id} at={info.key} problems={problems} />
    </>
  );
}

function TextField({ info, condition, onChange }: FieldProps) {
  return (
    <input
      className="form-control form-control-sm"
      aria-label={`${info.label} contains`}
      placeholder="contains"
      maxLength={200}
      value={condition?.kind === "text" ? condition.text : ""}
      onChange={(event) => onChange({ kind: "text", text: event.target.value })}
    />
  );
}

function Input(props: FieldProps & { opened: boolean }) {
  const { info, condition, onChange } = props;
  // A link may ask in another way than this input can show: it says so, and leaves it.
  if (condition && !isBlank(condition) && condition.kind !== info.kind)
    return <p className="small mb-0">This condition came with the link.</p>;
  if (info.kind === "range") return <RangeField {...props} />;
  if (info.kind === "text") return <TextField {...props} />;
  return (
    <ChoiceField
      service={props.service}
      table={props.table}
      field={info.key}
      label={info.label}
      opened={props.opened}
      values={condition?.kind === "choice" ? condition.values : []}
      onChange={(values) => onChange({ kind: "choice", values })}
    />
  );
}

function ClearField({ info, onChange }: Pick<FieldProps, "info" | "onChange">) {
  return (
    <button type="button" className="btn btn-sm btn-link py-0" onClick={() => onChange(undefined)}>
      Clear <span className="visually-hidden">{info.label}</span>
    </button>
  );
}

/** A field that the table lacks: grey, with the reason, and what a link asks of it. */
function AbsentField({ info, condition, onChange }: FieldProps) {
  const id = useId();
  const asked = summary(condition, info.unit);
  return (
    <fieldset className="border-bottom py-1" aria-labelledby={id} aria-disabled="true">
      <div className="d-flex align-items-center">
        <span id={id} className="text-body-secondary me-auto">
          {info.label}
          {asked && <strong>: {asked}</strong>}
        </span>
        {asked && <ClearField info={info} onChange={onChange} />}
      </div>
      <Reason name={info.label} state={info.state} />
    </fieldset>
  );
}

export function Field(props: FieldProps) {
  const { info, condition, onChange } = props;
  const [opened, setOpened] = useState(false);
  if (!info.state.available) return <AbsentField {...props} />;
  const asked = summary(condition, info.unit);
  return (
    <details
      className="border-bottom py-1"
      onToggle={(event) => event.currentTarget.open && setOpened(true)}
    >
      <summary>
        {info.label}
        {asked && <strong>: {asked}</strong>}
      </summary>
      <div className="pt-1 pb-2">
        <p className="small text-body-secondary mb-1">
          {info.description} {info.column && <code>{info.column}</code>}
        </p>
        <Input {...props} opened={opened} />
        {asked && <ClearField info={info} onChange={onChange} />}
      </div>
    </details>
  );
}
