// The sky viewer for a job's maps: loaded when it is needed, and asking nobody but this server. There is one
// for the whole page: Aladin cannot be taken down, so its element moves to where the map is now.
import type { FitsLayer, FitsLibrary, FitsSky } from "aladin-lite";

const PATIENCE = 20_000;
/** How much of the sky is seen, in parts of the map. */
const MARGIN = 1.1;

const OPTIONS = {
  cooFrame: "ICRS",
  fov: 5,
  hipsList: [],
  log: false,
  samp: false,
  showContextMenu: false,
  showCooGridControl: true,
  showLayersControl: false,
  showProjectionControl: false,
  showSettingsControl: false,
  showShareControl: false,
  showSimbadPointerControl: false,
};

/** Whether this browser can draw maps at all. */
export function hasWebGl(): boolean {
  try {
    return document.createElement("canvas").getContext("webgl2") !== null;
  } catch {
    return false;
  }
}

/** Aladin does not tell the difference between a file that is not there and one that it cannot read. */
async function assertThere(url: string): Promise<void> {
  const response = await fetch(url, { credentials: "same-origin" });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the server answered with status ${response.status}.`);
}

class Viewer {
  readonly element = document.createElement("div");
  private sky: FitsSky | null = null;

  constructor(private readonly library: FitsLibrary) {
    this.element.className = "job-map";
  }

  async show(url: string, name: string): Promise<void> {
    await assertThere(url);
    await new Promise<void>((resolve, reject) => {
      const late = () => reject(new Error("it did not appear in time."));
      const timer = setTimeout(late, PATIENCE);
      const end = (then: () => void) => {
        clearTimeout(timer);
        then();
      };
      const layer = this.library.image(new URL(url, window.location.href).href, {
        name,
        colormap: "magma",
        stretch: "linear",
        successCallback: (ra: number, dec: number, fov: number) => {
          this.sky?.gotoRaDec(ra, dec);
          this.sky?.setFoV(fov * MARGIN);
          end(resolve);
        },
        errorCallback: () => end(() => reject(new Error("the file is no map that can be read."))),
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

let viewer: Promise<Viewer> | null = null;

async function load(): Promise<Viewer> {
  const module = (await import("aladin-lite")) as unknown as { default: FitsLibrary };
  await module.default.init;
  return new Viewer(module.default);
}

/** Show a map in a place of the page. Rejects with why it cannot be shown. */
export async function showMap(place: HTMLElement, url: string, name: string): Promise<void> {
  viewer ??= load();
  try {
    const there = await viewer;
    place.append(there.element);
    await there.show(url, name);
  } catch (error) {
    // The next map begins anew: what was loaded half may be the reason.
    viewer = null;
    throw error;
  }
}
