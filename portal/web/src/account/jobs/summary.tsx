// A JSON document as a table that people can read: one line for each value, named by where it stands.

/** A line: where the value stands, and what it is. */
export interface Line {
  path: string[];
  value: string;
}

const MOST_LINES = 500;

/** A number as people write it: six digits, powers of ten where it is very large or small. */
export function figure(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(3);
  return String(Number(value.toPrecision(6)));
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return "not known";
  if (typeof value === "number") return figure(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

/** A key as words: "live_time" becomes "live time". */
export function inWords(key: string): string {
  return key.replaceAll("_", " ");
}

/** Take a document apart into lines. Lists of plain values stay on one line. */
export function linesOf(content: unknown, path: string[] = []): Line[] {
  if (Array.isArray(content)) {
    if (content.every((item) => typeof item !== "object" || item === null))
      return [{ path, value: content.length === 0 ? "none" : content.map(plain).join(", ") }];
    return content.flatMap((item, index) => linesOf(item, [...path, String(index + 1)]));
  }
  if (typeof content === "object" && content !== null)
    return Object.entries(content).flatMap(([key, value]) =>
      linesOf(value, [...path, inWords(key)]),
    );
  return [{ path, value: plain(content) }];
}

/** Groups that say how something was made, not what was found: they are closed at first. */
const HOW = ["parameters", "steps", "limits", "software"];

interface Group {
  /** Empty for what stands in no group. */
  name: string;
  lines: Line[];
}

/** The lines of a document by the objects at its top; what stands in none of them comes first. */
export function groupsOf(content: unknown): Group[] {
  if (typeof content !== "object" || content === null || Array.isArray(content))
    return [{ name: "", lines: linesOf(content) }];
  const entries = Object.entries(content);
  const isGroup = ([, value]: [string, unknown]) =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  const rest = Object.fromEntries(entries.filter((entry) => !isGroup(entry)));
  return [
    { name: "", lines: linesOf(rest) },
    ...entries.filter(isGroup).map(([key, value]) => ({ name: key, lines: linesOf(value) })),
  ].filter(({ lines }) => lines.length > 0);
}

function Lines(props: { lines: Line[]; caption: string }) {
  const shown = props.lines.slice(0, MOST_LINES);
  return (
    <div className="table-responsive">
      <table className="table table-sm mb-0">
        <caption className="visually-hidden">{props.caption}</caption>
        <tbody>
          {shown.map(({ path, value }) => (
            <tr key={JSON.stringify(path)}>
              <th scope="row" className="fw-normal text-body-secondary">
                {path.join(" › ") || "value"}
              </th>
              <td className="text-break">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {props.lines.length > shown.length && (
        <p className="small mb-0">
          {props.lines.length - shown.length} more lines are in the file below.
        </p>
      )}
    </div>
  );
}

export function SummaryTable(props: { content: unknown; caption: string }) {
  return (
    <div className="row row-cols-1 row-cols-lg-2 g-3">
      {groupsOf(props.content).map(({ name, lines }) => (
        <div key={name} className="col">
          {name === "" ? (
            <Lines lines={lines} caption={props.caption} />
          ) : (
            <details open={!HOW.includes(name)}>
              <summary>{inWords(name)}</summary>
              <Lines lines={lines} caption={inWords(name)} />
            </details>
          )}
        </div>
      ))}
    </div>
  );
}
