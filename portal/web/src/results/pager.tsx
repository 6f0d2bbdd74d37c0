// From page to page through the whole answer.
import { type FormEvent, useEffect, useState } from "react";
import { formatCount } from "./format";

const SIZES = [20, 50, 100, 200, 500];

interface Props {
  offset: number;
  limit: number;
  shown: number;
  /** Rows of the whole answer; null while it is being counted. */
  total: number | null;
  /** Why the service cannot give later pages; null if it can. */
  reason: string | null;
  onMove: (offset: number, limit: number) => void;
}

/** Buttons to the other pages, and which rows these are. */
export function Pager({ offset, limit, shown, total, reason, onMove }: Props) {
  const page = Math.floor(offset / limit) + 1;
  const pages = total === null ? null : Math.max(1, Math.ceil(total / limit));
  const [text, setText] = useState(String(page));
  useEffect(() => setText(String(page)), [page]);
  const go = (to: number) => onMove((to - 1) * limit, limit);
  const isLast = pages === null ? shown < limit : page >= pages;
  const jump = (event: FormEvent) => {
    event.preventDefault();
    const to = Number(text);
    if (!Number.isInteger(to) || to < 1) return setText(String(page));
    go(pages === null ? to : Math.min(to, pages));
  };
  const button = (label: string, sign: string, to: number, off: boolean) => (
    <button
      type="button"
      className="btn btn-outline-secondary"
      aria-label={label}
      disabled={off || (reason !== null && to > 1)}
      onClick={() => go(to)}
    >
      {sign}
    </button>
  );
  return (
    <nav aria-label="Pages of the table" className="d-flex flex-wrap align-items-center gap-2 my-2">
      <span aria-live="polite">
        {shown > 0
          ? `Rows ${formatCount(offset + 1)} to ${formatCount(offset + shown)}`
          : "No rows on this page"}
        {total !== null && ` of ${formatCount(total)}`}
      </span>
      <div className="btn-group btn-group-sm">
        {button("First page", "\u00ab", 1, page === 1)}
        {button("Page before", "\u2039", page - 1, page === 1)}
        {button("Next page", "\u203a", page + 1, isLast)}
        {pages !== null && button("Last page", "\u00bb", pages, isLast)}
      </div>
      <form className="d-flex align-items-center gap-1" onSubmit={jump}>
        <label className="d-flex align-items-center gap-1">
          Page
          <input
            className="form-control form-control-sm results-number"
            inputMode="numeric"
            value={text}
            disabled={reason !== null}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        {pages !== null && <span>of {formatCount(pages)}</span>}
      </form>
      <label className="d-flex align-items-center gap-1">
        Rows per page
        <select
          className="form-select form-select-sm w-auto"
          value={limit}
          onChange={(event) => {
            const size = Number(event.target.value);
            onMove(Math.floor(offset / size) * size, size);
          }}
        >
          {[...new Set([...SIZES, limit])]
            .sort((a, b) => a - b)
            .map((size) => (
              <option key={size}>{size}</option>
            ))}
        </select>
      </label>
      {reason !== null && (
        <span className="text-body-secondary">Only the first page: {reason}</span>
      )}
    </nav>
  );
}
