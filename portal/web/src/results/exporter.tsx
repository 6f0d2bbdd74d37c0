// Saves the answer as a file, and says how far it is.
import { useRef, useState } from "react";
import type { Schemas } from "../api/client";
import { ask, type View } from "../state/view";
import { FORMATS, type Format, save } from "./export";
import { formatCount, formatSize } from "./format";
import { Menu } from "./menu";

/** From so many rows on, people are told that it takes a while. */
const MANY_ROWS = 100_000;

type Said = { text: string; isFault: boolean } | null;

interface Props {
  view: View;
  /** The columns that are shown; null stands for all of the answer. */
  columns: string[] | null;
  total: number | null;
  most: number;
}

/** What is said before a large answer is saved. */
export function sizeWords(total: number | null, most: number): string {
  if (total === null) return "";
  if (total > most)
    return `The answer has ${formatCount(total)} rows, and a file takes ${formatCount(most)}. Only a VOTable can say that rows are missing; for all of them narrow the search, or ask the service itself, for instance with TOPCAT.`;
  return total >= MANY_ROWS ? `The file gets ${formatCount(total)} rows, which takes a while.` : "";
}

/** Saving one file at a time. */
function useSaving(view: View, most: number) {
  const [bytes, setBytes] = useState<number | null>(null);
  const [said, setSaid] = useState<Said>(null);
  const stop = useRef<AbortController | null>(null);
  const start = async (format: Format, columns: string[] | null) => {
    const control = new AbortController();
    stop.current = control;
    setBytes(0);
    setSaid(null);
    const body: Schemas["ExportRequest"] = { ...ask(view), format, sort: view.sort, columns };
    try {
      const saved = await save(view.service, body, setBytes, control.signal);
      if (saved === null) return;
      const cut = saved.isCut
        ? ` Rows are missing in it: it has the first ${formatCount(most)}.`
        : "";
      setSaid({ text: `Saved ${formatSize(saved.bytes)}.${cut}`, isFault: saved.isCut });
    } catch (error) {
      const isStopped = control.signal.aborted;
      const text = isStopped ? "Stopped; nothing was saved." : (error as Error).message;
      setSaid({ text, isFault: !isStopped });
    } finally {
      setBytes(null);
      stop.current = null;
    }
  };
  return { bytes, said, start, stop: () => stop.current?.abort() };
}

function Progress({ bytes, said, stop }: Omit<ReturnType<typeof useSaving>, "start">) {
  return (
    <>
      {bytes !== null && (
        <span role="status" className="small d-inline-flex align-items-center gap-2">
          Saving, {formatSize(bytes)} so far
          <button type="button" className="btn btn-sm btn-outline-danger py-0" onClick={stop}>
            Stop
          </button>
        </span>
      )}
      {said && (
        <span
          role={said.isFault ? "alert" : "status"}
          className={`small ${said.isFault ? "text-danger" : ""}`}
        >
          {said.text}
        </span>
      )}
    </>
  );
}

/** A menu of formats. */
export function Exporter({ view, columns, total, most }: Props) {
  const [all, setAll] = useState(false);
  const saving = useSaving(view, most);
  const warning = sizeWords(total, most);
  const isTooLarge = total !== null && total > most;
  return (
    <>
      <Menu label="Save as file">
        <li className="px-3 small">
          <label className="form-check">
            <input
              type="checkbox"
              className="form-check-input"
              checked={all || columns === null}
              disabled={columns === null}
              onChange={(event) => setAll(event.target.checked)}
            />
            <span className="form-check-label">All columns, not only those shown</span>
          </label>
          {warning && <p className="mb-1 results-fault">{warning}</p>}
        </li>
        {FORMATS.map(({ key, label }) => (
          <li key={key}>
            <button
              type="button"
              className="dropdown-item"
              disabled={saving.bytes !== null || (isTooLarge && key !== "votable")}
              onClick={() => saving.start(key, all ? null : columns)}
            >
              {label}
            </button>
          </li>
        ))}
      </Menu>
      <Progress bytes={saving.bytes} said={saving.said} stop={saving.stop} />
    </>
  );
}
