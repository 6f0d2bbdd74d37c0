// What a page shows while it waits, and where something went wrong.
import type { ReactNode } from "react";
import { ApiError } from "../api/client";

/** A sign that something is on its way. */
export function Loading({ what = "Loading" }: { what?: string }) {
  return (
    <div className="d-flex align-items-center gap-2 my-3" role="status">
      <span className="spinner-border spinner-border-sm" aria-hidden="true" />
      <span>{what}&#8230;</span>
    </div>
  );
}

/** What went wrong, in words. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return error instanceof Error
    ? `The page has a fault: ${error.message}`
    : "The page has a fault.";
}

interface FailedProps {
  error: unknown;
  /** What did not work, such as "The list of services cannot be shown". */
  what?: string;
  onRetry?: () => void;
  children?: ReactNode;
}

/** A message about what went wrong, with a way to try again. */
export function Failed({ error, what, onRetry, children }: FailedProps) {
  return (
    <div className="alert alert-danger my-2" role="alert">
      {what && <strong>{what}. </strong>}
      {explain(error)}
      {children}
      {onRetry && (
        <button type="button" className="btn btn-sm btn-danger ms-2" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
