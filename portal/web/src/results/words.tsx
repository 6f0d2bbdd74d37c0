// What a plot shows, as a table that is made only when it is opened.
import { type ReactNode, useState } from "react";

/** A summary in a sentence, and behind it a table. */
export function InWords({
  summary,
  head,
  rows,
}: {
  summary: string;
  head: string[];
  rows: () => ReactNode[][];
}) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details className="small" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{summary} Show as a table</summary>
      {isOpen && (
        <div className="table-responsive results-small">
          <table className="table table-sm">
            <caption className="visually-hidden">{summary}</caption>
            <thead>
              <tr>
                {head.map((word) => (
                  <th key={word} scope="col">
                    {word}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows().map((cells, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the rows have nothing else and do not move.
                <tr key={at}>
                  {cells.map((cell, column) =>
                    column === 0 ? (
                      <th key={head[column]} scope="row">
                        {cell}
                      </th>
                    ) : (
                      <td key={head[column]}>{cell}</td>
                    ),
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
