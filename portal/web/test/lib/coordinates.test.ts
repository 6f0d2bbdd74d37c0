import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatDegrees,
  formatSexagesimal,
  fromGalactic,
  looksLikeCoordinates,
  parseAngle,
  parsePosition,
  parsePositions,
  toGalactic,
} from "../../src/lib/coordinates";
import { fixture } from "./fixtures";

type Row = [ra: number, dec: number, l: number, b: number, hms: string, dms: string];
const { rows } = fixture<{ rows: Row[] }>("coordinates.json");

/** Angle between two places in degrees, exact for small ones. */
function apart(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const r = Math.PI / 180;
  const lon = Math.sin(((lon2 - lon1) * r) / 2) ** 2;
  const lat = Math.sin(((lat2 - lat1) * r) / 2) ** 2;
  return (2 * Math.asin(Math.sqrt(lat + Math.cos(lat1 * r) * Math.cos(lat2 * r) * lon))) / r;
}

describe("against astropy", () => {
  it("galactic coordinates are better than 1e-7 degrees, both ways", () => {
    expect(rows.length).toBeGreaterThan(1500);
    let worst = 0;
    for (const [ra, dec, l, b] of rows) {
      const galactic = toGalactic({ lon: ra, lat: dec });
      const icrs = fromGalactic({ lon: l, lat: b });
      worst = Math.max(worst, apart(galactic.lon, galactic.lat, l, b));
      worst = Math.max(worst, apart(icrs.lon, icrs.lat, ra, dec));
    }
    expect(worst).toBeLessThan(1e-7);
  });
  it("hours, minutes and seconds in four spellings are what was meant", () => {
    const spellings = [
      (hms: string, dms: string) => `${hms} ${dms}`,
      (hms: string, dms: string) => `${hms}${dms}`,
      (hms: string, dms: string) =>
        `${hms.replace(/[hm]/g, ":").slice(0, -1)} ${dms.replace(/[dm]/g, ":").slice(0, -1)}`,
      (hms: string, dms: string) =>
        `${hms.replace(/[hm]/g, " ").slice(0, -1)} ${dms.replace(/[dm]/g, " ").slice(0, -1)}`,
    ];
    for (const [ra, dec, , , hms, dms] of rows)
      for (const spell of spellings) {
        const got = parsePosition(spell(hms, dms), "icrs");
        // The fixture has microseconds of hours and ten microarcseconds.
        expect(apart(got.ra, got.dec, ra, dec)).toBeLessThan(1e-8);
      }
  });
});

describe("any place", () => {
  const places = fc.record({
    ra: fc.double({ min: 0, max: 359.999999, noNaN: true }),
    dec: fc.double({ min: -90, max: 90, noNaN: true }),
  });
  it("goes to galactic and back", () => {
    fc.assert(
      fc.property(places, ({ ra, dec }) => {
        const galactic = toGalactic({ lon: ra, lat: dec });
        const back = fromGalactic(galactic);
        expect(apart(back.lon, back.lat, ra, dec)).toBeLessThan(1e-9);
        expect(galactic.lon).toBeGreaterThanOrEqual(0);
        expect(galactic.lon).toBeLessThan(360);
      }),
    );
  });
  it("comes back from its text", () => {
    fc.assert(
      fc.property(places, (place) => {
        const degrees = parsePosition(formatDegrees(place), "icrs");
        expect(apart(degrees.ra, degrees.dec, place.ra, place.dec)).toBeLessThan(1e-7);
        const figures = parsePosition(formatSexagesimal(place), "icrs");
        expect(apart(figures.ra, figures.dec, place.ra, place.dec)).toBeLessThan(5e-5);
        expect(formatSexagesimal(place)).not.toMatch(/[hdm]60/);
      }),
    );
  });
});

describe("what people type", () => {
  const ra = (12 + 34 / 60 + 56.7 / 3600) * 15;
  const dec = -(1 + 2 / 60 + 3 / 3600);
  it.each([
    "12h34m56.7s -01d02m03s",
    "12h34m56.7s-01d02m03s",
    "12h 34m 56.7s -1d 2m 3s",
    "12:34:56.7 -01:02:03",
    "12:34:56.7, -01:02:03",
    "12 34 56.7 -01 02 03",
    "12 34 56.7 \u221201 02 03",
    "12h34m56.7s \u22121\u00b02\u20323\u2033",
    "12h34'56.7\" -1d2'3\"",
    "RA=12:34:56.7 Dec=-01:02:03",
    "188.73625 -1.034166666667",
    "188.73625,-1.034166666667",
    "188.73625; -1.034166666667",
    "188.73625d -1.034166666667d",
    "188.73625\u00b0 -1.034166666667\u00b0",
    "188.73625 deg -1.034166666667 deg",
    "1.8873625e2 -1.034166666667",
  ])("%s is understood", (text) => {
    const got = parsePosition(text, "icrs");
    expect(got.ra).toBeCloseTo(ra, 9);
    expect(got.dec).toBeCloseTo(dec, 9);
    expect(looksLikeCoordinates(text) || /^RA/.test(text) || /e2/.test(text)).toBe(true);
  });
  it("has positive declinations without a sign", () => {
    expect(parsePosition("05 34 31.9 22 00 52", "icrs").dec).toBeCloseTo(22.0144444, 6);
    expect(parsePosition("05h34m31.9s 22d00m52s", "icrs").dec).toBeCloseTo(22.0144444, 6);
    expect(parsePosition("5h34m 22d1m", "icrs").dec).toBeCloseTo(22 + 1 / 60, 9);
    expect(parsePosition("05 34.5 22 00.8", "icrs").ra).toBeCloseTo(83.625, 9);
  });
  it("keeps the sign of -0", () => {
    expect(parsePosition("00:00:00 -00:30:00", "icrs").dec).toBe(-0.5);
  });
  it.each([
    ["gal 184.5576 -5.7842", "icrs"],
    ["l=184.5576 b=-5.7842", "icrs"],
    ["184.5576 -5.7842", "galactic"],
    ["184:33:27.36 -5:47:03.12", "galactic"],
    ["-175.4424 -5.7842", "galactic"],
  ] as const)("%s (%s) is the Crab", (text, frame) => {
    const got = parsePosition(text, frame);
    expect(apart(got.ra, got.dec, 83.6333, 22.0145)).toBeLessThan(2e-4);
  });
  it.each([
    ["12:60:00 0:0:0", /minutes must be less than 60/],
    ["12:00:60 0:0:0", /seconds must be less than 60/],
    ["24:00:01 0:0:0", /Right ascension/],
    ["-10 5", /Right ascension goes from 0/],
    ["10 95", /Declination goes from -90/],
    ["10 12h", /Declination is in degrees/],
    ["12.5:30:00 0:0:0", /only the last figure/],
    ["10", /two angles/],
    ["", /missing/],
    ["Crab Nebula", /not an angle/],
  ])("'%s' is refused with words", (text, words) => {
    expect(() => parsePosition(text, "icrs")).toThrow(words);
  });
  it("refuses hours in galactic longitude", () => {
    expect(() => parsePosition("12h 5d", "galactic")).toThrow(/not in hours/);
  });
  it("one angle can be read alone", () => {
    expect(parseAngle("12 34 56", "hours").degrees).toBeCloseTo(188.73333333, 7);
    expect(parseAngle("12 34 56", "degrees").degrees).toBeCloseTo(12.58222222, 7);
  });
  it("tells names from coordinates", () => {
    for (const name of ["Crab Nebula", "PKS 2155-304", "3C 273", "M 87", "HESS J1745-290"])
      expect(looksLikeCoordinates(name)).toBe(false);
  });
});

describe("lists", () => {
  it("read every line, with its label", () => {
    const read = parsePositions("83.63 22.01 # Crab\n\n 12:34:56 -1:2:3\n# note\n", "icrs");
    expect(read.problems).toEqual([]);
    expect(read.positions.map(({ label }) => label)).toEqual(["Crab", null]);
  });
  it("say which line is wrong", () => {
    const read = parsePositions("83.63 22.01\nnonsense here\n83.63 99", "icrs");
    expect(read.positions).toHaveLength(1);
    expect(read.problems.map(({ line }) => line)).toEqual([2, 3]);
    expect(read.problems[1]?.message).toMatch(/Declination/);
  });
});
