import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Camera, project } from "../../src/results/camera";
import { axes, type Vector, vector } from "../../src/results/geometry";
import { InView, roomFor } from "../../src/results/inview";
import { makeScene, type Scene } from "../../src/results/scene";
import { observed } from "./rows";

const [WIDTH, HEIGHT] = [600, 350];

function look(ra: number, dec: number, scale: number): Camera {
  const [x, y] = [WIDTH / 2, HEIGHT / 2];
  return { centre: vector(ra, dec), ...axes(ra, dec), x, y, matrix: [-scale, 0, 0, -scale] };
}

function ends(scene: Scene, camera: Camera, off = 0.5, outlines: Uint32Array | null = null) {
  const into = new Uint32Array(roomFor(scene));
  const view = new InView(camera, WIDTH, HEIGHT);
  return into.subarray(0, view.lines(scene, outlines, off, into));
}

const sky = fc.record({
  ra: fc.double({ min: 0, max: 359.9, noNaN: true }),
  dec: fc.double({ min: -89, max: 89, noNaN: true }),
});

describe("what is in view", () => {
  it("has closed lines, finer ones where they are larger", () => {
    const scene = makeScene([observed("a")]);
    const counts = [20, 2000, 50_000].map((scale) => {
      const lines = ends(scene, look(83.6, 22, scale));
      expect(lines.at(-1)).toBe(lines[0]);
      for (let at = 1; at + 1 < lines.length; at += 2) expect(lines[at]).toBe(lines[at + 1]);
      return lines.length;
    });
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts[0]).toBeLessThan(counts[2] ?? 0);
  });

  it("leaves nothing out that can be seen", () => {
    fc.assert(
      fc.property(
        sky,
        sky,
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        fc.double({ min: 100, max: 1e6, noNaN: true }),
        (at, from, radius, scale) => {
          const region = { kind: "circle" as const, points: [at.ra, at.dec, radius] };
          const scene = makeScene([observed("a", { ...at, region })]);
          const camera = look(from.ra, from.dec, scale);
          const corners = scene.corners;
          let isSeen = false;
          for (let one = 0; one < corners.length; one += 3) {
            const v: Vector = [corners[one] ?? 0, corners[one + 1] ?? 0, corners[one + 2] ?? 0];
            const [x, y] = project(camera, v) ?? [-1, -1];
            isSeen ||= x >= 0 && x <= WIDTH && y >= 0 && y <= HEIGHT;
          }
          if (isSeen) expect(ends(scene, camera).length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("has neither what lies behind the sky nor what lies beside the map", () => {
    const scene = makeScene([observed("a")]);
    expect(ends(scene, look(263.6, -22, 300))).toHaveLength(0);
    expect(ends(scene, look(113.6, 22, 5000))).toHaveLength(0);
    const into = new Uint32Array(roomFor(scene));
    expect(new InView(look(263.6, -22, 300), WIDTH, HEIGHT).places(scene.pointings, 9, into)).toBe(
      0,
    );
    expect(new InView(look(83, 22, 300), WIDTH, HEIGHT).places(scene.pointings, 9, into)).toBe(1);
  });

  it("takes only the outlines that are asked for, coarser ones on the way", () => {
    const region = { kind: "circle" as const, points: [90, 22, 2.5] };
    const scene = makeScene([observed("a"), observed("b", { ra: 90, region })]);
    const camera = look(86, 22, 900);
    const both = ends(scene, camera);
    const second = ends(scene, camera, 0.5, new Uint32Array([1]));
    expect(both.length).toBe(2 * second.length);
    expect(second[0]).toBe(scene.firsts[1]);
    expect(ends(scene, camera, 1.5).length).toBeLessThan(both.length);
  });
});
