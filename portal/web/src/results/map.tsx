// The map of the sky, what can be done with it, and the same in words.
import { memo, useEffect, useMemo, useRef, useState } from "react";
import type { Schemas } from "../api/client";
import { Failed, Loading } from "../shell/status";
import type { View } from "../state/view";
import { ViewBoundary } from "./boundary";
import { useShownCoverage } from "./coverage";
import { COLOURS } from "./layer";
import { MapTable } from "./maptable";
import { Tools } from "./maptools";
import { Warning } from "./notice";
import { makeScene, type Observed, rowsAt } from "./scene";
import type { Selection } from "./selection";
import { type Click, getSky, hasWebGl, readPlace, type Sky, writePlace } from "./sky";

type Survey = Schemas["SurveyInfo"];
type Overview = Schemas["Overview"];

/** The picture shown first: a local one; none, if there is none. */
export function firstSurvey(surveys: readonly Survey[]): Survey | null {
  return surveys.find((one) => one.is_local && one.state.available) ?? null;
}

/** The picture that the address names, else the usual one. */
function chosenSurvey(surveys: readonly Survey[], sky: string | null): Survey | null {
  if (sky === null) return firstSurvey(surveys);
  return surveys.find((one) => one.id === sky && one.state.available) ?? null;
}

/** How the map is shown, as the address has it. */
export type MapView = Pick<View, "map" | "sky" | "moc">;

interface Props extends MapView {
  overview: Overview;
  surveys: readonly Survey[];
  selection: Selection;
  onOpen: (did: string) => void;
  onView: (patch: Partial<MapView>) => void;
}

function useSky(
  onClick: (click: Click) => void,
): [React.RefObject<HTMLDivElement | null>, Sky | null, Error | null] {
  const parent = useRef<HTMLDivElement>(null);
  const [sky, setSky] = useState<Sky | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const listener = useRef(onClick);
  listener.current = onClick;
  useEffect(() => {
    let mine: Sky | null = null;
    let gone = false;
    getSky().then(
      (made) => {
        if (gone || !parent.current) return;
        mine = made;
        made.mount(parent.current);
        made.onClick = (click) => listener.current(click);
        setSky(made);
      },
      (failure: unknown) => {
        if (!gone) setError(failure instanceof Error ? failure : new Error(String(failure)));
      },
    );
    return () => {
      gone = true;
      mine?.unmount();
    };
  }, []);
  return [parent, sky, error];
}

function Legend() {
  return (
    <ul className="list-inline small mb-1" aria-label="What is what on the map">
      <li className="list-inline-item">
        <span
          className="results-swatch results-swatch-region"
          style={{ borderColor: COLOURS.region }}
        />
        field of view
      </li>
      <li className="list-inline-item">
        <span className="results-swatch" style={{ color: COLOURS.pointing }}>
          +
        </span>
        pointing
      </li>
      <li className="list-inline-item">
        <span className="results-swatch" style={{ color: COLOURS.target }}>
          {"\u25c7"}
        </span>
        target
      </li>
      <li className="list-inline-item">
        <span
          className="results-swatch results-swatch-region"
          style={{ borderColor: COLOURS.selected }}
        />
        selected
      </li>
    </ul>
  );
}

/** Why some pictures of the sky cannot be chosen. */
function Missing({ surveys }: { surveys: readonly Survey[] }) {
  const reasons = new Set(
    surveys.flatMap(({ state }) => (state.available || !state.reason ? [] : [state.reason])),
  );
  if (reasons.size === 0) return null;
  return <p className="small text-body-secondary mb-1">{[...reasons].join(" ")}</p>;
}

/** Data sets whose field of view holds the place that was clicked. */
function Here({
  found,
  selection,
  onClose,
}: {
  found: Observed[];
  selection: Selection;
  onClose: () => void;
}) {
  if (found.length === 0) return null;
  return (
    <div className="d-flex flex-wrap align-items-center gap-2 small my-1" role="status">
      <span>
        {found.length === 1
          ? "One data set has this place in its field of view."
          : `${found.length} data sets have this place in their fields of view.`}
      </span>
      {found.length > 1 && (
        <button
          type="button"
          className="btn btn-sm btn-outline-secondary py-0"
          onClick={() =>
            selection.point(
              found.map((row) => row.did),
              "replace",
            )
          }
        >
          Select all of them
        </button>
      )}
      <button type="button" className="btn-close" aria-label="Close" onClick={onClose} />
    </div>
  );
}

function Canvas({
  overview,
  surveys,
  selection,
  map,
  moc,
  onView,
  ...props
}: Omit<Props, "onOpen">) {
  const scene = useMemo(() => makeScene(overview.rows), [overview]);
  const survey = chosenSurvey(surveys, props.sky);
  const [here, setHere] = useState<Observed[]>([]);
  const [parent, sky, error] = useSky((click) => {
    const found = rowsAt(scene, click.ra, click.dec);
    setHere(found);
    const [nearest] = found;
    if (nearest) selection.point([nearest.did], click.mode);
  });
  const shown = useRef<typeof scene | null>(null);
  // Later on, the address follows the map, and not the other way round.
  const first = useRef(map);
  useEffect(() => {
    if (!sky) return;
    if (shown.current === scene) return sky.select(selection.dids);
    shown.current = scene;
    sky.show(scene, selection.dids);
    const place = readPlace(first.current);
    if (place) sky.goTo(place);
    else if (scene.cap) sky.lookAt(scene.cap, false);
  }, [sky, scene, selection.dids]);
  useEffect(() => {
    if (sky) sky.onPlace = (place) => onView({ map: writePlace(place) });
  }, [sky, onView]);
  useEffect(() => sky?.setSurvey(survey), [sky, survey]);
  const coverage = useShownCoverage(overview, selection.dids, moc);
  useEffect(() => sky?.setMoc(moc ? coverage.moc : null), [sky, coverage.moc, moc]);
  if (error) return <Failed what="The map could not be loaded" error={error} />;
  return (
    <>
      {sky === null && <Loading what="Loading the map" />}
      {sky && (
        <Tools
          sky={sky}
          scene={scene}
          surveys={surveys}
          survey={survey}
          coverage={coverage}
          mocShown={moc}
          selection={selection}
          onSurvey={(next) => onView({ sky: next?.id ?? "none" })}
          onMoc={(shown) => onView({ moc: shown })}
        />
      )}
      <section
        ref={parent}
        className="results-map"
        aria-label="Map of the sky; the same as a table is below"
      />
      <Legend />
      <Missing surveys={surveys} />
      <Here found={here} selection={selection} onClose={() => setHere([])} />
    </>
  );
}

/** The map, or why there is none; in both cases the same as a table. */
export const SkyMap = memo(function SkyMap({ onOpen, ...props }: Props) {
  const { overview, selection } = props;
  const [able] = useState(hasWebGl);
  return (
    <section aria-label="Sky map">
      {able ? (
        <ViewBoundary what="The map has failed">
          <Canvas {...props} />
        </ViewBoundary>
      ) : (
        <Warning>
          This browser cannot draw the map: it has no WebGL 2, or it is switched off. Everything
          else works; the places are in the table below.
        </Warning>
      )}
      <MapTable rows={overview.rows} selection={selection} onOpen={onOpen} />
    </section>
  );
});
