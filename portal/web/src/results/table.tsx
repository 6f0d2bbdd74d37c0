// One page of the answer as a table whose rows can be selected.
import { type MouseEvent, memo, useEffect, useMemo, useRef, useState } from "react";
import type { Schemas } from "../api/client";
import type { SortKey } from "../state/view";
import { FORMAT, isOfLinks, isShown, SIZE } from "./columns";
import { type Cell, formatCell, formatTime, isRight, kindOf, type TimeScale } from "./format";
import { Heading } from "./heading";
import { between, modeOf, type Selection } from "./selection";

type Column = Schemas["ColumnInfo"];
type Page = Schemas["Page"];

/** The key of each row of a page; null where the answer has none. */
export function keysOf(page: Page): string[] | null {
  const at = page.columns.findIndex((column) => column.name === page.key_column);
  return at < 0 ? null : page.rows.map((row) => String(row[at]));
}

function isWeb(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** Whether an address is one of this server: the page may show no pictures from elsewhere. */
function isHere(url: string): boolean {
  return URL.canParse(url) && new URL(url).origin === window.location.origin;
}

/** A small preview, fetched once it comes into sight; a word where it cannot be shown. */
function Preview({ url }: { url: string }) {
  const [failed, setFailed] = useState(false);
  return (
    <a href={url} target="_blank" rel="noreferrer" title={url}>
      {failed || !isHere(url) ? (
        "picture"
      ) : (
        <img
          src={url}
          alt="Preview"
          loading="lazy"
          className="results-preview"
          onError={() => setFailed(true)}
        />
      )}
    </a>
  );
}

const OF_LINKS =
  "access_url leads to a document of links, and this is its size. How large the data are, the links tell.";

interface ValueProps {
  cell: Cell;
  column: Column;
  scale: TimeScale;
  /** Whether the row's access_url leads to a document of links. */
  ofLinks: boolean;
}

const Value = memo(function Value({ cell, column, scale, ofLinks }: ValueProps) {
  if (cell === null) return <span className="text-body-secondary">{"\u2013"}</span>;
  const kind = kindOf(column);
  if (kind === "url" && typeof cell === "string" && isWeb(cell))
    return column.name === "preview" ? (
      <Preview url={cell} />
    ) : (
      <a href={cell} target="_blank" rel="noreferrer" title={cell}>
        open
      </a>
    );
  const text = formatCell(cell, column, (mjd) => formatTime(mjd, scale));
  if (ofLinks && column.name === SIZE)
    return (
      <span className="text-body-secondary" title={OF_LINKS}>
        links document, {text}
      </span>
    );
  const precise = kind === "time" && typeof cell === "number";
  const title = precise ? `${formatTime(cell, scale, true)} ${scale}, MJD ${cell} TT` : text;
  return <span title={title}>{text}</span>;
});

interface RowProps {
  row: Cell[];
  columns: { column: Column; at: number }[];
  name: string | null;
  label: string;
  isSelected: boolean;
  isOpen: boolean;
  ofLinks: boolean;
  scale: TimeScale;
  onPick: (key: string, event: MouseEvent, ofBox: boolean) => void;
  onOpen: (key: string) => void;
}

const Row = memo(function Row(props: RowProps) {
  const { row, columns, name, label, isSelected, isOpen, ofLinks, scale, onPick, onOpen } = props;
  const pick = (event: MouseEvent) => {
    if (name === null || (event.target as Element).closest("a, button, input, label")) return;
    onPick(name, event, false);
  };
  return (
    // The keyboard has the row's checkbox for the same.
    <tr className={isSelected ? "table-warning" : isOpen ? "table-info" : ""} onClick={pick}>
      {name !== null && (
        <td className="text-nowrap">
          <input
            type="checkbox"
            className="form-check-input me-2"
            aria-label={`Select ${label}`}
            checked={isSelected}
            onChange={() => undefined}
            onClick={(event) => onPick(name, event, true)}
          />
          <button
            type="button"
            className="btn btn-sm btn-outline-primary py-0"
            aria-label={`Links of ${label}`}
            aria-pressed={isOpen}
            onClick={() => onOpen(name)}
          >
            Links
          </button>
        </td>
      )}
      {columns.map(({ column, at }) => (
        <td key={column.name} className={`results-cell ${isRight(column) ? "text-end" : ""}`}>
          <Value cell={row[at] ?? null} column={column} scale={scale} ofLinks={ofLinks} />
        </td>
      ))}
    </tr>
  );
});

function PageBox({ keys, selection }: { keys: string[]; selection: Selection }) {
  const box = useRef<HTMLInputElement>(null);
  const chosen = keys.filter((name) => selection.dids.has(name)).length;
  const all = keys.length > 0 && chosen === keys.length;
  useEffect(() => {
    if (box.current) box.current.indeterminate = chosen > 0 && !all;
  }, [chosen, all]);
  return (
    <input
      ref={box}
      type="checkbox"
      className="form-check-input"
      aria-label="Select all rows of this page"
      checked={all}
      onChange={() => selection.point(keys, all ? "toggle" : "add")}
    />
  );
}

/** The name of a row for people who cannot see the others of its cells. */
function labelOf(row: Cell[], columns: Column[], fallback: string): string {
  const cell = (name: string) => row[columns.findIndex((column) => column.name === name)];
  const words = ["dataproduct_type", "obs_id", "target_name"].map(cell).filter(Boolean);
  return words.length > 0 ? words.join(" ") : fallback;
}

interface Props {
  page: Page;
  shown: string[] | null;
  sort: SortKey[];
  scale: TimeScale;
  selection: Selection;
  open: string | null;
  busy: boolean;
  onSort: (keys: SortKey[]) => void;
  onOpen: (did: string) => void;
}

/** What rows call. They are drawn anew only if they change, so these have to stay the same functions. */
function useRowActions(keys: string[] | null, selection: Selection, onOpen: Props["onOpen"]) {
  const anchor = useRef<string | null>(null);
  const latest = useRef({ keys, selection, onOpen });
  latest.current = { keys, selection, onOpen };
  const [actions] = useState(() => ({
    open: (name: string) => latest.current.onOpen(name),
    pick(name: string, event: MouseEvent, ofBox: boolean) {
      const now = latest.current;
      const from = anchor.current;
      if (event.shiftKey && from !== null) {
        window.getSelection()?.removeAllRanges();
        now.selection.point(between(now.keys ?? [], from, name), "add");
        return;
      }
      anchor.current = name;
      now.selection.point([name], ofBox ? "toggle" : modeOf(event));
    },
  }));
  return actions;
}

function Head({
  keys,
  columns,
  ...rest
}: { keys: string[] | null; columns: RowProps["columns"] } & Props) {
  return (
    <thead>
      <tr>
        {keys && (
          <th scope="col">
            <PageBox keys={keys} selection={rest.selection} />
          </th>
        )}
        {columns.map(({ column }) => (
          <Heading
            key={column.name}
            column={column}
            scale={rest.scale}
            sort={rest.sort}
            onSort={rest.onSort}
          />
        ))}
      </tr>
    </thead>
  );
}

/** Rows of a page. Columns that are there to understand others are shown only where they were chosen. */
export function ResultsTable(props: Props) {
  const { page, shown, scale, selection, open, busy, onOpen } = props;
  const keys = useMemo(() => keysOf(page), [page]);
  const columns = useMemo(() => {
    const all = page.columns.map((column, at) => ({ column, at }));
    return all.filter(({ column }) => isShown(column.name, shown));
  }, [page, shown]);
  const format = page.columns.findIndex((column) => column.name === FORMAT);
  const actions = useRowActions(keys, selection, onOpen);
  return (
    <div className="table-responsive results-table">
      <table className="table table-sm table-hover align-middle" aria-busy={busy}>
        <caption className="visually-hidden">Data sets found, one row for each</caption>
        <Head {...props} keys={keys} columns={columns} />
        <tbody>
          {page.rows.map((row, index) => {
            const name = keys?.[index] ?? null;
            return (
              <Row
                key={name === null ? index : `${name}#${index}`}
                row={row}
                columns={columns}
                name={name}
                label={labelOf(row, page.columns, name ?? `row ${page.offset + index + 1}`)}
                isSelected={name !== null && selection.dids.has(name)}
                isOpen={name !== null && name === open}
                ofLinks={isOfLinks(row[format])}
                scale={scale}
                onPick={actions.pick}
                onOpen={actions.open}
              />
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
