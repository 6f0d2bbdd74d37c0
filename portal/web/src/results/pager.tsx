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

function PageField({
  page,
  pages,
  isOff,
  onGo,
}: {
  page: number;
  pages: number | null;
  isOff: boolean;
  onGo: (page: number) => void;
}) {
  const [text, setText] = useState(String(page));
  useEffect(() => setText(String(page)), [page]);
  const jump = (event: FormEvent) => {
    event.preventDefault();
    const to = Number(text);
    if (!Number.isInteger(to) || to < 1) return setText(String(page));
    onGo(pages === null ? to : Math.min(to, pages));
  };
  return (
    <form className="d-flex align-items-center gap-1" onSubmit={jump}>
      <label className="d-flex align-items-center gap-1">
        Page
        <input
          className="form-control form-control-sm results-number"
          inputMode="numeric"
          value={text}
          disabled={isOff}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {pages !== null && <span>of {formatCount(pages)}</span>}
    </form>
  );
}

function SizeChoice({ limit, onChoose }: { limit: number; onChoose: (size: number) => void }) {
  const sizes = [...new Set([...SIZES, limit])].sort((a, b) => a - b);
  return (
    <label className="d-flex align-items-center gap-1">
      Rows per page
      <select
        className="form-select form-select-sm w-auto"
        value={limit}
        onChange={(event) => onChoose(Number(event.target.value))}
      >
        {sizes.map((size) => (
          <option key={size}>{size}</option>
        ))}
      </select>
    </label>
  );
}

/** Buttons to the other pages, and which rows these are. */
export function Pager({ offset, limit, shown, total, reason, onMove }: Props) {
  const page = Math.floor(offset / limit) + 1;
  const pages = total === null ? null : Math.max(1, Math.ceil(total / limit));
  const go = (to: number) => onMove((to - 1) * limit, limit);
  const isLast = pages === null ? shown < limit : page >= pages;
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
      <PageField page={page} pages={pages} isOff={reason !== null} onGo={go} />
      <SizeChoice
        limit={limit}
        onChoose={(size) => onMove(Math.floor(offset / size) * size, size)}
      />
      {reason !== null && (
        <span className="text-body-secondary">Only the first page: {reason}</span>
      )}
    </nav>
  );
}
