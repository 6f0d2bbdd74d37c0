// What is in a basket, as a table: on a phone, service and identifier stand below the label.
import { useState } from "react";
import { bytes, count, counted, totalInWords } from "../account/format";
import { Hidden, InlineEdit } from "../account/parts";
import { useConfig } from "../api/queries";
import { type Item, itemKey, type Key } from "./stored";

const PAGE = 100;

interface Props {
  items: Item[];
  busy?: boolean;
  /** Without these two, the table can only be read. They give false if it did not work. */
  onRemove?: (items: Item[]) => Promise<unknown> | unknown;
  onNote?: (item: Item, note: string) => Promise<unknown> | unknown;
}

/** Service and identifier, as the API takes them. */
export function keysOf(items: Item[]): Key[] {
  return items.map((item) => [item.service, item.did]);
}

/** What people call a data set: its label, or the end of its identifier. */
export function itemName(item: Item): string {
  return item.label || (item.did.split(/[/?#]/).filter(Boolean).at(-1) ?? item.did);
}

/** Names of services for people, by their keys. */
export function useServiceLabels(): (key: string) => string {
  const services = useConfig().data?.services;
  return (key) => services?.find((service) => service.key === key)?.label ?? key;
}

function Row(props: {
  item: Item;
  chosen: boolean;
  service: string;
  table: Props;
  onChoose: (chosen: boolean) => void;
}) {
  const [editing, setEditing] = useState(false);
  const { item, table } = props;
  const name = itemName(item);
  const { onRemove, onNote } = table;
  return (
    <tr>
      {onRemove && (
        <td>
          <input
            type="checkbox"
            className="form-check-input"
            aria-label={`Choose ${name}`}
            checked={props.chosen}
            onChange={(event) => props.onChoose(event.target.checked)}
          />
        </td>
      )}
      <td>
        <span className="fw-semibold text-break">{name}</span>
        <div className="d-md-none small text-body-secondary">{props.service}</div>
        <code className="d-md-none small text-break">{item.did}</code>
        {item.note && !editing && <div className="small fst-italic text-break">{item.note}</div>}
        {onNote && (
          <InlineEdit
            value={item.note ?? ""}
            label={`Note on ${name}`}
            longest={2000}
            multiline
            open={editing}
            busy={table.busy ?? false}
            onClose={() => setEditing(false)}
            onSave={async (note) => {
              // What was written stays where it can be saved once more.
              if ((await onNote(item, note)) !== false) setEditing(false);
            }}
          />
        )}
      </td>
      <td className="d-none d-md-table-cell">{props.service}</td>
      <td className="d-none d-md-table-cell">
        <code className="small text-break">{item.did}</code>
      </td>
      <td className="text-end text-nowrap">{bytes(item.size)}</td>
      {(onRemove || onNote) && (
        <td className="text-end">
          <div className="d-flex flex-wrap flex-lg-nowrap gap-1 justify-content-end">
            {onNote && !editing && (
              <button
                type="button"
                className="btn btn-sm btn-outline-secondary"
                onClick={() => setEditing(true)}
              >
                Note<Hidden>on {name}</Hidden>
              </button>
            )}
            {onRemove && (
              <button
                type="button"
                className="btn btn-sm btn-outline-danger"
                disabled={table.busy}
                onClick={() => onRemove([item])}
              >
                Remove<Hidden>{name}</Hidden>
              </button>
            )}
          </div>
        </td>
      )}
    </tr>
  );
}

function Pager(props: { page: number; pages: number; onPage: (page: number) => void }) {
  if (props.pages < 2) return null;
  return (
    <nav className="d-flex gap-2 align-items-center mb-2" aria-label="Pages of the basket">
      <button
        type="button"
        className="btn btn-sm btn-outline-secondary"
        disabled={props.page === 0}
        onClick={() => props.onPage(props.page - 1)}
      >
        Back
      </button>
      <span aria-live="polite">
        Page {props.page + 1} of {props.pages}
      </span>
      <button
        type="button"
        className="btn btn-sm btn-outline-secondary"
        disabled={props.page >= props.pages - 1}
        onClick={() => props.onPage(props.page + 1)}
      >
        On
      </button>
    </nav>
  );
}

export function ItemsTable(props: Props) {
  const label = useServiceLabels();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [wanted, setPage] = useState(0);
  const { items, onRemove } = props;
  const pages = Math.max(1, Math.ceil(items.length / PAGE));
  const page = Math.min(wanted, pages - 1);
  const shown = items.slice(page * PAGE, (page + 1) * PAGE);
  const selection = items.filter((item) => chosen.has(itemKey(item)));
  const choose = (which: Item[], on: boolean) => {
    const next = new Set(chosen);
    for (const item of which) on ? next.add(itemKey(item)) : next.delete(itemKey(item));
    setChosen(next);
  };
  return (
    <div>
      <p className="mb-2">
        {counted(items.length, "data set")}, {totalInWords(items)}
      </p>
      {onRemove && selection.length > 0 && (
        <button
          type="button"
          className="btn btn-sm btn-outline-danger mb-2"
          disabled={props.busy}
          onClick={async () => {
            if ((await onRemove(selection)) !== false) setChosen(new Set());
          }}
        >
          Remove the {count(selection.length)} chosen
        </button>
      )}
      <Pager page={page} pages={pages} onPage={setPage} />
      <div className="table-responsive">
        <table className="table table-sm align-middle">
          <caption className="visually-hidden">Data sets in the basket</caption>
          <thead>
            <tr>
              {onRemove && (
                <th scope="col">
                  <input
                    type="checkbox"
                    className="form-check-input"
                    aria-label="Choose all data sets"
                    checked={selection.length === items.length && items.length > 0}
                    onChange={(event) => choose(items, event.target.checked)}
                  />
                </th>
              )}
              <th scope="col">Data set</th>
              <th scope="col" className="d-none d-md-table-cell">
                Service
              </th>
              <th scope="col" className="d-none d-md-table-cell">
                Identifier
              </th>
              <th scope="col" className="text-end">
                Size
              </th>
              {(onRemove || props.onNote) && (
                <th scope="col" className="text-end">
                  Actions
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {shown.map((item) => (
              <Row
                key={itemKey(item)}
                item={item}
                chosen={chosen.has(itemKey(item))}
                service={label(item.service)}
                table={props}
                onChoose={(on) => choose([item], on)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
