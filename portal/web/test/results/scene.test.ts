import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vector } from "../../src/results/geometry";
import { makeScene, marked, rowsAt, rowsWithin, strideFor } from "../../src/results/scene";
import { observed } from "./rows";

describe("a scene", () => {
  it("has the same field of view once, however many rows have it", () => {
    const scene = makeScene([
      observed("a"),
      observed("b"),
      observed("c", { ra: 90, region: { kind: "circle", points: [90, 22, 2.5] } }),
    ]);
    expect(scene.outlines).toHaveLength(2);
    expect([...scene.outlineOf]).toEqual([0, 0, 1]);
    expect(scene.pointings).toHaveLength(6);
  });
  it("keeps pointing and target apart", () => {
    const scene = makeScene([observed("a", { ra: 10, dec: 0, target_ra: 11, target_dec: 0 })]);
    expect([...scene.pointings]).not.toEqual([...scene.targets]);
  });
  it("takes rows without place or field of view", () => {
    const nothing = { ra: null, dec: null, target_ra: null, target_dec: null, region: null };
    const scene = makeScene([observed("a", nothing)]);
    expect(scene.cap).toBeNull();
    expect(marked(scene, new Set(["a"])).outlines).toHaveLength(0);
    expect(rowsAt(scene, 0, 0)).toEqual([]);
  });
  it("leaves out corners only where nobody sees it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 200 }),
        fc.double({ min: 1, max: 5000, noNaN: true }),
        (n, r) => {
          const drawn = n / strideFor(n, r);
          if (strideFor(n, r) > 1) expect(r * (1 - Math.cos(Math.PI / drawn))).toBeLessThan(0.51);
        },
      ),
    );
    expect(strideFor(4, 1)).toBe(1);
  });
});

describe("what lies at a place", () => {
  const rows = [
    observed("far", { ra: 85, dec: 22, region: { kind: "circle", points: [85, 22, 2.5] } }),
    observed("near"),
    observed("elsewhere", { ra: 200, dec: 0, region: { kind: "circle", points: [200, 0, 2.5] } }),
  ];
  const scene = makeScene(rows);
  it("is found in order of distance", () => {
    expect(rowsAt(scene, 83.6, 22).map((row) => row.did)).toEqual(["near", "far"]);
  });
  it("is not found outside of all fields of view", () => {
    expect(rowsAt(scene, 83.6, 26)).toEqual([]);
  });
  it("is found within a radius", () => {
    expect(rowsWithin(scene, vector(200, 0), 1).map((row) => row.did)).toEqual(["elsewhere"]);
  });
});
