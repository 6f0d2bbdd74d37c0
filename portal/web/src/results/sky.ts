// Aladin Lite with the layer of fields of view. It is loaded when a map is first shown, and there is one
// for the whole page: Aladin cannot be taken down, so its element moves to where the map is now.
import type { AladinMoc, AladinSky } from "aladin-lite";
import type { Schemas } from "../api/client";
import { ROOT } from "../api/client";
import { type Camera, isSame, measure } from "./camera";
import { place } from "./geometry";
import { Grid } from "./grid";
import { Layer } from "./layer";
import { isStill } from "./media";
import type { Scene } from "./scene";
import { type Mode, modeOf } from "./selection";

type Survey = Schemas["SurveyInfo"];
type Library = typeof import("aladin-lite")["default"];

const OPTIONS = {
  fov: 180,
  target: "0 +0",
  cooFrame: "ICRS",
  projection: "SIN",
  // An empty list: nothing is fetched from elsewhere. Without the option, Aladin takes a remote survey.
  survey: [],
  hipsList: [],
  log: false,
  samp: false,
  backgroundColor: "rgb(16, 22, 38)",
  showReticle: false,
  // Its field asks a remote resolver; the search page has a better one.
  showCooLocation: false,
  showZoomControl: false,
  showLayersControl: false,
  showFullscreenControl: false,
  showProjectionControl: false,
  showSettingsControl: false,
  showSimbadPointerControl: false,
  showCooGridControl: false,
  showShareControl: false,
  showContextMenu: false,
  showStatusBar: false,
  showFrame: false,
  gridColor: "rgb(150, 170, 200)",
  gridOpacity: 0.6,
  // Lines of this width are one pixel wide; wider ones take a quarter of the time where software draws.
  gridOptions: { enabled: true, showLabels: true, thickness: 0.5, labelSize: 12 },
};

/** Give words to those controls of Aladin that have none for screen readers. */
function name(element: HTMLElement): void {
  for (const picture of element.querySelectorAll("img:not([alt])")) picture.setAttribute("alt", "");
  element.querySelector(".aladin-logo-container a")?.setAttribute("aria-label", "Aladin Lite");
}

/** Whether the browser can draw the map. */
export function hasWebGl(): boolean {
  try {
    return document.createElement("canvas").getContext("webgl2") !== null;
  } catch {
    return false;
  }
}

/** Right ascension and declination of the centre, and the width, in degrees. */
export type Place = [ra: number, dec: number, width: number];

/** Read a place as an address has it; null where it is none. */
export function readPlace(text: string | null): Place | null {
  const [ra, dec, width, ...rest] = (text ?? "").split(",").map((word) => Number(word || "NaN"));
  if (ra === undefined || dec === undefined || width === undefined || rest.length > 0) return null;
  const isPlace = ra >= 0 && ra <= 360 && Math.abs(dec) <= 90 && width > 0 && width <= 360;
  return isPlace ? [ra, dec, width] : null;
}

/** Write a place for an address: to a thousandth of the width. */
export function writePlace([ra, dec, width]: Place): string {
  const digits = Math.max(0, 3 - Math.floor(Math.log10(width)));
  const right = Number((((ra % 360) + 360) % 360).toFixed(digits)) % 360;
  return [right, Number(dec.toFixed(digits)), Number(width.toPrecision(4))].join(",");
}

/** Milliseconds after which a view that has not changed rests. */
const REST = 120;

export interface Click {
  ra: number;
  dec: number;
  /** What the keys that were held down make of it. */
  mode: Mode;
}

/** The map: sky, fields of view, coverage. */
export class Sky {
  onClick: ((click: Click) => void) | null = null;
  /** Hears where the map is when people have moved it. */
  onPlace: ((place: Place) => void) | null = null;
  private isTouched = false;
  private camera: Camera | null = null;
  private stale = true;
  private frame = 0;
  /** When the view was another one last, and whether it was drawn as one that moves. */
  private moved = Number.NEGATIVE_INFINITY;
  private isCoarse = false;
  private readonly grid: Grid;
  private moc: AladinMoc | null = null;
  private mocText: string | null = null;
  private mocShown: string | null = null;
  private isSettling = false;
  private survey: string | null = null;

  private constructor(
    private readonly library: Library,
    readonly aladin: AladinSky,
    readonly element: HTMLElement,
    private readonly layer: Layer,
  ) {
    this.grid = new Grid(aladin, layer.isBySoftware);
    // Consoles and tests measure on the map what is shown.
    Object.assign(element, { aladin });
    let mode: Mode = "replace";
    // Aladin does not tell which keys are held down.
    element.addEventListener("pointerdown", (event) => (mode = modeOf(event)), true);
    for (const touch of ["pointerdown", "wheel"])
      element.addEventListener(touch, () => (this.isTouched = true), {
        capture: true,
        passive: true,
      });
    aladin.on("click", (given: { ra: number; dec: number; isDragging?: boolean }) => {
      if (!given.isDragging) this.onClick?.({ ra: given.ra, dec: given.dec, mode });
    });
  }

  static async make(): Promise<Sky> {
    const { default: library } = await import("aladin-lite");
    await library.init;
    const layer = new Layer();
    const element = document.createElement("div");
    element.className = "results-sky";
    // Aladin wants to be in the document when it starts.
    document.body.append(element);
    try {
      const aladin = library.aladin(element, { ...OPTIONS, inertia: !isStill() });
      element.querySelector(".aladin-catalogCanvas")?.after(layer.canvas);
      name(element);
      return new Sky(library, aladin, element, layer);
    } finally {
      element.remove();
    }
  }

  /** Show it in an element, and follow Aladin from frame to frame until it is taken out. */
  mount(parent: HTMLElement): void {
    parent.append(this.element);
    this.stale = true;
    const follow = (now: number) => {
      const camera = measure(this.aladin);
      const isMoved = camera !== null && !isSame(camera, this.camera);
      if (isMoved) this.moved = now;
      const rests = now - this.moved > REST;
      if (camera && (isMoved || this.stale || (this.isCoarse && rests) || this.isResized())) {
        this.camera = camera;
        this.stale = false;
        if (this.isCoarse && rests) this.tellPlace();
        this.isCoarse = !rests;
        this.grid.tell(this.isCoarse);
        this.layer.draw(camera, this.isCoarse);
      }
      this.frame = requestAnimationFrame(follow);
    };
    this.frame = requestAnimationFrame(follow);
  }

  unmount(): void {
    cancelAnimationFrame(this.frame);
    this.onClick = null;
    this.onPlace = null;
    this.isTouched = false;
    this.element.remove();
  }

  private tellPlace(): void {
    if (this.isTouched) this.onPlace?.([...this.aladin.getRaDec(), this.aladin.getFov()[0]]);
  }

  private isResized(): boolean {
    const { canvas } = this.layer;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    return (
      canvas.width !== Math.round(canvas.clientWidth * ratio) ||
      canvas.height !== Math.round(canvas.clientHeight * ratio)
    );
  }

  show(scene: Scene, dids: ReadonlySet<string>): void {
    this.layer.show(scene, dids);
    this.stale = true;
  }

  select(dids: ReadonlySet<string>): void {
    this.layer.select(dids);
    this.stale = true;
  }

  /** Look at a cap of the sky. */
  lookAt(cap: NonNullable<Scene["cap"]>, softly: boolean): void {
    const { ra, dec } = place(cap.centre);
    this.isTouched ||= softly;
    this.aladin.setFoV(Math.min(180, Math.max(0.5, cap.radius * 2.2)));
    if (softly && !isStill()) this.aladin.animateToRaDec(ra, dec, 0.5);
    else this.aladin.gotoRaDec(ra, dec);
  }

  /** Go to a place at which people were before. */
  goTo([ra, dec, width]: Place): void {
    this.aladin.setFoV(width);
    this.aladin.gotoRaDec(ra, dec);
  }

  zoom(factor: number): void {
    this.isTouched = true;
    this.aladin.setFoV(Math.min(180, Math.max(0.01, this.aladin.getFov()[0] * factor)));
  }

  /** Show another picture of the sky, or none. */
  setSurvey(survey: Survey | null): void {
    if (this.survey === (survey?.id ?? null)) return;
    this.survey = survey?.id ?? null;
    if (survey === null) {
      for (const name of this.aladin.getStackLayers().slice(0, 1))
        this.aladin.removeImageLayer(name);
      return;
    }
    // Those of this server are named as seen from its root, whatever page this is.
    const url = new URL(survey.url, new URL(`${ROOT}/`, window.location.href)).href;
    this.aladin.setBaseImageLayer(this.library.imageHiPS(url, { name: survey.label }));
  }

  /** Show a coverage, or none. */
  setMoc(text: string | null): void {
    this.mocText = text;
    void this.settleMoc();
  }

  /** Bring Aladin to show what is wanted. It takes a coverage in later, and until then it must not be touched. */
  private async settleMoc(): Promise<void> {
    if (this.isSettling) return;
    this.isSettling = true;
    while (this.mocText !== this.mocShown) {
      const text = this.mocText;
      if (this.moc) this.aladin.removeOverlay(this.moc);
      this.moc = text === null ? null : await this.addMoc(text);
      this.mocShown = text;
    }
    this.isSettling = false;
  }

  private addMoc(text: string): Promise<AladinMoc | null> {
    return new Promise((settle) => {
      const options = {
        name: "Coverage",
        color: "#7ee081",
        fill: true,
        opacity: 0.3,
        lineWidth: 1,
      };
      const moc = this.library.MOCFromJSON(
        JSON.parse(text),
        options,
        () => settle(moc),
        () => settle(null),
      );
      this.aladin.addMOC(moc);
    });
  }
}

let sky: Promise<Sky> | null = null;

/** The page's map; made when it is first asked for. */
export function getSky(): Promise<Sky> {
  sky ??= Sky.make().catch((error: unknown) => {
    sky = null;
    throw error;
  });
  return sky;
}
