// What stands in for Aladin, Plotly and the graphics card, which jsdom does not have: they write down what
// they are asked to do.
import { vi } from "vitest";

export interface Call {
  name: string;
  given: unknown[];
}

export const calls: Call[] = [];
const listeners = new Map<string, (given: never) => void>();
let fov = 180;
let centre: [number, number] = [0, 0];

export function reset(): void {
  calls.length = 0;
  fov = 180;
}

export function called(name: string): unknown[][] {
  return calls.filter((call) => call.name === name).map((call) => call.given);
}

/** Let Aladin tell of something. */
export function tell(event: string, given: unknown): void {
  listeners.get(event)?.(given as never);
}

const record =
  (name: string) =>
  (...given: unknown[]) => {
    calls.push({ name, given });
  };

const sky = {
  on: (event: string, listener: (given: never) => void) => listeners.set(event, listener),
  getRaDec: () => centre,
  getFov: () => [fov, fov],
  setFoV(degrees: number) {
    calls.push({ name: "setFoV", given: [degrees] });
    fov = degrees;
  },
  gotoRaDec(ra: number, dec: number) {
    calls.push({ name: "gotoRaDec", given: [ra, dec] });
    centre = [ra, dec];
  },
  animateToRaDec: record("animateToRaDec"),
  world2pix: (ra: number, dec: number) => [300 - (ra * 180) / fov, 150 - (dec * 180) / fov],
  addMOC: record("addMOC"),
  removeOverlay: record("removeOverlay"),
  setBaseImageLayer: record("setBaseImageLayer"),
  getStackLayers: () => ["base"],
  removeImageLayer: record("removeImageLayer"),
};

export const aladin = {
  init: Promise.resolve(),
  aladin(_element: HTMLElement, options: unknown) {
    calls.push({ name: "aladin", given: [options] });
    return sky;
  },
  MOCFromJSON(moc: unknown, options: unknown, done: () => void) {
    queueMicrotask(done);
    return { moc, options };
  },
  imageHiPS: (url: string, options: unknown) => ({ url, options }),
};

type Plotted = HTMLElement & { told: Map<string, (given: unknown) => void> };

export const plotly = {
  react(element: Plotted, data: unknown, layout: unknown) {
    calls.push({ name: "react", given: [data, layout] });
    element.told ??= new Map();
    if (!element.hasChildNodes()) element.append(document.createElement("svg"));
    return Promise.resolve(
      Object.assign(element, {
        on: (event: string, listener: (given: unknown) => void) =>
          element.told.set(event, listener),
      }),
    );
  },
  purge: record("purge"),
};

/** Let the plot that is shown tell of something. */
export function tellPlot(event: string, given: unknown): void {
  const element = document.querySelector<Plotted>(".results-plot");
  element?.told.get(event)?.(given);
}

let cardName = "A card";

const paper = new Proxy({} as CanvasRenderingContext2D, {
  get: (_target, name) =>
    name === "canvas" ? { width: 60, height: 30 } : record(`paper.${String(name)}`),
});

/** Pixels as browsers have them, as far as they are needed. */
class Pixels {
  readonly data: Uint8ClampedArray;
  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}

const card: WebGL2RenderingContext = new Proxy({} as WebGL2RenderingContext, {
  get(_target, name) {
    if (typeof name === "string" && /^[A-Z0-9_]+$/.test(name)) return name;
    return (...given: unknown[]) => {
      calls.push({ name: `gl.${String(name)}`, given });
      if (name === "getProgramParameter") return true;
      if (name === "getExtension") return card;
      if (name === "getParameter") return cardName;
      return {};
    };
  },
});

/** Give the page a graphics card, or take it away; it may be software that only calls itself one. */
export function setCard(isThere: boolean, name = "A card"): void {
  cardName = name;
  vi.stubGlobal("ImageData", Pixels);
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(((kind: string) =>
    isThere ? (kind === "webgl2" ? card : paper) : null) as never);
}

const watchers = new Set<() => void>();

/** A screen of a certain width, for people who may not want motion. */
export function setScreen(isWide: boolean, isStill = false): void {
  window.matchMedia = ((query: string) => ({
    matches: query.includes("reduced-motion") ? isStill : isWide,
    addEventListener: (_type: string, tell: () => void) => watchers.add(tell),
    removeEventListener: (_type: string, tell: () => void) => watchers.delete(tell),
  })) as never;
  for (const tell of [...watchers]) tell();
}
