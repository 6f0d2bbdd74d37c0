import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Epoch,
  formatIso,
  formatMet,
  formatMjd,
  fromMjd,
  type Moment,
  parseEpoch,
  parseIntervals,
  parseIso,
  parseMet,
  parseMjd,
  rewriteIntervals,
  type Scale,
  secondsBetween,
  toMjd,
} from "../../src/lib/time";
import { taiMinusUtc, utcDayLength } from "../../src/lib/time/leap";
import { fixture } from "./fixtures";

type Row = [utc: string, tt: string, mjdUtc: string, mjdTt: string, met0: string, met1: string];
const { rows, epochs } = fixture<{ rows: Row[]; epochs: [number, string][] }>("times.json");
const EPOCHS = epochs.map(([day, fraction]) => ({ day, fraction: Number(fraction) })) as [
  Epoch,
  Epoch,
];

/** Worst distance in seconds over all rows. */
function worst(distance: (row: Row) => number): number {
  return Math.max(...rows.map((row) => Math.abs(distance(row))));
}

const tt = (row: Row) => parseIso(row[1], "TT");
const tidy = (iso: string) => iso.slice(0, 23).replace(/\.?0+$/, "");

describe("against astropy", () => {
  it("has moments around every leap second", () => {
    expect(rows.length).toBeGreaterThan(3000);
    expect(rows.filter(([utc]) => utc.includes("23:59:60")).length).toBeGreaterThanOrEqual(54);
  });
  it("reads each notation of a moment as the same moment, to a microsecond", () => {
    expect(worst((row) => secondsBetween(parseIso(row[0], "UTC"), tt(row)))).toBeLessThan(1e-6);
    expect(worst((row) => secondsBetween(parseMjd(row[2], "UTC"), tt(row)))).toBeLessThan(1e-6);
    expect(worst((row) => secondsBetween(parseMjd(row[3], "TT"), tt(row)))).toBeLessThan(1e-6);
    for (const k of [0, 1] as const) {
      const distance = (row: Row) =>
        secondsBetween(parseMet(row[4 + k] as string, EPOCHS[k]), tt(row));
      expect(worst(distance)).toBeLessThan(1e-6);
    }
  });
  it("gives the API its MJD in TT to a microsecond", () => {
    expect(worst((row) => (toMjd(parseIso(row[0], "UTC")) - Number(row[3])) * 86_400)).toBeLessThan(
      1e-6,
    );
  });
  it("writes the same texts, to the millisecond and better", () => {
    for (const row of rows) {
      const moment = parseIso(row[0], "UTC");
      expect(formatIso(moment, "UTC")).toBe(tidy(row[0]));
      expect(formatIso(moment, "TT")).toBe(tidy(row[1]));
    }
    const off = (text: string, other: string | undefined) => Number(text) - Number(other);
    expect(worst((row) => off(formatMjd(tt(row), "UTC"), row[2]) * 86_400)).toBeLessThan(2e-6);
    expect(worst((row) => off(formatMjd(tt(row), "TT"), row[3]) * 86_400)).toBeLessThan(2e-6);
    expect(worst((row) => off(formatMet(tt(row), EPOCHS[0]), row[4]))).toBeLessThan(2e-6);
  });
});

describe("any moment", () => {
  const scales = fc.constantFrom<Scale>("TT", "UTC");
  // From 1972-01-02 to 2049-12-31, any millisecond.
  const moments = fc
    .tuple(fc.integer({ min: 41_318, max: 69_806 }), fc.integer({ min: 0, max: 86_399_999 }))
    .map(([day, ms]): Moment => ({ day, seconds: ms / 1000 }));
  const near = (a: Moment, b: Moment) => Math.abs(secondsBetween(a, b)) < 1e-6;

  it("comes back from each notation as it was", () => {
    fc.assert(
      fc.property(moments, scales, fc.constantFrom(...EPOCHS), (moment, scale, epoch) => {
        expect(near(parseIso(formatIso(moment, scale), scale), moment)).toBe(true);
        expect(near(parseMjd(formatMjd(moment, scale), scale), moment)).toBe(true);
        expect(near(parseMet(formatMet(moment, epoch), epoch), moment)).toBe(true);
        expect(near(fromMjd(toMjd(moment)), moment)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
  it("has an order that all notations keep", () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 1, max: 200_000 }), scales, (moment, ms, scale) => {
        const later = { day: moment.day, seconds: moment.seconds + ms / 1000 };
        const [a, b] = [formatIso(moment, scale), formatIso(fromMjd(toMjd(later)), scale)];
        expect(a.padEnd(19, "0").localeCompare(b.padEnd(19, "0"))).toBeLessThanOrEqual(0);
        expect(secondsBetween(moment, later)).toBeCloseTo(ms / 1000, 6);
      }),
    );
  });
});

describe("leap seconds", () => {
  it("make days of 86401 s", () => {
    expect(utcDayLength(57_753)).toBe(86_401);
    expect(utcDayLength(57_754)).toBe(86_400);
    expect(taiMinusUtc(60_000)).toBe(37);
  });
  it("can be written, where there is one", () => {
    const leap = parseIso("2016-12-31T23:59:60.5", "UTC");
    expect(secondsBetween(leap, parseIso("2017-01-01T00:00:00", "UTC"))).toBeCloseTo(0.5, 9);
    expect(formatIso(leap, "UTC")).toBe("2016-12-31T23:59:60.5");
  });
  it("are refused where there is none", () => {
    expect(() => parseIso("2015-12-31T23:59:60", "UTC")).toThrow(/no second 60 .* in UTC/);
    expect(() => parseIso("2016-12-31T23:59:60", "TT")).toThrow(/no second 60 .* in TT/);
    expect(() => parseIso("2016-12-31T23:59:61", "UTC")).toThrow(/no second 61/);
    expect(() => parseIso("2016-12-31T22:59:60", "UTC")).toThrow(/no second 60/);
  });
  it("roll over where rounding reaches the next day", () => {
    expect(formatIso(parseMjd("57753.99999999999", "UTC"), "UTC")).toBe("2017-01-01T00:00:00");
    expect(formatMjd({ day: 53_000, seconds: 86_399.999_999_99 }, "TT")).toBe("53001");
  });
});

describe("what people type", () => {
  it.each([
    ["2004-03-26", "2004-03-26T00:00:00"],
    [" 2004-3-6 2:57 ", "2004-03-06T02:57:00"],
    ["2004-03-26T02:57:46.184", "2004-03-26T02:57:46.184"],
    ["2004-03-26 02:57:46.1845678", "2004-03-26T02:57:46.185"],
    ["2004-03-26T02:57:46 TT", "2004-03-26T02:57:46"],
  ])("%s is understood", (text, iso) => {
    expect(formatIso(parseIso(text, "TT"), "TT")).toBe(iso);
  });
  it.each([
    ["2004-02-30", "TT", /no day 2004-02-30/],
    ["2004-13-01", "TT", /no day/],
    ["2004-03-26T24:00:00", "TT", /Hours/],
    ["2004-03-26T02:60:00", "TT", /Minutes/],
    ["yesterday", "TT", /not a date and time/],
    ["2004-03-26T02:57:46Z", "TT", /says UTC, but the scale chosen here is TT/],
    ["1971-12-31", "UTC", /before 1972/],
  ] as const)("%s in %s is refused with words", (text, scale, words) => {
    expect(() => parseIso(text, scale)).toThrow(words);
  });
  it("before 1972 there is TT, and no UTC", () => {
    const early = parseIso("1969-07-20T20:17:40", "TT");
    expect(formatMjd(early, "TT")).toBe("40422.84560185185");
    expect(() => formatIso(early, "UTC")).toThrow(/before 1972/);
    expect(() => parseMjd("41316.5", "UTC")).toThrow(/before 1972/);
    expect(() => formatIso(parseIso("1972-01-01T00:00:42.183", "TT"), "UTC")).toThrow(
      /before 1972/,
    );
    expect(formatIso(parseIso("1972-01-01T00:00:42.184", "TT"), "UTC")).toBe("1972-01-01T00:00:00");
  });
  it("knows numbers that are none", () => {
    for (const text of ["", ".", "1e5", "12,5", "abc"])
      expect(() => parseMjd(text, "TT")).toThrow(/not a number of days/);
    expect(() => parseMet("x", EPOCHS[0])).toThrow(/not a number of seconds/);
    expect(() => parseMjd("99999999", "TT")).toThrow(/years 1 to 9999/);
  });
  it("counts seconds before the epoch", () => {
    expect(formatMet(parseMet("-0.25", EPOCHS[1]), EPOCHS[1])).toBe("-0.25");
    expect(formatIso(parseMet("-0.25", EPOCHS[1]), "TT")).toBe("2000-01-01T11:59:59.75");
  });
  it("reads the two keywords of an epoch", () => {
    expect(parseEpoch("51910", "7.428703703703703E-4")).toEqual({
      day: 51_910,
      fraction: 7.428703703703703e-4,
    });
    expect(parseEpoch("51544", "")).toEqual({ day: 51_544, fraction: 0 });
    expect(() => parseEpoch("51910.5", "0")).toThrow(/MJDREFI/);
    expect(() => parseEpoch("51910", "1")).toThrow(/MJDREFF/);
  });
});

describe("intervals", () => {
  it("come from lines in many spellings", () => {
    const text = [
      "2004-03-26T02:57:46 2004-03-26T03:25:48",
      "",
      "# a comment",
      "53090.5, 53091.25  # MJD",
      "2004-03-26 02:57:46 - 2004-03-26 03:25:48",
      "[2004-03-26, 2004-03-27]",
      "53090.5/53091",
      "2004-03-26 to 2004-03-27",
    ].join("\n");
    const read = parseIntervals(text, "TT");
    expect(read.problems).toEqual([]);
    expect(read.intervals).toHaveLength(6);
    expect(read.intervals[1]).toEqual([53_090.5, 53_091.25]);
    expect(read.intervals[3]).toEqual([53_090, 53_091]);
  });
  it("say which line is wrong", () => {
    const read = parseIntervals("53090 53091\n53090\n53091 53090\n2004-02-30 2004-03-01\nx", "UTC");
    expect(read.intervals).toHaveLength(1);
    expect(read.problems.map(({ line }) => line)).toEqual([2, 3, 4, 5]);
    expect(read.problems[1]?.message).toMatch(/end does not come after/);
  });
  it("stay the same in another scale", () => {
    const text = "2004-03-26T02:57:46 - 53091.5 # run 5-6\n\nnonsense 2004-02-30\n1 2";
    const utc = rewriteIntervals(text, "TT", "UTC");
    expect(utc).toBe(
      "2004-03-26T02:56:41.816 - 53091.49925712963 # run 5-6\n\nnonsense 2004-02-30\n1 2",
    );
    const [back, there] = [parseIntervals(utc, "UTC"), parseIntervals(text, "TT")];
    expect(back.intervals[0]?.[1]).toBeCloseTo(there.intervals[0]?.[1] as number, 10);
  });
  it("are in the scale chosen", () => {
    const [[start] = [0]] = parseIntervals("53090 53091", "UTC").intervals;
    expect((start - 53_090) * 86_400).toBeCloseTo(64.184, 5);
  });
});
