// What was found: count, views, table and links, all as the address bar has it.
import { Link, useSearchParams } from "react-router";
import { ApiError, type Schemas } from "../api/client";
import { useCapabilities, useConfig } from "../api/queries";
import { Actions } from "../results/actions";
import { useAddress } from "../results/address";
import { askedColumns, usualColumns } from "../results/columns";
import { formatCount, type TimeScale } from "../results/format";
import { LinksPanel } from "../results/links";
import { useIsWide } from "../results/media";
import { Warning } from "../results/notice";
import { useCount, useOverview, usePage, useStop } from "../results/questions";
import { type Selection, useSelection } from "../results/selection";
import { TablePanel } from "../results/tablepanel";
import { Tabs } from "../results/tabs";
import { overviewTabs, WideViews } from "../results/views";
import { Failed, Loading } from "../shell/status";
import { isAsked, scaleOf, type View } from "../state/view";
import "../results/results.css";

type Change = ReturnType<typeof useAddress>["change"];

const STOPPED = new ApiError("The service had not answered yet.", "stopped", 0);

/** A way out of waiting, and back. */
function Waiting({ asking }: { asking: ReturnType<typeof useStop> }) {
  if (asking.isStopped)
    return <Failed what="The search was stopped" error={STOPPED} onRetry={asking.goOn} />;
  if (!asking.isRunning) return null;
  return (
    <button type="button" className="btn btn-sm btn-outline-secondary mb-2" onClick={asking.stop}>
      Stop
    </button>
  );
}

function Count({ count, isStopped }: { count: ReturnType<typeof useCount>; isStopped: boolean }) {
  return (
    <>
      <h1 className="h4" aria-live="polite">
        {count.data
          ? `${formatCount(count.data.count)} ${count.data.count === 1 ? "row" : "rows"} found`
          : "Results"}
      </h1>
      {count.isPending && !isStopped && <Loading what="Counting" />}
      {count.error && (
        <Failed
          what="The rows could not be counted"
          error={count.error}
          onRetry={() => void count.refetch()}
        />
      )}
    </>
  );
}

function SelectionBar({ selection }: { selection: Selection }) {
  if (selection.dids.size === 0) return null;
  return (
    <div className="d-flex flex-wrap align-items-center gap-2 mb-2 small" role="status">
      <span>
        {formatCount(selection.dids.size)} data set{selection.dids.size === 1 ? "" : "s"} selected,
        in all views.
        {selection.isLarge && " So many do not fit into a link: the address bar is without them."}
      </span>
      <button
        type="button"
        className="btn btn-sm btn-outline-secondary py-0"
        onClick={selection.clear}
      >
        Clear
      </button>
    </div>
  );
}

function ScaleSwitch({
  scale,
  onChange,
}: {
  scale: TimeScale;
  onChange: (scale: TimeScale) => void;
}) {
  return (
    <fieldset className="d-flex align-items-center gap-2 small mb-0">
      <legend className="visually-hidden">Scale of times</legend>
      <span aria-hidden="true">Times in</span>
      {(["TT", "UTC"] as const).map((one) => (
        <label key={one} className="form-check form-check-inline m-0">
          <input
            type="radio"
            name="results-scale"
            className="form-check-input"
            checked={scale === one}
            onChange={() => onChange(one)}
          />
          <span className="form-check-label">{one}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** TT or UTC: as it was chosen here, else as times were typed in the form. */
function useScale(view: View): TimeScale {
  const [params] = useSearchParams();
  return view.times ?? scaleOf(params.get("scale")) ?? "UTC";
}

/** All that is asked about one question. */
function useFound(view: View, change: Change) {
  const capabilities = useCapabilities(view.service, view.search?.table ?? null);
  const known = view.adql === null ? capabilities.data?.columns : undefined;
  const shown = view.columns ?? usualColumns(view, known);
  // Which columns to ask for is known only with the service's own; ADQL brings its own ones.
  const isReady = view.adql !== null || !capabilities.isPending;
  const count = useCount(view);
  const page = usePage(view, askedColumns(shown, known), isReady);
  const overview = useOverview(view);
  const asking = useStop(view, [count, page, overview]);
  const { isStopped } = asking;
  const selection = useSelection(view, change);
  const total = count.data?.count ?? overview.data?.total ?? null;
  const features = capabilities.data?.features ?? [];
  const fields = view.adql === null ? (capabilities.data?.fields ?? []) : [];
  return {
    fields,
    known,
    shown,
    count,
    page,
    overview,
    asking,
    isStopped,
    selection,
    total,
    features,
  };
}

interface Parts {
  table: () => React.ReactNode;
  links: () => React.ReactNode;
  views: Parameters<typeof overviewTabs>[0];
  isOpen: boolean;
  tab: string;
  onTab: (tab: string) => void;
}

/** Everything at once where there is room, one after the other on a phone. */
function Arrangement({ table, links, views, isOpen, tab, onTab }: Parts) {
  if (useIsWide())
    return (
      <>
        <WideViews {...views} tab={tab} onTab={onTab} />
        <div className="row g-3">
          <div className={isOpen ? "col-8" : "col-12"}>{table()}</div>
          {isOpen && <div className="col-4">{links()}</div>}
        </div>
      </>
    );
  return (
    <Tabs
      label="Views of the results"
      chosen={tab}
      onChoose={onTab}
      tabs={[
        { key: "table", label: "Table", content: table },
        ...overviewTabs(views),
        { key: "links", label: "Links", content: links },
      ]}
    />
  );
}

/** What has to be said before any row is looked at. */
function Head({ found }: { found: ReturnType<typeof useFound> }) {
  return (
    <>
      <Count count={found.count} isStopped={found.isStopped} />
      <Waiting asking={found.asking} />
      {found.page.data?.overflow && (
        <Warning>
          <strong>The service cut its answer short:</strong> this page has fewer rows than were
          asked for. What is missing is not shown; ask for smaller pages, or narrow the search.
        </Warning>
      )}
    </>
  );
}

/** Everything about one question; a new question starts anew. */
function Found({
  view,
  change,
  config,
}: {
  view: View;
  change: Change;
  config: Schemas["Config"];
}) {
  const found = useFound(view, change);
  const { selection, page, overview, total } = found;
  const scale = useScale(view);
  const isWide = useIsWide();
  const tab = view.tab ?? (view.open === null ? "table" : "links");
  // Where the links have no room beside the rest, they are a tab themselves.
  const show = (did: string | null) => change({ open: did, tab: isWide ? view.tab : null }, "step");
  const open = (did: string) => show(did === view.open ? null : did);
  const rest = { view, change, scale, selection, onOpen: open };
  const table = () => <TablePanel {...found} {...rest} />;
  const links = () =>
    view.open === null ? (
      <p>Open the links of a data set in the table.</p>
    ) : (
      <LinksPanel
        key={view.open}
        service={view.service}
        did={view.open}
        onClose={() => show(null)}
      />
    );
  return (
    <>
      <Head found={found} />
      <Actions
        {...{ view, config, total }}
        columns={found.shown}
        page={page.data}
        overview={overview.data}
        selected={selection.dids}
      />
      <ScaleSwitch scale={scale} onChange={(times) => change({ times })} />
      <SelectionBar selection={selection} />
      <Arrangement
        views={{
          overview,
          isStopped: found.isStopped,
          fields: found.fields,
          surveys: config.surveys,
          scale,
          selection,
          onOpen: open,
          map: { map: view.map, sky: view.sky, moc: view.moc },
          onMap: change,
        }}
        {...{ table, links, tab }}
        isOpen={view.open !== null}
        onTab={(next) => change({ tab: next })}
      />
    </>
  );
}

export default function ResultsPage() {
  const config = useConfig();
  const { view, damage, change } = useAddress(config.data?.default_service);
  if (config.isPending) return <Loading what="Asking the server what there is" />;
  if (!config.data)
    return (
      <Failed
        what="The results cannot be shown"
        error={config.error}
        onRetry={() => void config.refetch()}
      />
    );
  if (damage !== null || view === null || !isAsked(view))
    return (
      <>
        <h1 className="h4">Results</h1>
        {damage === null ? <p>Nothing has been searched yet.</p> : <Warning>{damage}</Warning>}
        <Link className="btn btn-primary" to="/search">
          Go to the search
        </Link>
      </>
    );
  const question = JSON.stringify([view.service, view.search, view.adql]);
  return <Found key={question} view={view} change={change} config={config.data} />;
}
