// Tabs as the ARIA practices want them: arrows move, only the chosen one is in the tab order.
import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";

export interface Tab {
  key: string;
  label: string;
  content: () => ReactNode;
}

const STEPS: Record<string, (at: number, count: number) => number> = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at - 1 + count) % count,
  Home: () => 0,
  End: (_at, count) => count - 1,
};

interface Props {
  label: string;
  tabs: Tab[];
  chosen: string;
  onChoose: (key: string) => void;
}

function List({ label, tabs, current, id, onChoose }: Props & { current: Tab; id: string }) {
  const list = useRef<HTMLDivElement>(null);
  function move(event: KeyboardEvent) {
    const to = STEPS[event.key]?.(tabs.indexOf(current), tabs.length);
    const next = to === undefined ? undefined : tabs[to];
    if (to === undefined || !next) return;
    event.preventDefault();
    onChoose(next.key);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[to]?.focus();
  }
  return (
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
  );
}

/** One panel of several; only what is chosen exists. */
export function Tabs(props: Props) {
  const id = useId();
  const current = props.tabs.find((tab) => tab.key === props.chosen) ?? props.tabs[0];
  if (!current) return null;
  return (
    <>
      <List {...props} current={current} id={id} />
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
