import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  axisTime,
  formatCell,
  formatCount,
  formatDuration,
  formatNumber,
  formatSize,
  formatTime,
  kindOf,
  shownUnit,
} from "../../src/results/format";
import { column } from "./rows";

const time = (mjd: number) => formatTime(mjd, "TT");

describe("times", () => {
  it("are those of the scale that is named: TT and UTC lie 64.184 s apart in 2004", () => {
    // 2004-03-27T00:47:04.184 TT, as the header of a run has it.
    const mjd = 53091 + (47 * 60 + 4.184) / 86400;
    expect(formatTime(mjd, "TT", true)).toBe("2004-03-27 00:47:04.184");
    expect(formatTime(mjd, "UTC", true)).toBe("2004-03-27 00:46:00");
    expect(formatTime(mjd, "TT")).toBe("2004-03-27 00:47:04");
  });
  it("before UTC had leap seconds are left in TT", () => {
    expect(formatTime(30000, "UTC")).toBe("MJD 30000 TT");
    expect(axisTime(30000, "UTC")).toBeNaN();
  });
  it("keep their order on an axis", () => {
    const mjd = fc.double({ min: 45000, max: 62000, noNaN: true });
    fc.assert(
      fc.property(mjd, mjd, fc.constantFrom("TT" as const, "UTC" as const), (a, b, scale) => {
        // A leap second is one place on the axis with the second before it.
        if (a < b) expect(axisTime(a, scale)).toBeLessThanOrEqual(axisTime(b, scale) + 1001);
      }),
    );
  });
});

describe("numbers", () => {
  it("are read again as nearly the same", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const back = Number(formatNumber(value));
        expect(Math.abs(back - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-5);
      }),
    );
  });
  it("of bytes have a unit that suits", () => {
    expect(formatSize(0)).toBe("0 B");
    expect(formatSize(95_040)).toBe("95 kB");
    expect(formatSize(999_600)).toBe("1 MB");
    expect(formatSize(3.2e9)).toBe("3.2 GB");
  });
  it("of rows are grouped", () => {
    expect(formatCount(1234567)).toBe("1\u202f234\u202f567");
    expect(formatCount(12)).toBe("12");
  });
  it("of seconds are said in hours and minutes", () => {
    expect(formatDuration(1691)).toBe("28 min 11 s");
    expect(formatDuration(7260)).toBe("2 h 1 min");
    expect(formatDuration(3599.7)).toBe("1 h 0 min");
  });
});

describe("columns", () => {
  const energy = column("energy_min", { datatype: "double", unit: "eV", ucd: "em.energy" });
  const start = column("t_min", { datatype: "double", unit: "d", ucd: "time.start;obs" });
  it("with energies are shown in TeV, whatever the service's unit", () => {
    expect(formatCell(2.917e11, energy, time)).toBe("0.2917");
    expect(formatCell(20, { ...energy, unit: "GeV" }, time)).toBe("0.02");
    expect(shownUnit(energy, "TT")).toBe("TeV");
  });
  it("with times are shown as date and time", () => {
    expect(kindOf(start)).toBe("time");
    expect(formatCell(53091, start, time)).toBe("2004-03-27 00:00:00");
    expect(shownUnit(start, "UTC")).toBe("UTC");
  });
  it("with parts of a reference epoch are no times", () => {
    const whole = column("mjdrefi", { datatype: "int", unit: "d", ucd: "time.epoch" });
    const rest = column("mjdreff", { datatype: "double", unit: "d", ucd: "time.epoch;arith.diff" });
    expect(formatCell(51910, whole, time)).toBe("51910");
    expect(kindOf(rest)).toBe("number");
  });
  it("with nothing in them are empty, and nothing else is", () => {
    expect(formatCell(null, energy, time)).toBe("");
    expect(formatCell(0, energy, time)).toBe("0");
    expect(formatCell(false, column("x", { datatype: "boolean" }), time)).toBe("no");
    expect(formatCell([1, null], column("x", { datatype: "int" }), time)).toBe("1 -");
  });
  it("with sizes are shown in units that suit", () => {
    const size = column("access_estsize", {
      datatype: "long",
      unit: "kbyte",
      ucd: "phys.size;meta.file",
    });
    expect(formatCell(189, size, time)).toBe("189 kB");
  });
});
