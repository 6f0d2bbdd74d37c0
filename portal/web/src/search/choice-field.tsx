// Values to tick, as the service has them.
import { useState } from "react";
import { Failed, Loading } from "../shell/status";
import { useChoices } from "./asking";

interface ChoiceProps {
  service: string;
  table: string | null;
  field: string;
  label: string;
  /** Whether people look at it: only then the service is asked. */
  opened: boolean;
  values: string[];
  onChange: (values: string[]) => void;
}

interface Line {
  value: string;
  count: number | null;
}

const FILTER_ABOVE = 10;

function useLines({ service, table, field, opened, values }: ChoiceProps) {
  const choices = useChoices(service, field, table, opened);
  const lines: Line[] = [...(choices.data?.values ?? [])];
  // What a link or a hand added stays in sight, also where the service does not list it.
  for (const value of values)
    if (!lines.some((line) => line.value === value)) lines.push({ value, count: null });
  return { choices, lines };
}

function Other({ onAdd }: { onAdd: (value: string) => void }) {
  const [text, setText] = useState("");
  const add = () => {
    if (text.trim() !== "") onAdd(text.trim());
    setText("");
  };
  return (
    <div className="input-group input-group-sm mt-1">
      <input
        className="form-control"
        aria-label="Another value"
        placeholder="another value"
        maxLength={200}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          add();
        }}
      />
      <button type="button" className="btn btn-outline-secondary" onClick={add}>
        Add
      </button>
    </div>
  );
}

interface BoxesProps {
  label: string;
  lines: Line[];
  values: string[];
  onToggle: (value: string) => void;
}

function Boxes({ label, lines, values, onToggle }: BoxesProps) {
  const [filter, setFilter] = useState("");
  const wanted = lines.filter(({ value }) => value.toLowerCase().includes(filter.toLowerCase()));
  return (
    <>
      {lines.length > FILTER_ABOVE && (
        <input
          className="form-control form-control-sm mb-1"
          aria-label={`Filter the values of ${label}`}
          placeholder="filter"
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
      )}
      <fieldset className="choices" aria-label={label}>
        {wanted.map(({ value, count }) => (
          <label key={value} className="form-check mb-0">
            <input
              type="checkbox"
              className="form-check-input"
              checked={values.includes(value)}
              onChange={() => onToggle(value)}
            />
            <span className="form-check-label">
              {value} {count !== null && <span className="text-body-secondary">({count})</span>}
            </span>
          </label>
        ))}
      </fieldset>
    </>
  );
}

/** The values of a field, with how often they occur, to be ticked. */
export function ChoiceField(props: ChoiceProps) {
  const { values, onChange, label } = props;
  const { choices, lines } = useLines(props);
  const toggle = (value: string) =>
    onChange(values.includes(value) ? values.filter((one) => one !== value) : [...values, value]);
  if (choices.isLoading) return <Loading what="Asking the service for the values" />;
  return (
    <>
      {choices.error && (
        <Failed
          error={choices.error}
          what="The values cannot be listed"
          onRetry={() => void choices.refetch()}
        />
      )}
      <Boxes label={label} lines={lines} values={values} onToggle={toggle} />
      {choices.data && lines.length === 0 && <p className="small mb-0">The column is empty.</p>}
      {choices.data && !choices.data.complete && (
        <p className="small mb-0">These are not all values; others can be added.</p>
      )}
      {(choices.error || choices.data?.complete === false) && (
        <Other onAdd={(value) => !values.includes(value) && toggle(value)} />
      )}
    </>
  );
}
