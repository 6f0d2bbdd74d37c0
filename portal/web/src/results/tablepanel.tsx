// The table with what belongs to it: column choice, pages, faults.
import type { Schemas } from "../api/client";
import { Failed, Loading } from "../shell/status";
import type { View } from "../state/view";
import { ColumnChoice } from "./choice";
import { KEY } from "./columns";
import type { TimeScale } from "./format";
import { Warning } from "./notice";
import { Pager } from "./pager";
import type { usePage } from "./questions";
import type { Selection } from "./selection";
import { ResultsTable } from "./table";

type Feature = Schemas["Feature"];

interface Props {
  view: View;
  change: (patch: Partial<View>, step?: "step" | "replace") => void;
  page: ReturnType<typeof usePage>;
  total: number | null;
  known: Schemas["ColumnInfo"][] | undefined;
  shown: string[] | null;
  scale: TimeScale;
  selection: Selection;
  features: Feature[];
  /** Whether people have stopped asking. */
  isStopped: boolean;
  onOpen: (did: string) => void;
}

/** Why the service cannot give pages after the first one; null where it can. */
export function pagingReason(features: readonly Feature[]): string | null {
  const offset = features.find(({ key }) => key === "offset");
  if (!offset || offset.state.available) return null;
  return offset.state.reason ?? "the service cannot skip rows.";
}

function Rows(props: Props) {
  const { view, change, page, shown, scale, selection, onOpen } = props;
  const rows = page.data;
  if (!rows)
    return page.isPending && !props.isStopped ? <Loading what="Asking for the first rows" /> : null;
  if (rows.rows.length === 0)
    return view.offset > 0 ? (
      <p>
        The answer has no rows this far down.{" "}
        <button
          type="button"
          className="btn btn-sm btn-outline-secondary"
          onClick={() => change({ offset: 0 }, "step")}
        >
          To the first page
        </button>
      </p>
    ) : (
      <p>Nothing was found. Change the search: a larger radius, a longer time, fewer conditions.</p>
    );
  return (
    <>
      {rows.key_column === null && (
        <Warning>
          The answer has no column {KEY}, so its rows cannot be told apart: they cannot be selected,
          and they have no links.
        </Warning>
      )}
      <ResultsTable
        page={rows}
        shown={shown}
        sort={view.sort}
        scale={scale}
        selection={selection}
        open={view.open}
        busy={page.isPlaceholderData}
        onSort={(sort) => change({ sort, offset: 0 }, "step")}
        onOpen={onOpen}
      />
    </>
  );
}

/** One page of the answer. */
export function TablePanel(props: Props) {
  const { view, change, page, total, known, shown, features } = props;
  const reason = pagingReason(features);
  const columns = known ?? [];
  const pager = page.data && (
    <Pager
      offset={page.data.offset}
      limit={view.limit}
      shown={page.data.rows.length}
      total={total}
      reason={reason}
      onMove={(offset, limit) => change({ offset, limit }, "step")}
    />
  );
  return (
    <section aria-label="Table of results" aria-busy={page.isFetching}>
      <div className="d-flex flex-wrap align-items-center gap-3">
        {columns.length > 0 && (
          <ColumnChoice
            known={columns}
            shown={shown ?? columns.filter((one) => one.principal).map(({ name }) => name)}
            isUsual={view.columns === null}
            onChoose={(chosen) => change({ columns: chosen })}
          />
        )}
        {pager}
        {page.isFetching && page.data && (
          <span role="status" className="small text-body-secondary">
            Asking for rows
          </span>
        )}
      </div>
      {page.error && (
        <Failed
          what="The rows could not be had"
          error={page.error}
          onRetry={() => void page.refetch()}
        />
      )}
      <Rows {...props} />
      <p className="small text-body-secondary">
        Click a row to select it; with Ctrl it is added or taken away, with Shift all rows up to it
        are added. Shift on a column's head sorts by it as well.
      </p>
    </section>
  );
}
