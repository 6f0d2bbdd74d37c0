// One stored query, and what can be done to it.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import type { Schemas } from "../api/client";
import { useServiceLabels } from "../basket/items";
import { emptyView, viewToParams } from "../state/view";
import { type Action, useAction } from "./action";
import { pagePath } from "./addresses";
import { count, counted, when } from "./format";
import { ConfirmButton, CopyButton, Failure, Hidden, InlineEdit } from "./parts";
import { ShareBox } from "./share";
import {
  deleteQuery,
  QUERIES,
  renameQuery,
  rerunQuery,
  type StoredQuery,
  shareQuery,
  unshareQuery,
} from "./stored-queries";

const SMALL = "btn btn-sm btn-outline-secondary";

/** The page that shows a query's answer: as it was seen when it was stored, else its ADQL alone. */
export function resultsPath(query: StoredQuery): string {
  const view = pagePath(query.view);
  if (view !== null) return view;
  const written = { ...emptyView(query.service), adql: query.adql };
  const shown = query.search ? { ...written, adql: null, search: query.search } : written;
  return `/results?${viewToParams(shown)}`;
}

/** What people call a query: its name, or the beginning of its ADQL. */
export function queryName(query: StoredQuery): string {
  if (query.name) return query.name;
  const line = query.adql.replace(/\s+/g, " ").trim();
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`;
}

/** What a second run of a query showed, in words. */
export function comparison(run: Schemas["Rerun"]): string {
  const now = counted(run.count, "row");
  const release = run.query.release;
  const sameRelease =
    release === null || run.release_before === null
      ? ""
      : release === run.release_before
        ? ` The release is the same (${release}).`
        : ` The release was ${run.release_before} then and is ${release} now.`;
  if (run.before === null)
    return `It finds ${now} now; how many there were before is not known.${sameRelease}`;
  const more = run.count - run.before;
  if (more === 0 && run.changed)
    return `It finds ${now} now, as many as before.${sameRelease} The answer may still differ.`;
  if (more === 0) return `It finds ${now} now, as many as before.${sameRelease}`;
  const change = more > 0 ? `${count(more)} more` : `${count(-more)} fewer`;
  return `It finds ${now} now, ${change} than before (${count(run.before)}).${sameRelease}`;
}

function useChanges(query: StoredQuery, action: Action) {
  const queries = useQueryClient();
  const keep = (changed: StoredQuery) =>
    queries.setQueryData<StoredQuery[]>(QUERIES, (list) =>
      list?.map((one) => (one.id === changed.id ? changed : one)),
    );
  return {
    keep,
    rename: (name: string) => action.run(async () => keep(await renameQuery(query.id, name))),
    remove: () =>
      action.run(async () => {
        await deleteQuery(query.id);
        queries.setQueryData<StoredQuery[]>(QUERIES, (list) =>
          list?.filter((one) => one.id !== query.id),
        );
      }),
    share: async () => {
      const answer = await shareQuery(query.id);
      keep({ ...query, shared: answer.token });
      return answer;
    },
    stop: async () => {
      await unshareQuery(query.id);
      keep({ ...query, shared: null });
    },
  };
}

function useRerun(query: StoredQuery, action: Action, keep: (changed: StoredQuery) => void) {
  const [said, setSaid] = useState<string | null>(null);
  const run = () =>
    action.run(async () => {
      setSaid(null);
      const answer = await rerunQuery(query.id);
      keep(answer.query);
      setSaid(comparison(answer));
    });
  return { said, run };
}

/** What is known about a query, without what can be done to it. */
export function QueryFacts(props: { query: StoredQuery }) {
  const { query } = props;
  const label = useServiceLabels();
  const facts: [string, string][] = [
    ["Service", label(query.service)],
    ["Rows", query.count === null || query.count === undefined ? "unknown" : count(query.count)],
    ["Stored", when(query.made)],
    ["Last run", query.last_run ? when(query.last_run) : "not since"],
    ["Release", query.release ?? "unknown"],
  ];
  return (
    <dl className="d-flex flex-wrap column-gap-4 small mb-2">
      {facts.map(([name, value]) => (
        <div key={name} className="d-flex gap-1">
          <dt className="fw-normal text-body-secondary">{name}</dt>
          <dd className="mb-0">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A query's ADQL, to read and copy. */
export function AdqlBox(props: { query: StoredQuery; open?: boolean }) {
  return (
    <details className="my-2" open={props.open}>
      <summary>ADQL</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard */}
      <pre className="border rounded bg-body-tertiary p-2 small script-text" tabIndex={0}>
        {props.query.adql}
      </pre>
      <CopyButton text={props.query.adql} label="Copy the ADQL" />
    </details>
  );
}

export function QueryCard(props: { query: StoredQuery }) {
  const { query } = props;
  const action = useAction();
  const [editing, setEditing] = useState(false);
  const changes = useChanges(query, action);
  const rerun = useRerun(query, action, changes.keep);
  const name = queryName(query);
  const of = <Hidden>{name}</Hidden>;
  return (
    <li className="list-group-item py-3">
      {!editing && <h2 className="h6 text-break mb-1">{name}</h2>}
      <InlineEdit
        value={query.name ?? ""}
        label="Name of the query"
        longest={200}
        required
        open={editing}
        busy={action.busy}
        onClose={() => setEditing(false)}
        onSave={async (text) => (await changes.rename(text)) && setEditing(false)}
      />
      <QueryFacts query={query} />
      <Failure error={action.error} dismiss={action.clear} />
      <div role="status">
        {rerun.said && <div className="alert alert-info py-2">{rerun.said}</div>}
      </div>
      <div className="d-flex flex-wrap gap-2 align-items-start">
        <Link className="btn btn-sm btn-primary" to={resultsPath(query)}>
          Open in Results{of}
        </Link>
        <button type="button" className={SMALL} disabled={action.busy} onClick={rerun.run}>
          {action.busy ? "Working …" : "Run again and compare"}
          {of}
        </button>
        <button type="button" className={SMALL} onClick={() => setEditing(true)}>
          Rename{of}
        </button>
        <ConfirmButton
          label="Delete"
          of={name}
          question={`Delete “${name}”?${query.shared ? " Its shared link stops working, too." : ""}`}
          confirm="Delete the query"
          busy={action.busy}
          onConfirm={changes.remove}
        />
      </div>
      <AdqlBox query={query} />
      <ShareBox
        kind="queries"
        name={name}
        token={query.shared}
        share={changes.share}
        stop={changes.stop}
      />
    </li>
  );
}
