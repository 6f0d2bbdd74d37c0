import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Raster, stampOf } from "../../src/results/raster";

const [WIDTH, HEIGHT] = [40, 30];
const RED = 0xff0000ff;

function raster(): Raster {
  return new Raster(WIDTH, HEIGHT, new Uint32Array(WIDTH * HEIGHT));
}

function drawn(on: Raster): [number, number][] {
  return [...on.words.keys()]
    .filter((at) => on.words[at] !== 0)
    .map((at) => [at % WIDTH, Math.floor(at / WIDTH)]);
}

const far = fc.double({ min: -1e6, max: 1e6, noNaN: true });

describe("a picture in memory", () => {
  it("has lines from pixel to pixel, without the last one", () => {
    const on = raster();
    on.pen([1, 0, 0, 1], false);
    on.line(2, 3, 6, 3);
    expect(drawn(on)).toEqual([2, 3, 4, 5].map((x) => [x, 3]));
    expect(on.words[3 * WIDTH + 2]).toBe(RED);
  });

  it("has what lies in it of any line, at most a pixel beside the true one", () => {
    fc.assert(
      fc.property(far, far, far, far, (x0, y0, x1, y1) => {
        const on = raster();
        on.pen([1, 0, 0, 1], false);
        on.line(x0, y0, x1, y1);
        const length = Math.hypot(x1 - x0, y1 - y0);
        for (const [x, y] of drawn(on)) {
          const off = Math.abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / length;
          expect(off).toBeLessThan(1);
        }
      }),
    );
    const on = raster();
    on.pen([1, 0, 0, 1], false);
    on.line(-1e5, 15, 1e5, 15);
    expect(drawn(on).length).toBeGreaterThanOrEqual(WIDTH - 1);
  });

  it("lets less be seen through where lines cross", () => {
    const on = raster();
    on.pen([0, 0, 1, 0.5], false);
    on.line(0, 5, 20, 5);
    on.line(5, 0, 5, 20);
    expect((on.words[5 * WIDTH + 4] ?? 0) >>> 24).toBe(128);
    expect((on.words[5 * WIDTH + 5] ?? 0) >>> 24).toBe(192);
  });

  it("has wide lines, also at its border", () => {
    const on = raster();
    on.pen([1, 0, 0, 1], true);
    on.line(0, 0, 10, 0);
    expect(new Set(drawn(on).map(([, y]) => y))).toEqual(new Set([0, 1]));
  });

  it("has markers with a rim, cut off at its border", () => {
    for (const shape of ["cross", "diamond"] as const) {
      const stamp = stampOf(shape, 11, [1, 0, 0, 1]);
      expect(stamp).toHaveLength(121);
      expect(new Set(stamp)).toEqual(new Set([0, RED, 0xff000000]));
      const on = raster();
      on.stamp(stamp, 20, 15);
      const whole = drawn(on).length;
      expect(whole).toBe(stamp.filter((word) => word !== 0).length);
      on.clear();
      for (const [x, y] of [
        [0, 0],
        [WIDTH, HEIGHT],
        [-50, 7],
      ] as const)
        on.stamp(stamp, x, y);
      expect(drawn(on).length).toBeLessThan(whole);
    }
  });
});
