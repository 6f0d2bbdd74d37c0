// What can be done with the map.
import type { Schemas } from "../api/client";
import type { ShownCoverage } from "./coverage";
import { capOf, vector } from "./geometry";
import { rowsWithin, type Scene } from "./scene";
import type { Selection } from "./selection";
import type { Sky } from "./sky";

type Survey = Schemas["SurveyInfo"];

interface Props {
  sky: Sky;
  scene: Scene;
  surveys: readonly Survey[];
  survey: Survey | null;
  coverage: ShownCoverage;
  mocShown: boolean;
  selection: Selection;
  onSurvey: (survey: Survey | null) => void;
  onMoc: (shown: boolean) => void;
}

function SurveyChoice({
  surveys,
  survey,
  onSurvey,
}: Pick<Props, "surveys" | "survey" | "onSurvey">) {
  return (
    <label className="d-flex align-items-center gap-1 small results-survey">
      Sky
      <select
        className="form-select form-select-sm"
        value={survey?.id ?? ""}
        onChange={(event) => onSurvey(surveys.find((one) => one.id === event.target.value) ?? null)}
      >
        <option value="">coordinates only</option>
        {surveys.map((one) => (
          <option key={one.id} value={one.id} disabled={!one.state.available}>
            {one.label}
            {one.state.available ? "" : " (not available)"}
          </option>
        ))}
      </select>
    </label>
  );
}

function MocSwitch({ coverage, mocShown, onMoc }: Pick<Props, "coverage" | "mocShown" | "onMoc">) {
  const { label, reason, fault } = coverage;
  return (
    <label className="form-check form-switch small mb-0">
      <input
        type="checkbox"
        className="form-check-input"
        checked={mocShown && reason === null}
        disabled={reason !== null}
        onChange={(event) => onMoc(event.target.checked)}
      />
      <span className="form-check-label">
        Coverage (MOC){label}
        {reason !== null && `: ${reason}`}
        {mocShown && fault !== null && `: ${fault}`}
      </span>
    </label>
  );
}

function lookAtSelection({ sky, scene, selection }: Props): void {
  const places = scene.rows.flatMap(({ did, ra, dec }) =>
    selection.dids.has(did) && ra !== null && dec !== null ? [vector(ra, dec)] : [],
  );
  const cap = capOf(places);
  if (cap) sky.lookAt({ centre: cap.centre, radius: cap.radius + 3 }, true);
}

function selectView({ sky, scene, selection }: Props): void {
  const [ra, dec] = sky.aladin.getRaDec();
  const within = rowsWithin(scene, vector(ra, dec), Math.min(90, sky.aladin.getFov()[0] / 2));
  selection.point(
    within.map((row) => row.did),
    "add",
  );
}

/** Buttons and choices above the map. */
export function Tools(props: Props) {
  const { sky, scene, selection } = props;
  const button = (label: string, act: () => void, off = false) => (
    <button type="button" className="btn btn-sm btn-outline-secondary" disabled={off} onClick={act}>
      {label}
    </button>
  );
  return (
    <div className="d-flex flex-wrap align-items-center gap-2 mb-1">
      <fieldset className="btn-group" aria-label="Part of the sky">
        {button("Zoom in", () => sky.zoom(1 / 1.5))}
        {button("Zoom out", () => sky.zoom(1.5))}
        {button("Show all", () => scene.cap && sky.lookAt(scene.cap, true), scene.cap === null)}
        {button("Show selected", () => lookAtSelection(props), selection.dids.size === 0)}
      </fieldset>
      {button("Select what is in view", () => selectView(props))}
      <SurveyChoice {...props} />
      <MocSwitch {...props} />
    </div>
  );
}
