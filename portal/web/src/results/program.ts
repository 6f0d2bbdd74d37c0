// Draws the map's layer where there is no graphics card.
import type { Camera } from "./camera";
import type { Look, Painter, Rgba } from "./painter";
import { Raster, stampOf } from "./raster";
import type { Scene } from "./scene";

/** Pixels of a place, and whether it lies on this side of the sky (third number above 0). */
export function shine(
  camera: Camera,
  places: Float32Array,
  number: number,
  ratio: number,
  into: Float64Array,
  at: number,
): void {
  const { centre, east, north, matrix } = camera;
  const one = 3 * number;
  const [x, y, z] = [places[one] ?? 0, places[one + 1] ?? 0, places[one + 2] ?? 0];
  const e = x * east[0] + y * east[1] + z * east[2];
  const n = x * north[0] + y * north[1] + z * north[2];
  into[at] = ratio * (camera.x + e * matrix[0] + n * matrix[2]);
  into[at + 1] = ratio * (camera.y + e * matrix[1] + n * matrix[3]);
  into[at + 2] = x * centre[0] + y * centre[1] + z * centre[2];
}

export class Program implements Painter {
  private raster = new Raster(0, 0, new Uint32Array());
  private image: ImageData | null = null;
  private scene: Scene | null = null;
  private ratio = 1;

  constructor(private readonly context: CanvasRenderingContext2D) {}

  take(scene: Scene): void {
    this.scene = scene;
  }

  begin(ratio: number): void {
    const { width, height } = this.context.canvas;
    this.ratio = ratio;
    if (this.image === null || this.image.width !== width || this.image.height !== height) {
      this.image = new ImageData(Math.max(1, width), Math.max(1, height));
      const { data } = this.image;
      this.raster = new Raster(this.image.width, this.image.height, new Uint32Array(data.buffer));
    } else this.raster.clear();
  }

  lines(camera: Camera, ends: Uint32Array, colour: Rgba, isWide: boolean): void {
    const { scene, raster, ratio } = this;
    if (!scene) return;
    raster.pen(colour, isWide);
    const two = new Float64Array(6);
    let last = -1;
    for (let at = 0; at < ends.length; at += 2) {
      const [from = 0, to = 0] = [ends[at], ends[at + 1]];
      // Mostly a line begins where the one before ended.
      if (from === last) two.copyWithin(0, 3, 6);
      else shine(camera, scene.corners, from, ratio, two, 0);
      shine(camera, scene.corners, to, ratio, two, 3);
      last = to;
      this.line(two);
    }
  }

  /** Draw a line, as far as it lies on this side of the sky. */
  private line(two: Float64Array): void {
    let [x0 = 0, y0 = 0, z0 = 0, x1 = 0, y1 = 0, z1 = 0] = two;
    if (z0 < 0 && z1 < 0) return;
    const part = z0 / (z0 - z1);
    if (z0 < 0) [x0, y0, z0] = [x0 + part * (x1 - x0), y0 + part * (y1 - y0), 0];
    else if (z1 < 0) [x1, y1, z1] = [x0 + part * (x1 - x0), y0 + part * (y1 - y0), 0];
    this.raster.line(x0, y0, x1, y1);
  }

  markers(camera: Camera, places: "pointings" | "targets", numbers: Uint32Array, look: Look): void {
    const { scene, raster, ratio } = this;
    if (!scene) return;
    const stamp = stampOf(look.shape, look.size * ratio, look.colour);
    const one = new Float64Array(3);
    for (const number of numbers) {
      shine(camera, scene[places], number, ratio, one, 0);
      const [x = 0, y = 0, z = 0] = one;
      if (z >= 0) raster.stamp(stamp, x, y);
    }
  }

  end(): void {
    if (this.image) this.context.putImageData(this.image, 0, 0);
  }
}
