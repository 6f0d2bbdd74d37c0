// Lines and markers as pixels in memory: a graphics card that is only software takes ten times as long for these.
import type { Rgba } from "./painter";

/** A colour as pixels have it. */
function wordOf([red, green, blue, alpha]: Rgba): number {
  const byte = (part: number) => Math.round(255 * part);
  return ((byte(alpha) << 24) | (byte(blue) << 16) | (byte(green) << 8) | byte(red)) >>> 0;
}

/** The pixels of a marker, from its middle; 0 where there is nothing. As in the shader, with a dark rim. */
export function stampOf(shape: "cross" | "diamond", size: number, colour: Rgba): Uint32Array {
  const wide = Math.max(1, Math.round(size));
  const [half, ink, rim] = [wide / 2, wordOf(colour), wordOf([0, 0, 0, colour[3]])];
  return Uint32Array.from({ length: wide * wide }, (_, at) => {
    const x = Math.abs((at % wide) + 0.5 - half);
    const y = Math.abs(Math.floor(at / wide) + 0.5 - half);
    if (shape === "cross" && Math.max(x, y) > half - 1) return 0;
    const off = shape === "cross" ? Math.min(x, y) : Math.abs(x + y - (half - 2)) * Math.SQRT1_2;
    return off > 2 ? 0 : off > 1 ? rim : ink;
  });
}

/** A picture that is drawn on. */
export class Raster {
  private word = 0;
  private alpha = 1;
  private isWide = false;

  constructor(
    readonly width: number,
    readonly height: number,
    readonly words: Uint32Array,
  ) {}

  clear(): void {
    this.words.fill(0);
  }

  /** Say how the next lines look. Where lines meet that can be seen through, less is seen through them. */
  pen(colour: Rgba, isWide: boolean): void {
    this.word = wordOf(colour);
    this.alpha = colour[3];
    this.isWide = isWide;
  }

  /** Draw a line, without its last pixel: there the next one begins. */
  line(x0: number, y0: number, x1: number, y1: number): void {
    const [dx, dy] = [x1 - x0, y1 - y0];
    // Only the part that lies in the picture (Liang and Barsky).
    let [from, to] = [0, 1];
    const [right, below] = [this.width - 1, this.height - 1];
    for (let edge = 0; edge < 4; edge++) {
      const along = edge === 0 ? -dx : edge === 1 ? dx : edge === 2 ? -dy : dy;
      const room = edge === 0 ? x0 : edge === 1 ? right - x0 : edge === 2 ? y0 : below - y0;
      if (along === 0) {
        if (room < 0) return;
      } else if (along < 0) from = Math.max(from, room / along);
      else to = Math.min(to, room / along);
    }
    if (from >= to) return;
    const steps = Math.ceil(Math.max(Math.abs(dx), Math.abs(dy)) * (to - from));
    const [sx, sy] = [(dx * (to - from)) / steps, (dy * (to - from)) / steps];
    let [x, y] = [x0 + dx * from + 0.5, y0 + dy * from + 0.5];
    const { words, width, word } = this;
    for (let step = 0; step < steps; step++) {
      const at = (y | 0) * width + (x | 0);
      // Most pixels have nothing yet: this is what the time goes to.
      if (this.isWide) this.broad(x | 0, at);
      else if (words[at] === 0) words[at] = word;
      else this.mix(at);
      x += sx;
      y += sy;
    }
  }

  private broad(x: number, at: number): void {
    this.mix(at);
    if (x > 0) this.mix(at - 1);
    if (x < this.width - 1) this.mix(at + 1);
    this.mix(at - this.width);
    this.mix(at + this.width);
  }

  private mix(at: number): void {
    const old = this.words[at];
    if (old === 0 || this.alpha === 1) this.words[at] = this.word;
    else if (old !== undefined) {
      const before = old >>> 24;
      const alpha = before + (((255 - before) * this.alpha + 0.5) | 0);
      this.words[at] = ((alpha << 24) | (this.word & 0xffffff)) >>> 0;
    }
  }

  /** Put a square stamp with its middle at a place. */
  stamp(stamp: Uint32Array, x: number, y: number): void {
    const wide = Math.round(Math.sqrt(stamp.length));
    const [left, top] = [Math.round(x - wide / 2), Math.round(y - wide / 2)];
    for (let row = Math.max(0, -top); row < wide && top + row < this.height; row++)
      for (let column = Math.max(0, -left); column < wide && left + column < this.width; column++) {
        const word = stamp[row * wide + column] ?? 0;
        if (word !== 0) this.words[(top + row) * this.width + left + column] = word;
      }
  }
}
