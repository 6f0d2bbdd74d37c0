// A job's FITS maps on the sky; where the browser cannot draw them, the same as a picture.
import { useEffect, useRef, useState } from "react";
import type { Schemas } from "../../api/client";
import { filePath } from "../addresses";
import type { Range } from "./fits";
import { pictureOf } from "./results";
import { figure } from "./summary";
import { hasWebGl, type Shown, showMap } from "./viewer";

type Result = Schemas["JobResult"];

type State =
  | { kind: "loading" }
  | { kind: "shown"; shown: Shown }
  | { kind: "off"; reason: string };

const NO_WEBGL = "This browser cannot draw interactive maps (WebGL 2 is missing).";

function useViewer(map: Result) {
  const place = useRef<HTMLElement>(null);
  const [state, setState] = useState<State>(() =>
    hasWebGl() ? { kind: "loading" } : { kind: "off", reason: NO_WEBGL },
  );
  const isOff = state.kind === "off";
  const url = filePath(map.url);
  useEffect(() => {
    if (isOff || place.current === null || url === null) return;
    let gone = false;
    setState({ kind: "loading" });
    showMap(place.current, url, map.label).then(
      (shown) => !gone && setState({ kind: "shown", shown }),
      (error: unknown) => {
        if (!gone) setState({ kind: "off", reason: `The map cannot be drawn: ${wordsOf(error)}` });
      },
    );
    return () => {
      gone = true;
    };
  }, [url, map.label, isOff]);
  return { place, state };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the colours mean. */
export function colours(range: Range | null): string {
  if (range === null) return "";
  const unit = range.unit ? ` ${range.unit}` : "";
  return `: black is ${figure(range.low)}, bright yellow is ${figure(range.high)}${unit}`;
}

function Controls(props: { shown: Shown }) {
  const { zoomIn, zoomOut, reset } = props.shown;
  const buttons: [string, () => void][] = [
    ["Zoom in", zoomIn],
    ["Zoom out", zoomOut],
    ["Whole map", reset],
  ];
  return (
    <div className="d-flex flex-wrap gap-1 mt-1">
      {buttons.map(([label, action]) => (
        <button
          key={label}
          type="button"
          className="btn btn-sm btn-outline-secondary"
          onClick={action}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

/** The picture that stands in for a map. */
function Picture(props: { picture: Result | null; reason: string }) {
  const address = filePath(props.picture?.url);
  return (
    <>
      <p className="small text-body-secondary mb-1">
        {props.reason} {address ? "This is the same map as a picture." : "The file is below."}
      </p>
      {address && props.picture && (
        <img
          className="img-fluid border rounded job-plot"
          src={address}
          alt={props.picture.label}
        />
      )}
    </>
  );
}

export function FitsMap(props: { maps: Result[]; first: Result; results: Result[] }) {
  const [chosen, setChosen] = useState(props.first.id);
  const map = props.maps.find((one) => one.id === chosen) ?? props.first;
  const { place, state } = useViewer(map);
  return (
    <figure className="mb-0">
      {props.maps.length > 1 && (
        <fieldset className="d-flex flex-wrap gap-1 mb-2">
          <legend className="visually-hidden">Map</legend>
          {props.maps.map((one) => (
            <button
              key={one.id}
              type="button"
              className={`btn btn-sm ${one === map ? "btn-secondary" : "btn-outline-secondary"}`}
              aria-pressed={one === map}
              onClick={() => setChosen(one.id)}
            >
              {one.label}
            </button>
          ))}
        </fieldset>
      )}
      {state.kind === "off" ? (
        <Picture picture={pictureOf(map, props.results)} reason={state.reason} />
      ) : (
        <section
          className="job-map border rounded overflow-hidden"
          aria-label={`Map: ${map.label}`}
          data-state={state.kind}
          ref={place}
        />
      )}
      {state.kind === "shown" && <Controls shown={state.shown} />}
      <figcaption className="small" aria-live="polite">
        {state.kind === "loading" ? `Loading ${map.label} …` : map.label}
        {state.kind === "shown" && colours(state.shown.range)}
      </figcaption>
    </figure>
  );
}
