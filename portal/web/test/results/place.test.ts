import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type Place, readPlace, writePlace } from "../../src/results/sky";

vi.mock("aladin-lite", () => ({ default: {} }));

const degrees = (min: number, max: number) =>
  fc.double({ min, max, noNaN: true, noDefaultInfinity: true });

describe("a place in the address", () => {
  it("is the same one when it is read again, to a thousandth of the map", () => {
    const places = fc.tuple(degrees(0, 360), degrees(-90, 90), degrees(0.01, 180));
    fc.assert(
      fc.property(places, (place) => {
        const read = readPlace(writePlace(place as Place));
        const [ra, dec, width] = read ?? [Number.NaN, Number.NaN, Number.NaN];
        const far = Math.abs(((ra - place[0] + 540) % 360) - 180);
        expect(far).toBeLessThanOrEqual(place[2] / 1000);
        expect(Math.abs(dec - place[1])).toBeLessThanOrEqual(place[2] / 1000);
        expect(Math.abs(width / place[2] - 1)).toBeLessThan(1e-3);
      }),
    );
  });
  it("is none where it makes no sense", () => {
    for (const text of [null, "", "1,2", "1,2,3,4", "a,2,3", "361,0,1", "0,91,1", "0,0,0", "0,,5"])
      expect(readPlace(text)).toBeNull();
  });
});
