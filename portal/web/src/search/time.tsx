// When: times in three notations that keep in step, and lists of intervals.
import { useId, useState } from "react";
import type { Schemas } from "../api/client";
import {
  ANNOUNCED_UNTIL,
  formatTime,
  type Moment,
  type Notation,
  parseEpoch,
  rewriteIntervals,
  type Scale,
  TimeError,
} from "../lib/time";
import { type Problem, readMoment } from "./build";
import { Epoch } from "./epoch";
import type { MomentForm, TimeForm } from "./form";
import { featureState } from "./impossible";
import { Options, Part, tied, Wrong } from "./part";

interface TimeProps {
  capabilities: Schemas["Capabilities"];
  time: TimeForm;
  problems: Problem[];
  change: (part: Partial<TimeForm>) => void;
}

const NOTATIONS: readonly (readonly [Notation, string, string])[] = [
  ["iso", "date and time", "2004-03-26T02:57:46"],
  ["mjd", "MJD", "53090.12345"],
  ["met", "mission elapsed time, s", "101962666"],
];
const HOW = [
  ["overlaps", "observations that meet it"],
  ["within", "observations that lie in it"],
] as const;

/** The moment that is typed, or null while it cannot be read. */
function readable(moment: MomentForm, time: TimeForm): Moment | null {
  try {
    return readMoment(moment, time);
  } catch (error) {
    if (error instanceof TimeError) return null;
    throw error;
  }
}

/** The text of one notation: what is typed, or what follows from it. */
export function textOf(notation: Notation, form: MomentForm, time: TimeForm): string {
  if (form.notation === notation) return form.text;
  const moment = readable(form, time);
  if (!moment) return "";
  try {
    const epoch = parseEpoch(time.epoch.day, time.epoch.fraction);
    return formatTime(moment, notation, time.scale, epoch);
  } catch (error) {
    if (error instanceof TimeError) return "";
    throw error;
  }
}

/** The same moment in another scale: what is typed is written anew, if it can be read. */
export function inScale(form: MomentForm, time: TimeForm, scale: Scale): MomentForm {
  const moment = form.notation === "met" ? null : readable(form, time);
  if (!moment) return form;
  try {
    return { ...form, text: formatTime(moment, form.notation, scale, { day: 0, fraction: 0 }) };
  } catch (error) {
    if (error instanceof TimeError) return form;
    throw error;
  }
}

interface MomentProps {
  at: "start" | "end";
  label: string;
  time: TimeForm;
  problems: Problem[];
  change: (part: Partial<TimeForm>) => void;
}

function MomentInputs({ at, label, time, problems, change }: MomentProps) {
  const id = useId();
  const form = time[at];
  const moment = readable(form, time);
  return (
    <fieldset className="col-12 col-md-6">
      <legend className="small fw-semibold mb-0">{label}</legend>
      {NOTATIONS.map(([notation, name, example]) => (
        <label key={notation} className="d-block small">
          {notation === "met" ? name : `${name}, ${time.scale}`}
          <input
            className="form-control form-control-sm font-monospace"
            placeholder={example}
            value={textOf(notation, form, time)}
            onChange={(event) => change({ [at]: { notation, text: event.target.value } })}
            {...(notation === form.notation ? tied(id, at, problems) : {})}
          />
        </label>
      ))}
      <Wrong id={id} at={at} problems={problems} />
      {moment && moment.day > ANNOUNCED_UNTIL && time.scale === "UTC" && (
        <p className="small text-body-secondary mb-0">
          Leap seconds are not decided that far ahead; UTC is computed without new ones.
        </p>
      )}
    </fieldset>
  );
}

function Scales({ time, change }: Pick<TimeProps, "time" | "change">) {
  const onChange = (scale: Scale) =>
    change({
      scale,
      start: inScale(time.start, time, scale),
      end: inScale(time.end, time, scale),
      lines: rewriteIntervals(time.lines, time.scale, scale),
    });
  return (
    <Options
      label="Scale in which times are typed and shown"
      value={time.scale}
      options={[
        ["UTC", "UTC"],
        ["TT", "TT (terrestrial time)"],
      ]}
      onChange={onChange}
    />
  );
}

function Lines({ capabilities, time, problems, change }: TimeProps) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const state = featureState(capabilities, "intervals");
  return (
    <details
      className="mt-2"
      open={open || time.lines !== ""}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary className="small">Several intervals (good time meets one of them)</summary>
      <textarea
        className="form-control form-control-sm font-monospace"
        aria-label={`Intervals in ${time.scale}, one a line`}
        rows={4}
        placeholder={"2004-03-26T02:57:46 2004-03-26T03:25:48\n53090.5 53091.25"}
        value={time.lines}
        aria-disabled={!state.available}
        readOnly={!state.available}
        onChange={(event) => change({ lines: event.target.value })}
        {...tied(id, "lines", problems)}
      />
      {!state.available && (
        <p className="small text-body-secondary mb-0">
          <strong>Not available: </strong>
          {state.reason}
          {time.lines !== "" && (
            <button
              type="button"
              className="btn btn-sm btn-link py-0"
              onClick={() => change({ lines: "" })}
            >
              Clear the intervals
            </button>
          )}
        </p>
      )}
      <p className="small mb-0">
        One interval a line, start and end, as date and time or MJD in {time.scale}. Observations
        are found whose time coverage meets one of them.
      </p>
      <Wrong id={id} at="lines" problems={problems} />
    </details>
  );
}

/** The box that asks for times. */
export function Time(props: TimeProps) {
  const { capabilities, time, problems, change } = props;
  const blank: MomentForm = { notation: "iso", text: "" };
  return (
    <Part
      title="Time"
      state={featureState(capabilities, "time")}
      filled={[time.start.text, time.end.text, time.lines].some((text) => text.trim() !== "")}
      onClear={() => change({ start: blank, end: blank, lines: "" })}
    >
      <div className="row g-2">
        <div className="col-12 col-sm-6">
          <Scales time={time} change={change} />
        </div>
        <div className="col-12 col-sm-6">
          <Options
            label="Find"
            value={time.how}
            options={HOW}
            onChange={(how) => change({ how })}
          />
        </div>
        <MomentInputs at="start" label="From (empty: open)" {...{ time, problems, change }} />
        <MomentInputs at="end" label="To (empty: open)" {...{ time, problems, change }} />
      </div>
      <Epoch time={time} change={change} />
      <Lines {...props} />
      {capabilities.time_scale !== "UNKNOWN" && (
        <p className="small text-body-secondary mb-0 mt-1">
          The service keeps its times in {capabilities.time_scale}
          {capabilities.time_scale !== "TT" && ", and gets them converted to that"}.
        </p>
      )}
    </Part>
  );
}
