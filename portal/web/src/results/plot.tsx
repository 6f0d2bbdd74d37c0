// A plot by Plotly, which is loaded when the first one is shown.
import type { Config, Data, Layout, PlotlyHTMLElement } from "plotly.js-basic-dist-min";
import { useEffect, useRef, useState } from "react";
import { Failed, Loading } from "../shell/status";
import { type Mode, modeOf } from "./selection";

/** Enough contrast on white, and told apart without seeing colours by their lightness. */
export const INK = { usual: "#1f5fa8", good: "#0b2545", selected: "#c2410c" } as const;

export interface Range {
  x: [number | string, number | string];
  y: [number | string, number | string];
}

interface Props {
  label: string;
  data: Data[];
  layout: Partial<Layout>;
  height: number;
  /** A point of a trace was clicked. */
  onPick: (point: { curve: number; point: number }, mode: Mode) => void;
  /** A box was drawn. */
  onBox: (range: Range, mode: Mode) => void;
}

type Library = typeof import("plotly.js-basic-dist-min");

const CONFIG: Partial<Config> = {
  displayModeBar: false,
  responsive: true,
  doubleClick: "reset",
  scrollZoom: false,
};

let library: Promise<Library> | null = null;

function load(): Promise<Library> {
  library ??= import("plotly.js-basic-dist-min")
    .then((module) => ("default" in module ? (module.default as Library) : module))
    .catch((error: unknown) => {
      library = null;
      throw error;
    });
  return library;
}

const BASE: Partial<Layout> = {
  margin: { l: 60, r: 12, t: 8, b: 44 },
  font: { size: 12, color: "#212529", family: "system-ui, sans-serif" },
  showlegend: false,
  hovermode: "closest",
};

interface Happening {
  points?: { curveNumber: number; pointNumber: number }[];
  range?: Range;
  event?: MouseEvent;
}

/** Plotly's own events; its types know only some of what they carry. */
function listen(element: PlotlyHTMLElement, latest: { current: Props }): void {
  const held = { ctrlKey: false, metaKey: false, shiftKey: false };
  element.addEventListener(
    "pointerdown",
    (event) =>
      Object.assign(held, {
        ctrlKey: event.ctrlKey,
        metaKey: event.metaKey,
        shiftKey: event.shiftKey,
      }),
    true,
  );
  element.on("plotly_click", (given) => {
    const [point] = (given as unknown as Happening).points ?? [];
    if (point)
      latest.current.onPick({ curve: point.curveNumber, point: point.pointNumber }, modeOf(held));
  });
  element.on("plotly_selected", (given) => {
    const range = (given as unknown as Happening | undefined)?.range;
    if (range) latest.current.onBox(range, modeOf(held));
  });
}

/** Draw data, and tell what people point at in them. */
export function Plot(props: Props) {
  const { label, data, layout, height } = props;
  const parent = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const [plotly, setPlotly] = useState<Library | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [drag, setDrag] = useState<"select" | "zoom">("select");
  useEffect(() => {
    let gone = false;
    load().then(
      (module) => !gone && setPlotly(() => module),
      (failure: unknown) => !gone && setError(failure as Error),
    );
    return () => {
      gone = true;
    };
  }, []);
  useEffect(() => {
    const element = parent.current;
    if (!plotly || !element) return;
    const isFirst = !element.hasChildNodes();
    const all = { ...BASE, ...layout, height, dragmode: drag, selections: [] };
    plotly.react(element, data, all, CONFIG).then((made) => isFirst && listen(made, latest));
  }, [plotly, data, layout, height, drag]);
  useEffect(() => {
    const element = parent.current;
    return () => {
      if (plotly && element) plotly.purge(element);
    };
  }, [plotly]);
  if (error) return <Failed what="The plot could not be loaded" error={error} />;
  const button = (name: typeof drag, text: string) => (
    <button
      type="button"
      className={`btn btn-outline-secondary ${drag === name ? "active" : ""}`}
      aria-pressed={drag === name}
      onClick={() => setDrag(name)}
    >
      {text}
    </button>
  );
  return (
    <>
      {plotly === null && <Loading what="Loading the plot" />}
      <div className="d-flex flex-wrap gap-2 align-items-center small">
        <fieldset
          className="btn-group btn-group-sm results-drag"
          aria-label={`What dragging does: ${label}`}
        >
          {button("select", "Drag selects")}
          {button("zoom", "Drag zooms")}
        </fieldset>
        <span className="text-body-secondary">A double click shows everything again.</span>
      </div>
      <section ref={parent} className="results-plot" aria-label={label} />
    </>
  );
}
