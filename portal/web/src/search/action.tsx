// How many rows there are, what stands in the way, and the button that searches.
import type { UseQueryResult } from "@tanstack/react-query";
import type { RefObject } from "react";
import type { Schemas } from "../api/client";
import { explain } from "../shell/status";
import type { Problem } from "./build";
import { bare, type Ignored, partName } from "./impossible";

interface ActionProps {
  capabilities: Schemas["Capabilities"] | undefined;
  counted: UseQueryResult<Schemas["Counted"]>;
  /** Whether the figure belongs to what is typed now. */
  isCurrent: boolean;
  /** Whether there is something to count. */
  canCount: boolean;
  problems: Problem[];
  impossible: Ignored[];
  /** Whether people pressed Search in vain. */
  refused: boolean;
  busy: boolean;
  onClear: () => void;
  box: RefObject<HTMLDivElement | null>;
}

function Count({ counted, isCurrent, canCount }: ActionProps) {
  if (!canCount) return <>No count yet</>;
  if (!isCurrent || counted.isFetching)
    return (
      <>
        <span className="spinner-border spinner-border-sm me-1" aria-hidden="true" />
        counting&#8230;
      </>
    );
  if (counted.error)
    return (
      <span className="text-danger">
        Not counted: {explain(counted.error)}{" "}
        <button
          type="button"
          className="btn btn-sm btn-link p-0 align-baseline"
          onClick={() => void counted.refetch()}
        >
          Try again
        </button>
      </span>
    );
  if (!counted.data) return null;
  const { count } = counted.data;
  return (
    <>
      <strong>{count.toLocaleString("en")}</strong> {count === 1 ? "data set" : "data sets"}
    </>
  );
}

function Obstacles({ capabilities, problems, impossible, refused }: ActionProps) {
  if (impossible.length === 0 && problems.length === 0) return null;
  return (
    <>
      {impossible.length > 0 && capabilities && (
        <>
          <p className="mb-0">
            <strong>This service cannot answer the whole search.</strong> Take these parts out, or
            choose another table or service:
          </p>
          <ul className="mb-1">
            {impossible.map(({ part, reason }) => (
              <li key={part + reason}>
                {partName(part, capabilities)}: {bare(reason, partName(part, capabilities))}
              </li>
            ))}
          </ul>
        </>
      )}
      {problems.length > 0 && (
        <ul className="mb-1 list-unstyled">
          {problems.map(({ at, message }) => (
            <li key={at + message}>{message}</li>
          ))}
        </ul>
      )}
      {refused && <p className="mb-0">Nothing has been searched.</p>}
    </>
  );
}

export function Action(props: ActionProps) {
  const { problems, impossible, refused, busy, onClear, box } = props;
  const hindered = problems.some(({ pending }) => !pending) || impossible.length > 0;
  return (
    <div className="card shadow-sm">
      <div className="card-body py-2">
        <div
          ref={box}
          tabIndex={-1}
          role={refused ? "alert" : undefined}
          className={hindered ? "alert alert-warning small py-2 px-2 mb-2 obstacles" : "small"}
        >
          <Obstacles {...props} />
        </div>
        <div className="d-flex align-items-center gap-2">
          <div role="status" className="me-auto">
            <Count {...props} />
          </div>
          <button
            type="button"
            className="btn btn-sm btn-outline-secondary text-nowrap"
            onClick={onClear}
          >
            Clear all
          </button>
          <button type="submit" form="search-form" className="btn btn-primary" disabled={busy}>
            {busy ? "Looking up\u2026" : "Search"}
          </button>
        </div>
      </div>
    </div>
  );
}
