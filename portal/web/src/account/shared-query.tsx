// A query that somebody shares: to read, to open, and to keep.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { useMe } from "../api/queries";
import "./account.css";
import { useAction } from "./action";
import { LoginLink } from "./login";
import { Failure, Loading, PageFrame } from "./parts";
import { AdqlBox, QueryFacts, queryName, resultsPath } from "./query-card";
import { getSharedQuery, QUERIES, type StoredQuery, storeQuery } from "./stored-queries";

function Keep(props: { query: StoredQuery }) {
  const user = useMe().data?.user ?? null;
  const queries = useQueryClient();
  const action = useAction();
  const [isKept, setKept] = useState(false);
  const { service, name, adql, search, view, count } = props.query;
  const keep = async () => {
    const body = {
      service,
      adql,
      name: name ?? null,
      search: search ?? null,
      view: view ?? null,
      count: count ?? null,
    };
    const done = await action.run(() => storeQuery(body));
    if (!done) return;
    setKept(true);
    void queries.invalidateQueries({ queryKey: QUERIES });
  };
  if (user === null)
    return (
      <div className="mt-3">
        Log in to keep it in your own query store.
        <div>
          <LoginLink />
        </div>
      </div>
    );
  return (
    <div className="mt-3">
      <Failure error={action.error} doing="Keep" dismiss={action.clear} />
      <button
        type="button"
        className="btn btn-sm btn-outline-primary"
        disabled={action.busy || isKept}
        onClick={keep}
      >
        Keep it in my query store
      </button>
      <span role="status" className="ms-2">
        {isKept && (
          <>
            Done. <Link to="/queries">Go to your queries</Link>
          </>
        )}
      </span>
    </div>
  );
}

export default function SharedQueryPage() {
  const { token = "" } = useParams();
  const shared = useQuery({
    queryKey: ["shared-query", token],
    queryFn: ({ signal }) => getSharedQuery(token, signal),
  });
  if (shared.isPending)
    return (
      <PageFrame title="Shared query">
        <Loading what="the query" />
      </PageFrame>
    );
  if (shared.error)
    return (
      <PageFrame title="Shared query">
        <Failure error={shared.error} retry={() => shared.refetch()} />
        <p>
          Whoever shared it may have stopped that. <Link to="/search">Search for data</Link>
        </p>
      </PageFrame>
    );
  return (
    <PageFrame
      title={queryName(shared.data)}
      lead="A query that somebody shares with you: its rows are asked for anew when you open it."
    >
      <QueryFacts query={shared.data} />
      <Link className="btn btn-primary" to={resultsPath(shared.data)}>
        Open in Results
      </Link>
      <AdqlBox query={shared.data} open />
      <Keep query={shared.data} />
    </PageFrame>
  );
}
