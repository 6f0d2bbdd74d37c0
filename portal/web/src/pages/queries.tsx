import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import "../account/account.css";
import { counted } from "../account/format";
import { ForUsers } from "../account/login";
import { Empty, Failure, Loading, PageFrame } from "../account/parts";
import { QueryCard, queryName } from "../account/query-card";
import { listQueries, QUERIES, type StoredQuery } from "../account/stored-queries";
import { ROOT } from "../api/client";

const PAGE = 25;
const FEW = 5;

/** Queries in whose name or ADQL all words stand. */
export function matching(queries: StoredQuery[], words: string): StoredQuery[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return queries.filter((query) => {
    const text = `${queryName(query)} ${query.adql}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

function Stored(props: { queries: StoredQuery[] }) {
  const [words, setWords] = useState("");
  const [most, setMost] = useState(PAGE);
  const found = matching(props.queries, words).toSorted(
    (a, b) => Date.parse(b.last_run ?? b.made) - Date.parse(a.last_run ?? a.made),
  );
  return (
    <>
      <div className="d-flex flex-wrap gap-2 mb-3 align-items-center">
        {props.queries.length > FEW && (
          <input
            type="search"
            className="form-control form-control-sm w-auto flex-grow-1"
            aria-label="Find among your queries"
            placeholder="Find by name or ADQL"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
        )}
        <span className="me-auto small" role="status">
          {found.length === props.queries.length
            ? counted(found.length, "query", "queries")
            : `${counted(found.length, "query", "queries")} of ${props.queries.length}`}
        </span>
        <a className="btn btn-sm btn-outline-primary" href={`${ROOT}/api/queries/export`} download>
          Export all
        </a>
      </div>
      <ul className="list-group">
        {found.slice(0, most).map((query) => (
          <QueryCard key={query.id} query={query} />
        ))}
      </ul>
      {found.length > most && (
        <button
          type="button"
          className="btn btn-outline-secondary mt-3"
          onClick={() => setMost(most + PAGE)}
        >
          Show more
        </button>
      )}
    </>
  );
}

function Queries() {
  const queries = useQuery({
    queryKey: QUERIES,
    queryFn: ({ signal }) => listQueries(signal),
    // A search on another page may have stored one.
    refetchOnMount: "always",
  });
  if (queries.isPending) return <Loading what="your queries" />;
  const failure = <Failure error={queries.error} retry={() => queries.refetch()} />;
  if (!queries.data) return failure;
  if (queries.data.length === 0)
    return (
      <Empty title="You have stored no queries yet.">
        <Link to="/search">Search for data</Link>: what you search for while you are logged in can
        be kept here, with how many rows it gave.
      </Empty>
    );
  return (
    <>
      {failure}
      <Stored queries={queries.data} />
    </>
  );
}

export default function QueriesPage() {
  return (
    <PageFrame title="Query Store">
      <ForUsers what="The query store keeps your queries, runs them again and tells what has changed. Log in to use it.">
        {() => <Queries />}
      </ForUsers>
    </PageFrame>
  );
}
