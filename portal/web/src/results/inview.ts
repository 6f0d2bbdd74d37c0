// What of a scene lies in view, and how finely it has to be drawn there. Where software draws for want of a
// graphics card, each line costs time, seen or not.
import type { Camera } from "./camera";
import { type Scene, strideFor } from "./scene";

/** The part of the sky that the map shows, on a canvas of some size in pixels. */
export class InView {
  private readonly scale: number;

  constructor(
    private readonly camera: Camera,
    private readonly width: number,
    private readonly height: number,
  ) {
    const [ex, ey] = camera.matrix;
    this.scale = Math.hypot(ex, ey);
  }

  /** Whether something within a distance (on the unit sphere) of a place may be seen. */
  private sees(x: number, y: number, z: number, reach: number, margin: number): boolean {
    const { centre, east, north, matrix, x: cx, y: cy } = this.camera;
    if (x * centre[0] + y * centre[1] + z * centre[2] < -reach) return false;
    const e = x * east[0] + y * east[1] + z * east[2];
    const n = x * north[0] + y * north[1] + z * north[2];
    const px = cx + e * matrix[0] + n * matrix[2];
    const py = cy + e * matrix[1] + n * matrix[3];
    const by = reach * this.scale + margin;
    return px >= -by && px <= this.width + by && py >= -by && py <= this.height + by;
  }

  /** Write the ends of lines, two numbers each, of those outlines that may be seen.
   *
   * @param outlines Which of the scene's; null for all.
   * @param off By how many pixels lines may differ from the true ones.
   * @param into Has room for all lines; see `roomFor`.
   * @returns How many numbers were written.
   */
  lines(scene: Scene, outlines: Uint32Array | null, off: number, into: Uint32Array): number {
    const { caps, firsts } = scene;
    const count = outlines ? outlines.length : caps.length / 4;
    let written = 0;
    for (let number = 0; number < count; number++) {
      const at = outlines ? (outlines[number] ?? 0) : number;
      const cap = 4 * at;
      const reach = caps[cap + 3] ?? 0;
      if (!this.sees(caps[cap] ?? 0, caps[cap + 1] ?? 0, caps[cap + 2] ?? 0, reach, 2)) continue;
      const [first, end] = [firsts[at] ?? 0, firsts[at + 1] ?? 0];
      const stride = strideFor(end - first, reach * this.scale, off);
      let corner = first;
      for (; corner + stride < end; corner += stride) {
        into[written++] = corner;
        into[written++] = corner + stride;
      }
      into[written++] = corner;
      into[written++] = first;
    }
    return written;
  }

  /** Write the numbers of those places that may be seen with markers of a size; gives how many. */
  places(places: Float32Array, size: number, into: Uint32Array): number {
    let written = 0;
    for (let at = 0; at < places.length / 3; at++) {
      const one = 3 * at;
      const isSeen = this.sees(
        places[one] ?? 0,
        places[one + 1] ?? 0,
        places[one + 2] ?? 0,
        0,
        size,
      );
      if (isSeen) into[written++] = at;
    }
    return written;
  }
}

/** Numbers that the lines of all outlines, or the places of all rows, may take. */
export function roomFor(scene: Scene): number {
  const { corners, pointings, targets } = scene;
  return Math.max((2 * corners.length) / 3, pointings.length / 3, targets.length / 3);
}
