// Who draws the map's layer: a graphics card, or this program itself where there is none.
import type { Camera } from "./camera";
import type { Scene } from "./scene";

export type Rgba = readonly [number, number, number, number];

/** Markers: a cross or a diamond, so many pixels of the page wide. */
export interface Look {
  shape: "cross" | "diamond";
  size: number;
  colour: Rgba;
}

/** Draws lines and markers of a scene, in the order in which it is told. */
export interface Painter {
  /** Take the places of another scene. */
  take(scene: Scene): void;
  /** Begin with nothing; the canvas has its size, and so many pixels for one of the page. */
  begin(ratio: number): void;
  /** Lines between corners; a wide one is three pixels wide. */
  lines(camera: Camera, ends: Uint32Array, colour: Rgba, isWide: boolean): void;
  markers(camera: Camera, places: "pointings" | "targets", numbers: Uint32Array, look: Look): void;
  /** Show what was drawn. */
  end(): void;
}
