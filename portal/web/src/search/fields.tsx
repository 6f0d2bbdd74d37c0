// All other fields, by group, as the service has them.
import { useState } from "react";
import type { Schemas } from "../api/client";
import type { Problem } from "./build";
import { Field } from "./field";
import { type Condition, type Form, isBlank } from "./form";
import type { Change } from "./page-state";

interface FieldsProps {
  service: string;
  capabilities: Schemas["Capabilities"];
  form: Form;
  problems: Problem[];
  change: Change;
}

type Group = Schemas["FieldInfo"]["group"];

const GROUPS: readonly (readonly [Group, string])[] = [
  ["data", "Data"],
  ["observation", "Observation"],
  ["programme", "Programme"],
  ["conditions", "Conditions"],
];

function GroupBox({ group, title, ...props }: FieldsProps & { group: Group; title: string }) {
  const { capabilities, form, change } = props;
  const fields = capabilities.fields.filter((field) => field.group === group);
  const used = fields.filter(({ key }) => !isBlank(form.conditions[key])).length;
  const [opened] = useState(group === "data" || used > 0);
  const absent = fields.filter(({ state }) => !state.available).length;
  if (fields.length === 0) return null;
  const set = (key: string, condition: Form["conditions"][string] | undefined) =>
    change(({ conditions }) => {
      const { [key]: _, ...others } = conditions;
      return { conditions: condition ? { ...others, [key]: condition } : others };
    });
  return (
    <details className="card mb-2" open={opened}>
      <summary className="card-header py-1">
        <h3 className="h6 d-inline-block my-1">{title}</h3>
        {used > 0 && <span className="badge text-bg-primary ms-2">{used} used</span>}
        {absent > 0 && (
          <span className="small ms-2">
            {absent} of {fields.length} not available
          </span>
        )}
      </summary>
      <div className="card-body py-1">
        {fields.map((info) => (
          <Field
            key={info.key}
            service={props.service}
            table={form.table}
            info={info}
            condition={form.conditions[info.key]}
            problems={props.problems}
            onChange={(condition) => set(info.key, condition)}
          />
        ))}
      </div>
    </details>
  );
}

function words(condition: Condition): string {
  if (condition.kind === "among") return condition.values.join(", ");
  if (condition.kind === "contains") return `contains "${condition.text}"`;
  return `from ${condition.low ?? "any"} to ${condition.high ?? "any"}`;
}

/** Conditions that no field of the form shows, with a way to take them out. */
function Others({ capabilities, form, change }: FieldsProps) {
  const known = new Set(capabilities.fields.map(({ key }) => key));
  const unknown = Object.keys(form.conditions).filter((key) => !known.has(key));
  if (unknown.length === 0 && form.extra.length === 0) return null;
  const drop = (key: string) =>
    change(({ conditions }) => {
      const { [key]: _, ...others } = conditions;
      return { conditions: others };
    });
  return (
    <div className="alert alert-warning py-2">
      <p className="mb-1">The search has more conditions than this form shows:</p>
      <ul className="mb-0">
        {unknown.map((key) => (
          <li key={key}>
            {key} (a field that this service does not know){" "}
            <button type="button" className="btn btn-sm btn-link py-0" onClick={() => drop(key)}>
              Remove <span className="visually-hidden">{key}</span>
            </button>
          </li>
        ))}
        {form.extra.map((condition) => (
          <li key={JSON.stringify(condition)}>
            {condition.field}: {words(condition)}{" "}
            <button
              type="button"
              className="btn btn-sm btn-link py-0"
              onClick={() =>
                change(({ extra }) => ({ extra: extra.filter((one) => one !== condition) }))
              }
            >
              Remove <span className="visually-hidden">{condition.field}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Fields of the service, grouped. */
export function Fields(props: FieldsProps) {
  return (
    <section aria-label="More fields">
      <h2 className="h6">More fields</h2>
      <Others {...props} />
      {GROUPS.map(([group, title]) => (
        <GroupBox key={group} group={group} title={title} {...props} />
      ))}
    </section>
  );
}

/** Which table is searched. */
export function Tables({ capabilities, form, change }: FieldsProps) {
  const { tables, table } = capabilities;
  const current = tables.find(({ key }) => key === table);
  return (
    <section className="card mb-3" aria-label="Table">
      <div className="card-body py-2">
        <label className="d-block">
          <span className="small">Table</span>
          <select
            className="form-select form-select-sm"
            value={form.table ?? table}
            onChange={(event) => change(() => ({ table: event.target.value }))}
          >
            {!current && <option value={table}>{table}</option>}
            {tables.map(({ key, label, has_extension }) => (
              <option key={key} value={key}>
                {label}
                {has_extension ? " (with the High-Energy extension)" : ""}
              </option>
            ))}
          </select>
        </label>
        {current?.description && (
          <p className="small text-body-secondary mb-0 mt-1 d-none d-md-block">
            {current.description}
          </p>
        )}
      </div>
    </section>
  );
}
