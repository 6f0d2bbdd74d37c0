// Tabs as the ARIA practices want them: arrows move, only the chosen one is in the tab order.
import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";

export interface Tab {
  key: string;
  label: string;
  content: () => ReactNode;
}

/** One panel of several; only what is chosen exists. */
export function Tabs({
  label,
  tabs,
  chosen,
  onChoose,
}: {
  label: string;
  tabs: Tab[];
  chosen: string;
  onChoose: (key: string) => void;
}) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const current = tabs.find((tab) => tab.key === chosen) ?? tabs[0];
  function move(event: KeyboardEvent) {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || !current) return;
    event.preventDefault();
    const at = tabs.indexOf(current);
    const to = Number.isFinite(step)
      ? (at + step + tabs.length) % tabs.length
      : step < 0
        ? 0
        : tabs.length - 1;
    onChoose(tabs[to]?.key ?? current.key);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[to]?.focus();
  }
  if (!current) return null;
  return (
    <>
      <div
        className="nav nav-tabs results-tabs"
        role="tablist"
        aria-label={label}
        ref={list}
        onKeyDown={move}
      >
        {tabs.map((tab) => (
          <button
            key={tab.key}
            type="button"
            role="tab"
            id={`${id}-${tab.key}`}
            aria-selected={tab === current}
            aria-controls={`${id}-panel`}
            tabIndex={tab === current ? 0 : -1}
            className={`nav-link ${tab === current ? "active" : ""}`}
            onClick={() => onChoose(tab.key)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-${current.key}`}
        className="pt-2"
      >
        {current.content()}
      </div>
    </>
  );
}
