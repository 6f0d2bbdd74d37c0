// What was found: count, views, table and links, all as the address bar has it.
import { useState } from "react";
import { Link } from "react-router";
import type { Schemas } from "../api/client";
import { useCapabilities, useConfig } from "../api/queries";
import { Actions } from "../results/actions";
import { useAddress } from "../results/address";
import { askedColumns, usualColumns } from "../results/columns";
import { formatCount, type TimeScale } from "../results/format";
import { LinksPanel } from "../results/links";
import { useIsWide } from "../results/media";
import { Warning } from "../results/notice";
import { useCount, useOverview, usePage } from "../results/questions";
import { type Selection, useSelection } from "../results/selection";
import { TablePanel } from "../results/tablepanel";
import { Tabs } from "../results/tabs";
import { overviewTabs, Truncated, WideViews } from "../results/views";
import { Failed, Loading } from "../shell/status";
import { isAsked, type View } from "../state/view";
import "../results/results.css";

type Change = ReturnType<typeof useAddress>["change"];

function Count({ count }: { count: ReturnType<typeof useCount> }) {
  return (
    <>
      <h1 className="h4" aria-live="polite">
        {count.data
          ? `${formatCount(count.data.count)} ${count.data.count === 1 ? "row" : "rows"} found`
          : "Results"}
      </h1>
      {count.isPending && <Loading what="Counting" />}
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
  const capabilities = useCapabilities(view.service, view.search?.table ?? null);
  const known = view.adql === null ? capabilities.data?.columns : undefined;
  const shown = view.columns ?? usualColumns(view, known);
  // Which columns to ask for is known only with the service's own; ADQL brings its own ones.
  const isReady = view.adql !== null || !capabilities.isPending;
  const count = useCount(view);
  const page = usePage(view, askedColumns(shown, known), isReady);
  const overview = useOverview(view);
  const selection = useSelection(view, change);
  const [scale, setScale] = useState<TimeScale>("TT");
  const [tab, setTab] = useState("table");
  const isWide = useIsWide();
  const open = (did: string) => {
    change({ open: did === view.open ? null : did }, "step");
    setTab("links");
  };
  const close = () => {
    change({ open: null });
    setTab("table");
  };
  const total = count.data?.count ?? overview.data?.total ?? null;
  const table = () => (
    <TablePanel
      view={view}
      change={change}
      page={page}
      total={total}
      known={known}
      shown={shown}
      scale={scale}
      selection={selection}
      features={capabilities.data?.features ?? []}
      onOpen={open}
    />
  );
  const links = () =>
    view.open === null ? (
      <p>Open the links of a data set in the table.</p>
    ) : (
      <LinksPanel key={view.open} service={view.service} did={view.open} onClose={close} />
    );
  const views = { overview, surveys: config.surveys, scale, selection, onOpen: open };
  return (
    <>
      <Count count={count} />
      {page.data?.overflow && (
        <Warning>
          <strong>The service cut its answer short:</strong> this page has fewer rows than were
          asked for. What is missing is not shown; ask for smaller pages, or narrow the search.
        </Warning>
      )}
      <Actions
        view={view}
        config={config}
        columns={shown}
        page={page.data}
        overview={overview.data}
        total={total}
        selected={selection.dids}
      />
      <div className="d-flex flex-wrap align-items-center gap-3">
        <ScaleSwitch scale={scale} onChange={setScale} />
      </div>
      <SelectionBar selection={selection} />
      {isWide ? (
        <>
          <WideViews {...views} />
          <div className="row g-3">
            <div className={view.open === null ? "col-12" : "col-8"}>{table()}</div>
            {view.open !== null && <div className="col-4">{links()}</div>}
          </div>
        </>
      ) : (
        <>
          <Truncated overview={overview.data} />
          <Tabs
            label="Views of the results"
            chosen={tab}
            onChoose={setTab}
            tabs={[
              { key: "table", label: "Table", content: table },
              ...overviewTabs(views),
              { key: "links", label: "Links", content: links },
            ]}
          />
        </>
      )}
    </>
  );
}

export default function ResultsPage() {
  const config = useConfig();
  const { view, damage, change } = useAddress(config.data?.default_service);
  if (config.isPending) return <Loading what="Asking the server what there is" />;
  if (config.error)
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
