import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Mapped, measure, project } from "../../src/results/camera";
import {
  away,
  capOf,
  contains,
  distance,
  type Footprint,
  outline,
  place,
  vector,
} from "../../src/results/geometry";

const ra = fc.double({ min: 0, max: 359.999, noNaN: true });
const dec = fc.double({ min: -89.9, max: 89.9, noNaN: true });
const radius = fc.double({ min: 0.01, max: 80, noNaN: true });

const circle = (points: number[]): Footprint => ({ kind: "circle", points });

/** A polygon around a place, as services give them for circles. */
function ring(a: number, d: number, r: number, corners = 24): Footprint {
  const points = Array.from({ length: corners }, (_, at) => {
    const corner = place(away(a, d, r, (360 * at) / corners));
    return [corner.ra, corner.dec];
  });
  return { kind: "polygon", points: points.flat() };
}

describe("places on the sphere", () => {
  it("come back from vectors", () => {
    fc.assert(
      fc.property(ra, dec, (a, d) => {
        const back = place(vector(a, d));
        expect(distance(vector(back.ra, back.dec), vector(a, d))).toBeLessThan(1e-9);
      }),
    );
  });
  it("lie as far away as they were put", () => {
    fc.assert(
      fc.property(ra, dec, radius, fc.double({ min: 0, max: 360, noNaN: true }), (a, d, r, p) => {
        expect(distance(vector(a, d), away(a, d, r, p))).toBeCloseTo(r, 8);
      }),
    );
  });
});

describe("fields of view", () => {
  it("of 5 degrees across have every corner 2.5 degrees from the centre", () => {
    fc.assert(
      fc.property(ra, dec, (a, d) => {
        const sFov = 5;
        for (const corner of outline(circle([a, d, sFov / 2])))
          expect(distance(vector(a, d), corner)).toBeCloseTo(2.5, 9);
      }),
    );
  });
  it("hold what is nearer than their radius, and nothing else", () => {
    fc.assert(
      fc.property(ra, dec, radius, fc.double({ min: 0, max: 360, noNaN: true }), (a, d, r, p) => {
        for (const shape of [circle([a, d, r]), ring(a, d, r)]) {
          const inside = place(away(a, d, r * 0.95, p));
          const outside = place(away(a, d, r * 1.05, p));
          expect(contains(shape, a, d)).toBe(true);
          expect(contains(shape, inside.ra, inside.dec)).toBe(true);
          expect(contains(shape, outside.ra, outside.dec)).toBe(false);
        }
      }),
    );
  });
  it("do not hold the far side of the sky", () => {
    expect(contains(ring(10, 20, 3), 190, -20)).toBe(false);
  });
  it("have sides that bend with the sphere", () => {
    const line = outline({ kind: "polygon", points: [0, 60, 40, 60, 20, 80] });
    expect(line.length).toBeGreaterThan(10);
    // A great circle between two places of the same declination passes closer to the pole.
    expect(Math.max(...line.slice(0, 4).map((corner) => place(corner).dec))).toBeGreaterThan(60);
  });
  it("lie within their cap", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(ra, dec), { minLength: 1, maxLength: 20 }), (places) => {
        const vectors = places.map(([a, d]) => vector(a, d));
        const cap = capOf(vectors);
        for (const one of vectors)
          expect(distance(cap?.centre ?? [0, 0, 1], one)).toBeLessThanOrEqual(
            (cap?.radius ?? 0) + 1e-9,
          );
      }),
    );
    expect(capOf([])).toBeNull();
  });
});

describe("the camera", () => {
  /** A map with an orthographic projection, turned and shifted. */
  function map(a: number, d: number, fov: number, turn: number): Mapped {
    const pixels = 300 / Math.sin((Math.min(fov, 180) * Math.PI) / 360);
    const [cosine, sine] = [Math.cos(turn), Math.sin(turn)];
    return {
      getRaDec: () => [a, d],
      getFov: () => [fov, fov],
      world2pix(otherRa, otherDec) {
        const [x, y] = [otherRa - a, otherDec].map((degrees) => (degrees * Math.PI) / 180) as [
          number,
          number,
        ];
        const d0 = (d * Math.PI) / 180;
        const e = Math.cos(y) * Math.sin(x);
        const n = Math.sin(y) * Math.cos(d0) - Math.cos(y) * Math.cos(x) * Math.sin(d0);
        return [310 - pixels * (cosine * e - sine * n), 176 - pixels * (sine * e + cosine * n)];
      },
    };
  }
  it("puts places where the map puts them", () => {
    fc.assert(
      fc.property(
        ra,
        dec,
        fc.double({ min: 0.1, max: 180, noNaN: true }),
        fc.double({ min: 0, max: 6.28, noNaN: true }),
        fc.double({ min: 0, max: 0.45, noNaN: true }),
        fc.double({ min: 0, max: 360, noNaN: true }),
        (a, d, fov, turn, part, p) => {
          const sky = map(a, d, fov, turn);
          const camera = measure(sky);
          if (!camera) throw new Error("no camera");
          const at = away(a, d, fov * part, p);
          const there = place(at);
          const expected = sky.world2pix(there.ra, there.dec) ?? [0, 0];
          const got = project(camera, at) ?? [0, 0];
          expect(Math.hypot(got[0] - expected[0], got[1] - expected[1])).toBeLessThan(0.01);
        },
      ),
    );
  });
  it("does not see what lies behind", () => {
    const camera = measure(map(10, 20, 180, 0));
    expect(camera && project(camera, vector(190, -20))).toBeNull();
  });
  it("waits for a map that is not ready", () => {
    expect(
      measure({ getRaDec: () => [0, 0], getFov: () => [10, 10], world2pix: () => null }),
    ).toBeNull();
  });
});
