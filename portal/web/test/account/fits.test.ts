import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRange } from "../../src/account/jobs/fits";
import { colours } from "../../src/account/jobs/map";

function file(values: number[], cards: string[] = [], bits = -32): ArrayBuffer {
  const lines = ["SIMPLE  =                    T", `BITPIX  = ${bits}`, "NAXIS   = 2"];
  const axes = [`NAXIS1  = ${values.length} / pixels`, "NAXIS2  = 1"];
  const header = [...lines, ...axes, ...cards, "END"].map((line) => line.padEnd(80)).join("");
  const start = Math.ceil(header.length / 2880) * 2880;
  const buffer = new ArrayBuffer(start + values.length * 8);
  new Uint8Array(buffer).set(new TextEncoder().encode(header.padEnd(start)));
  const view = new DataView(buffer, start);
  for (const [index, value] of values.entries())
    bits === -32 ? view.setFloat32(index * 4, value) : view.setFloat64(index * 8, value);
  return buffer;
}

describe("a map's values", () => {
  it("are told with their unit, blank pixels aside", () => {
    const map = file([1.5, Number.NaN, -2, 30], ["BUNIT   = 'sigma   '           / unit"]);
    expect(readRange(map)).toEqual({ low: -2, high: 30, unit: "sigma" });
    expect(colours(readRange(map))).toBe(": black is -2, bright yellow is 30 sigma");
  });
  it("are found whatever they are", () => {
    const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    fc.assert(
      fc.property(numbers, (values) => {
        const range = readRange(file(values, [], -64));
        expect([range?.low, range?.high]).toEqual([Math.min(...values), Math.max(...values)]);
      }),
    );
  });
  it("are not made up where there are none", () => {
    expect(readRange(file([Number.NaN]))).toBeNull();
    expect(readRange(file([1, 2], [], 16))).toBeNull();
    expect(readRange(file([1, 2]).slice(0, 2882))).toBeNull();
    expect(colours(null)).toBe("");
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(readRange(new Uint8Array(bytes).buffer)).toBeNull();
      }),
    );
  });
});
