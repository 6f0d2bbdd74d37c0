// A layer over the map with all fields of view. Its painter is told for each frame which lines and places are in
// view, so that it has no more to do than is seen.
import type { Camera } from "./camera";
import { Card } from "./card";
import { InView, roomFor } from "./inview";
import type { Painter, Rgba } from "./painter";
import { Program } from "./program";
import { type Marked, marked, type Scene } from "./scene";

export const COLOURS = {
  region: "#56c7ff",
  pointing: "#ffffff",
  target: "#ff8ad8",
  selected: "#ffc300",
} as const;

/** Pixels by which lines may differ from the true ones, at rest and on the way. */
const [FINE, COARSE] = [0.5, 1.5];

/** What WebGL calls itself where software draws for want of a graphics card. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

function rgba(hex: string, alpha: number): Rgba {
  const part = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16) / 255;
  return [part(1), part(3), part(5), alpha];
}

/** Whether there is a graphics card behind WebGL. */
function hasCard(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return false;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name: unknown = gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !SOFTWARE.test(String(name));
}

/** A canvas with fields of view, pointings and targets. */
export class Layer {
  readonly canvas = document.createElement("canvas");
  /** Whether software draws, for want of a graphics card. */
  readonly isBySoftware = !hasCard();
  private painter: Painter;
  private scene: Scene | null = null;
  private dids: ReadonlySet<string> = new Set();
  private selected: Marked = { outlines: new Uint32Array(), pointings: new Uint32Array() };
  private camera: Camera | null = null;
  private room = new Uint32Array();

  constructor() {
    this.canvas.className = "results-layer";
    this.painter = this.isBySoftware ? this.inMemory() : this.onCard();
  }

  private inMemory(): Painter {
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("This browser cannot draw.");
    return new Program(context);
  }

  private onCard(): Painter {
    const gl = this.canvas.getContext("webgl2", { premultipliedAlpha: true, antialias: false });
    if (!gl) throw new Error("This browser has no WebGL 2.");
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.painter = new Card(gl);
      if (this.scene) this.show(this.scene, this.dids);
      if (this.camera) this.draw(this.camera);
    });
    return new Card(gl);
  }

  /** Take other rows. */
  show(scene: Scene, dids: ReadonlySet<string>): void {
    this.scene = scene;
    this.room = new Uint32Array(roomFor(scene));
    this.painter.take(scene);
    this.select(dids);
  }

  /** Mark other rows. */
  select(dids: ReadonlySet<string>): void {
    this.dids = dids;
    if (this.scene) this.selected = marked(this.scene, dids);
  }

  /** The size of markers: smaller where so many are in view that they would cover the map. */
  private sizeOf(camera: Camera, count: number, usual: number): number {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const [ex, ey] = camera.matrix;
    const sphere = 4 * Math.PI * (ex * ex + ey * ey);
    const seen = (count * width * height) / Math.max(sphere, width * height);
    return Math.max(3, Math.min(usual, Math.sqrt((0.2 * width * height) / Math.max(1, seen))));
  }

  /** Draw everything as this camera sees it.
   *
   * @param isMoving Whether the next picture comes soon: lines are then a little coarser.
   */
  draw(camera: Camera, isMoving = false): void {
    const { canvas, painter, scene } = this;
    this.camera = camera;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height)
      [canvas.width, canvas.height] = [width, height];
    painter.begin(ratio);
    if (scene) this.paint(scene, camera, isMoving ? COARSE : FINE);
    painter.end();
  }

  private paint(scene: Scene, camera: Camera, off: number): void {
    const { painter, room, selected, canvas } = this;
    const view = new InView(camera, canvas.clientWidth, canvas.clientHeight);
    const lines = (outlines: Uint32Array | null) =>
      room.subarray(0, view.lines(scene, outlines, off, room));
    painter.lines(camera, lines(null), rgba(COLOURS.region, 0.75), false);
    for (const [what, shape, usual, colour] of [
      ["targets", "diamond", 15, COLOURS.target],
      ["pointings", "cross", 11, COLOURS.pointing],
    ] as const) {
      const size = this.sizeOf(camera, scene[what].length / 3, usual);
      const seen = room.subarray(0, view.places(scene[what], size, room));
      painter.markers(camera, what, seen, { shape, size, colour: rgba(colour, 1) });
    }
    if (selected.outlines.length > 0)
      painter.lines(camera, lines(selected.outlines), rgba(COLOURS.selected, 1), true);
    const size = this.sizeOf(camera, scene.pointings.length / 3, 11) + 2;
    const look = { shape: "cross", size, colour: rgba(COLOURS.selected, 1) } as const;
    painter.markers(camera, "pointings", selected.pointings, look);
  }
}
