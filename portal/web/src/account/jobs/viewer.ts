// The sky viewer for a job's maps: loaded when it is needed, and asking nobody but this server. There is one
// for the whole page: Aladin cannot be taken down, so its element moves to where the map is now.
import type { FitsLayer, FitsLibrary, FitsSky } from "aladin-lite";
import { type Range, readRange } from "./fits";

const PATIENCE = 20_000;
/** How much of the sky is seen, in parts of the map. */
const MARGIN = 1.1;

// Aladin's own buttons have no names for screen readers; the page has its own.
const OPTIONS = {
  cooFrame: "ICRS",
  fov: 5,
  hipsList: [],
  log: false,
  samp: false,
  showContextMenu: false,
  showCooGridControl: false,
  showFov: false,
  showFrame: false,
  showFullscreenControl: false,
  showLayersControl: false,
  showProjectionControl: false,
  showReticle: false,
  showSettingsControl: false,
  showShareControl: false,
  showSimbadPointerControl: false,
  showCooLocation: false,
  showStatusBar: false,
  showZoomControl: false,
  gridColor: "rgb(160, 190, 220)",
  gridOpacity: 0.6,
  gridOptions: { enabled: true, showLabels: true, thickness: 1, labelSize: 12 },
};

/** Whether this browser can draw maps at all. */
export function hasWebGl(): boolean {
  try {
    return document.createElement("canvas").getContext("webgl2") !== null;
  } catch {
    return false;
  }
}

/** Get a file: Aladin does not tell one that is not there from one that it cannot read. */
async function get(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url, { credentials: "same-origin" });
  const content = await response.arrayBuffer();
  if (!response.ok) throw new Error(`the server answered with status ${response.status}.`);
  return content;
}

/** A map that is shown. */
export interface Shown {
  /** Which values the colours go from and to; null where the file does not tell. */
  range: Range | null;
  zoomIn(): void;
  zoomOut(): void;
  /** All of the map again. */
  reset(): void;
}

class Viewer {
  readonly element = document.createElement("div");
  private sky: FitsSky | null = null;

  constructor(private readonly library: FitsLibrary) {
    this.element.className = "job-map";
  }

  async show(url: string, name: string): Promise<Shown> {
    const range = readRange(await get(url));
    const { ra, dec, fov, layer } = await this.load(url, name);
    if (range && range.low < range.high) layer.setCuts(range.low, range.high);
    const reset = () => {
      this.sky?.gotoRaDec(ra, dec);
      this.sky?.setFoV(fov * MARGIN);
    };
    reset();
    return {
      range,
      reset,
      zoomIn: () => this.sky?.increaseZoom(),
      zoomOut: () => this.sky?.decreaseZoom(),
    };
  }

  private load(url: string, name: string): Promise<Loaded> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error("it did not appear in time."));
      const timer = setTimeout(late, PATIENCE);
      const layer = this.library.image(new URL(url, window.location.href).href, {
        name,
        colormap: "magma",
        stretch: "linear",
        successCallback: (ra: number, dec: number, fov: number) => {
          clearTimeout(timer);
          resolve({ ra, dec, fov, layer });
        },
        errorCallback: () => {
          clearTimeout(timer);
          reject(new Error("the file is no map that can be read."));
        },
      });
      this.lay(layer);
    });
  }

  private lay(layer: FitsLayer): void {
    if (this.sky) this.sky.setBaseImageLayer(layer);
    // With the map as its base layer from the start, it asks no other server for a picture of the sky.
    else this.sky = this.library.aladin(this.element, { ...OPTIONS, survey: layer });
  }
}

interface Loaded {
  ra: number;
  dec: number;
  fov: number;
  layer: FitsLayer;
}

let viewer: Promise<Viewer> | null = null;

async function load(): Promise<Viewer> {
  const module = (await import("aladin-lite")) as unknown as { default: FitsLibrary };
  await module.default.init;
  return new Viewer(module.default);
}

/** Show a map in a place of the page. Rejects with why it cannot be shown. */
export async function showMap(place: HTMLElement, url: string, name: string): Promise<Shown> {
  viewer ??= load();
  try {
    const there = await viewer;
    place.append(there.element);
    return await there.show(url, name);
  } catch (error) {
    // The next map begins anew: what was loaded half may be the reason.
    viewer = null;
    throw error;
  }
}
