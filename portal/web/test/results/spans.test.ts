import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { energySpans, rangesOf } from "../../src/results/energies";
import { binsOf, boxesOf, lanesOf, niceStep, pathOf, rowsInBox } from "../../src/results/spans";
import { axisValue } from "../../src/results/timeline";
import { observed } from "./rows";

describe("bins", () => {
  it("hold every value once, each in its own", () => {
    const value = fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { nil: null });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200 }), (values) => {
        const bins = binsOf(values);
        const rows = bins.flatMap((bin) => bin.rows).sort((a, b) => a - b);
        expect(rows).toEqual(values.flatMap((one, at) => (one === null ? [] : [at])));
        for (const { from, to, rows: own } of bins)
          for (const row of own) {
            const slack = (to - from) * 1e-6;
            expect(values[row]).toBeGreaterThanOrEqual(from - slack);
            expect(values[row]).toBeLessThanOrEqual(to + slack);
          }
      }),
    );
  });
  it("are one where values can hardly be told apart", () => {
    expect(binsOf([0, 5e-324]).map(({ rows }) => rows)).toEqual([[0, 1]]);
    expect(binsOf([1e6, 1e6 + 1e-10, null]).map(({ rows }) => rows)).toEqual([[0, 1]]);
  });
  it("are about as many as wished, with borders that are easy to read", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), (extent) => {
        const step = niceStep(extent, 20);
        expect(extent / step).toBeLessThanOrEqual(20.001);
        expect(extent / step).toBeGreaterThan(7.9);
      }),
    );
    expect(binsOf([5, 5, 5])).toHaveLength(1);
    expect(binsOf([null])).toEqual([]);
  });
});

describe("spans", () => {
  const spans = [
    { row: 0, from: 1, to: 2, y: 0 },
    { row: 1, from: 5, to: 9, y: 1 },
  ];
  it("are drawn with gaps between them, and every point knows its row", () => {
    const path = pathOf(spans, (from, to) => (from + to) / 2);
    expect(path.x).toEqual([1, 1.5, 2, null, 5, 7, 9, null]);
    expect(path.rows[5]).toBe(1);
    expect(boxesOf(spans, 0.3).x).toHaveLength(12);
  });
  it("are selected by a box that meets them, whichever way it was drawn", () => {
    expect(rowsInBox(spans, [8, 1.5], [1.2, -0.2])).toEqual([0, 1]);
    expect(rowsInBox(spans, [3, 4], [-1, 2])).toEqual([]);
    expect(rowsInBox(spans, [6, 7], [0.5, 1.5])).toEqual([1]);
  });
  it("of a box on the axis of dates are read as UTC, whatever the browser's zone", () => {
    expect(axisValue("2004-03-27 00:47:04.184")).toBe(Date.UTC(2004, 2, 27, 0, 47, 4, 184));
    expect(axisValue("2004-03-27")).toBe(Date.UTC(2004, 2, 27));
    expect(axisValue(12)).toBe(12);
  });
});

describe("lanes", () => {
  it("are one for each target, and one for those that are too many", () => {
    const rows = Array.from({ length: 40 }, (_, at) =>
      observed(String(at), { target_name: `T${at % 20}` }),
    );
    const { names, lane } = lanesOf(rows);
    expect(names).toHaveLength(16);
    expect(names.at(-1)).toBe("5 other targets");
    expect(lane.every((one) => one >= 0 && one < 16)).toBe(true);
  });
  it("have a place for what has no target", () => {
    expect(lanesOf([observed("a", { target_name: null })]).names).toEqual(["no target"]);
  });
});

describe("energy ranges", () => {
  it("leave out what is unknown or makes no sense", () => {
    const rows = [
      observed("a", { energy_min: null }),
      observed("b", { energy_min: 0 }),
      observed("c", { energy_min: 2e14, energy_max: 1e14 }),
      observed("d"),
      observed("e", { energy_min: 1e11 }),
    ];
    const spans = energySpans(rows);
    expect(spans.map(({ row, y }) => [row, y])).toEqual([
      [4, 1],
      [3, 2],
    ]);
    expect(rangesOf(spans)).toHaveLength(2);
  });
});
