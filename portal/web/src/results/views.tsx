// Map and plots: side by side where there is room, as tabs on a phone.
import type { Schemas } from "../api/client";
import { Failed, Loading } from "../shell/status";
import { Energies } from "./energies";
import { formatCount, type TimeScale } from "./format";
import { Histogram, LIVETIME, ZENITH } from "./histograms";
import { type MapView, SkyMap } from "./map";
import { Warning } from "./notice";
import type { useOverview } from "./questions";
import type { Selection } from "./selection";
import { type Tab, Tabs } from "./tabs";
import { TimeLine } from "./timeline";

interface Props {
  overview: ReturnType<typeof useOverview>;
  /** Whether people have stopped asking. */
  isStopped: boolean;
  surveys: Schemas["SurveyInfo"][];
  scale: TimeScale;
  /** What the table has and lacks; none for people's own ADQL. */
  fields: Schemas["FieldInfo"][];
  selection: Selection;
  onOpen: (did: string) => void;
  map: MapView;
  onMap: (patch: Partial<MapView>) => void;
}

/** What map and plots leave out. */
export function Truncated({ overview }: { overview: Schemas["Overview"] | undefined }) {
  if (!overview?.truncated) return null;
  return (
    <Warning>
      <strong>Map and plots do not show everything:</strong> they have{" "}
      {formatCount(overview.rows.length)} of {formatCount(overview.total)} data sets. The table goes
      through all of them; narrow the search to see all on the map.
    </Warning>
  );
}

/** Each view of the overview as a tab. */
export function overviewTabs({
  overview,
  isStopped,
  surveys,
  scale,
  fields,
  selection,
  onOpen,
  map,
  onMap,
}: Props): Tab[] {
  const found = overview.data;
  const show = (content: (rows: Schemas["Overview"]) => React.ReactNode) => () => {
    if (overview.error && !found)
      return (
        <Failed
          what="Map and plots have no data"
          error={overview.error}
          onRetry={() => void overview.refetch()}
        />
      );
    if (!found && isStopped) return <p>Map and plots have no data.</p>;
    if (!found) return <Loading what="Asking for positions, times and energies" />;
    if (found.rows.length === 0) return <p>There is nothing to show.</p>;
    return (
      <>
        <Truncated overview={found} />
        {content(found)}
      </>
    );
  };
  const rest = { selection };
  const reasonOf = ({ key }: typeof ZENITH) => {
    const state = fields.find((field) => field.key === key)?.state;
    return state?.available === false ? (state.reason ?? null) : null;
  };
  const histogram = (quantity: typeof ZENITH) =>
    show((all) => (
      <Histogram rows={all.rows} quantity={quantity} reason={reasonOf(quantity)} {...rest} />
    ));
  return [
    {
      key: "map",
      label: "Map",
      content: show((all) => (
        <SkyMap overview={all} {...{ surveys, selection, onOpen, ...map }} onView={onMap} />
      )),
    },
    {
      key: "time",
      label: "Time",
      content: show((all) => <TimeLine rows={all.rows} scale={scale} {...rest} />),
    },
    {
      key: "energy",
      label: "Energy",
      content: show((all) => <Energies rows={all.rows} {...rest} />),
    },
    {
      key: "zenith",
      label: "Zenith",
      content: histogram(ZENITH),
    },
    {
      key: "livetime",
      label: "Live time",
      content: histogram(LIVETIME),
    },
  ];
}

/** The map on the left, the plots on the right. */
export function WideViews(props: Props & { tab: string; onTab: (tab: string) => void }) {
  const [map, ...plots] = overviewTabs(props);
  return (
    <div className="row g-3 mb-2">
      <div className="col-6">
        <h2 className="h6 results-viewhead">Sky</h2>
        {map?.content()}
      </div>
      <div className="col-6">
        <Tabs label="Plots" tabs={plots} chosen={props.tab} onChoose={props.onTab} />
      </div>
    </div>
  );
}
