// A menu without a library.
import type { ReactNode } from "react";

/** A menu that opens below its button; Escape and a click elsewhere close it. */
export function Menu({ label, children }: { label: string; children: ReactNode }) {
  return (
    <details
      className="dropdown results-menu"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.currentTarget.open = false;
        event.currentTarget.querySelector("summary")?.focus();
      }}
      onClick={(event) => {
        const pressed = (event.target as Element).closest(".dropdown-item");
        if (pressed) event.currentTarget.open = false;
      }}
      onBlur={(event) => {
        const to = event.relatedTarget;
        if (to instanceof Node && !event.currentTarget.contains(to))
          event.currentTarget.open = false;
      }}
    >
      <summary className="btn btn-sm btn-outline-primary dropdown-toggle">{label}</summary>
      <ul className="dropdown-menu show">{children}</ul>
    </details>
  );
}
