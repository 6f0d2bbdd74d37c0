// Where in the sky: a source, coordinates, or a list of these.
import { useId, useState } from "react";
import type { Schemas } from "../api/client";
import { formatSexagesimal, parsePosition, parsePositions, type Sky } from "../lib/coordinates";
import type { Problem } from "./build";
import { type PlaceForm, placeText, type RadiusUnit } from "./form";
import { featureState } from "./impossible";
import { type LookUp, namesIn, resolveList } from "./look-up";
import { NamePlace } from "./name";
import { Options, Part, tied, Wrong } from "./part";

interface PlaceProps {
  service: string;
  table: string | null;
  capabilities: Schemas["Capabilities"];
  place: PlaceForm;
  problems: Problem[];
  lookUp: LookUp;
  change: (part: Partial<PlaceForm>) => void;
}

const MODES = [
  ["name", "Source name"],
  ["coordinates", "Coordinates"],
  ["list", "List of positions"],
] as const;
const FRAMES = [
  ["icrs", "ICRS (right ascension, declination)"],
  ["galactic", "Galactic (l, b)"],
] as const;
const RADIUS_UNITS: readonly (readonly [RadiusUnit, string])[] = [
  ["deg", "degrees"],
  ["arcmin", "arcmin"],
  ["arcsec", "arcsec"],
];

function Modes({ place, change }: Pick<PlaceProps, "place" | "change">) {
  const name = useId();
  return (
    <fieldset className="d-flex flex-wrap column-gap-3 mb-1">
      <legend className="visually-hidden">How the position is given</legend>
      {MODES.map(([mode, label]) => (
        <label key={mode} className="form-check">
          <input
            type="radio"
            className="form-check-input"
            name={name}
            checked={place.mode === mode}
            onChange={() => change({ mode })}
          />
          <span className="form-check-label">{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** What typed coordinates mean, or null while they mean nothing. */
function understood(place: PlaceForm): Sky | null {
  try {
    return parsePosition(place.coordinates, place.frame);
  } catch {
    return null;
  }
}

function Coordinates({
  place,
  problems,
  change,
}: Pick<PlaceProps, "place" | "problems" | "change">) {
  const id = useId();
  const sky = understood(place);
  return (
    <>
      <input
        className="form-control form-control-sm"
        aria-label="Coordinates"
        placeholder={
          place.frame === "icrs" ? "83.633 22.014 or 05h34m31.9s +22d00m52s" : "184.557 -5.784"
        }
        value={place.coordinates}
        onChange={(event) => change({ coordinates: event.target.value })}
        {...tied(id, "coordinates", problems)}
      />
      <Wrong id={id} at="coordinates" problems={problems} />
      {sky && (
        <p className="small mb-1">
          Understood as {sky.ra.toFixed(5)}, {sky.dec.toFixed(5)} degrees ({formatSexagesimal(sky)},
          ICRS)
        </p>
      )}
    </>
  );
}

function Names({ service, place, change }: Pick<PlaceProps, "service" | "place" | "change">) {
  const [failed, setFailed] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const names = namesIn(place.list);
  if (names.length === 0 && failed.length === 0) return null;
  const lookUp = async () => {
    setBusy(true);
    const result = await resolveList(place, service);
    setBusy(false);
    setFailed(result.failed);
    change({ list: result.list });
  };
  return (
    <div className="small mb-1" role="status">
      {names.length > 0 && (
        <button
          type="button"
          className="btn btn-sm btn-outline-primary"
          disabled={busy}
          onClick={() => void lookUp()}
        >
          {busy
            ? "Looking up\u2026"
            : names.length === 1
              ? "Look up the name in the list"
              : `Look up the ${names.length} names in the list`}
        </button>
      )}
      {failed.map((message) => (
        <div key={message} className="text-danger">
          {message}
        </div>
      ))}
    </div>
  );
}

function List(props: Pick<PlaceProps, "service" | "place" | "problems" | "change">) {
  const { place, problems, change } = props;
  const id = useId();
  const count = parsePositions(place.list, place.frame).positions.length;
  return (
    <>
      <textarea
        className="form-control form-control-sm font-monospace"
        aria-label="List of positions, one a line"
        rows={5}
        placeholder={"83.633 22.014 # Crab Nebula\n21:58:52.1 -30:13:32\nMrk 421"}
        value={place.list}
        onChange={(event) => change({ list: event.target.value })}
        {...tied(id, "list", problems)}
      />
      <p className="small mb-1">
        {count === 1 ? "1 position" : `${count} positions`} understood. One a line; a label may
        follow after a #.
      </p>
      <Wrong id={id} at="list" problems={problems} />
      <Names {...props} />
    </>
  );
}

function Radius({ place, problems, change }: Pick<PlaceProps, "place" | "problems" | "change">) {
  const id = useId();
  return (
    <div className="col-12 col-sm-6">
      <label htmlFor={id} className="form-label small mb-0">
        Radius
      </label>
      <div className="input-group input-group-sm">
        <input
          id={id}
          className="form-control"
          inputMode="decimal"
          value={place.radius}
          onChange={(event) => change({ radius: event.target.value })}
          {...tied(`${id}-wrong`, "radius", problems)}
        />
        <select
          className="form-select"
          aria-label="Unit of the radius"
          value={place.radiusUnit}
          onChange={(event) => change({ radiusUnit: event.target.value as RadiusUnit })}
        >
          {RADIUS_UNITS.map(([unit, label]) => (
            <option key={unit} value={unit}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <Wrong id={`${id}-wrong`} at="radius" problems={problems} />
    </div>
  );
}

function What({
  capabilities,
  place,
  change,
}: Pick<PlaceProps, "capabilities" | "place" | "change">) {
  const id = useId();
  const region = featureState(capabilities, "region");
  return (
    <div className="col-12 col-sm-6">
      <label htmlFor={id} className="form-label small mb-0">
        What lies in it
      </label>
      <select
        id={id}
        className="form-select form-select-sm"
        value={place.what}
        aria-describedby={region.available ? undefined : `${id}-off`}
        onChange={(event) => change({ what: event.target.value as PlaceForm["what"] })}
      >
        <option value="pointing">the pointing position</option>
        <option value="region" disabled={!region.available}>
          any part of the field of view{region.available ? "" : " (not available)"}
        </option>
      </select>
      {!region.available && (
        <p id={`${id}-off`} className="small text-body-secondary mb-0">
          Field of view: {region.reason}
        </p>
      )}
    </div>
  );
}

/** The box that asks for cones. */
export function Place(props: PlaceProps) {
  const { capabilities, place, change } = props;
  const onClear = () => change({ name: "", found: null, coordinates: "", list: "" });
  return (
    <Part
      title="Position"
      state={featureState(capabilities, "cone")}
      filled={placeText(place) !== ""}
      onClear={onClear}
    >
      <Modes {...props} />
      {place.mode === "name" && <NamePlace {...props} />}
      {place.mode !== "name" && (
        <div className="mb-1">
          <Options
            label="Frame"
            value={place.frame}
            options={FRAMES}
            onChange={(frame) => change({ frame })}
          />
        </div>
      )}
      {place.mode === "coordinates" && <Coordinates {...props} />}
      {place.mode === "list" && <List {...props} />}
      <div className="row g-2 mt-1">
        <Radius {...props} />
        <What {...props} />
      </div>
    </Part>
  );
}
