import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatEnergy, parseEnergy, UNIT_NAMES } from "../../src/lib/energy";
import { convert, unitsLike } from "../../src/lib/units";

describe("energies", () => {
  it.each([
    ["1", "TeV", 1e12],
    ["0.5", "TeV", 5e11],
    ["500 GeV", "TeV", 5e11],
    ["500gev", "TeV", 5e11],
    ["1e3", "keV", 1e6],
    ["1 PeV", "eV", 1e15],
    [".1", "MeV", 1e5],
    ["1.602176634", "erg", 1e12],
    ["1", "J", 6.241509074460763e18],
    ["2.417989242084e26", "Hz", 1e12],
  ] as const)("%s %s", (text, unit, expected) => {
    expect(parseEnergy(text, unit) / expected).toBeCloseTo(1, 9);
  });
  it.each([
    ["0", /greater than 0/],
    ["-1", /not an energy/],
    ["", /not an energy/],
    ["ten", /not an energy/],
    ["1 furlong", /not a unit/],
    ["1e400", /greater than 0/],
  ])("'%s' is refused with words", (text, words) => {
    expect(() => parseEnergy(text, "TeV")).toThrow(words);
  });
  it("come back from their text in every unit", () => {
    const energies = fc.double({ min: 1, max: 1e18, noNaN: true });
    fc.assert(
      fc.property(energies, fc.constantFrom(...UNIT_NAMES), (energy, unit) => {
        expect(parseEnergy(formatEnergy(energy, unit), unit) / energy).toBeCloseTo(1, 10);
      }),
    );
  });
});

describe("units of fields", () => {
  it("have families", () => {
    expect(unitsLike("s")).toEqual(["s", "min", "h"]);
    expect(unitsLike("kbyte")).toEqual(["kbyte"]);
    expect(unitsLike(null)).toEqual([]);
    expect(convert(0.5, "h", "s")).toBe(1800);
    expect(convert(5, "kbyte", "kbyte")).toBe(5);
    expect(() => convert(1, "h", "deg")).toThrow(/no way/);
  });
});
