// Values as people read them. What is unknown is an empty string here, and a dash on the page.
import type { Schemas } from "../api/client";
import { formatIso, fromMjd, type Scale, TimeError } from "../lib/time";
import { toReading } from "../lib/time/moment";

type Column = Schemas["ColumnInfo"];
export type Cell = Schemas["Page"]["rows"][number][number];
export type TimeScale = Scale;

const EV: Record<string, number> = { ev: 1, kev: 1e3, mev: 1e6, gev: 1e9, tev: 1e12 };
const BYTES: Record<string, number> = { byte: 1, b: 1, kbyte: 1000, kb: 1000, mbyte: 1e6, mb: 1e6 };

/** A number with so many significant digits, without zeros that say nothing. */
export function formatNumber(value: number, digits = 6): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e9) return String(Number(value.toPrecision(digits)));
  return value.toExponential(digits - 1).replace(/\.?0+e/, "e");
}

/** An energy, given in eV, as a number of TeV. */
export function formatTev(ev: number): string {
  return formatNumber(ev / 1e12, 4);
}

/** An MJD in TT as date and time of a scale, to the second or (if precise) to the millisecond. */
export function formatTime(mjd: number, scale: TimeScale, precise = false): string {
  try {
    const iso = formatIso(fromMjd(mjd), scale).replace("T", " ").replace(/Z$/, "");
    return precise ? iso : iso.replace(/\.\d+$/, "");
  } catch (error) {
    // UTC has no whole leap seconds before 1972; what it was then is not made up here.
    if (error instanceof TimeError) return `MJD ${mjd} TT`;
    throw error;
  }
}

/** An MJD in TT on an axis of dates: milliseconds that a clock of the scale has run since 1970. */
export function axisTime(mjd: number, scale: TimeScale): number {
  try {
    const reading = toReading(fromMjd(mjd), scale);
    return (reading.day - 40587) * 86_400_000 + reading.seconds * 1000;
  } catch (error) {
    if (error instanceof TimeError) return Number.NaN;
    throw error;
  }
}

/** Bytes in the unit that suits them. */
export function formatSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit]}`;
}

/** A time span in hours, minutes and seconds. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${formatNumber(seconds, 3)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = whole % 60;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`;
}

/** Counts with thin groups of three, the same in every locale. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

export type Kind = "time" | "energy" | "size" | "degrees" | "url" | "number" | "text";

/** What a column holds, as its unit, its UCD and its name tell. */
export function kindOf(column: Column): Kind {
  const unit = (column.unit ?? "").toLowerCase();
  const ucd = (column.ucd ?? "").toLowerCase();
  // Whole numbers and differences, such as the parts of a reference epoch, are no dates.
  if (unit === "d" && /^time\.(start|end|epoch)/.test(ucd) && !/arith/.test(ucd)) {
    if (/double|float|real/i.test(column.datatype)) return "time";
  }
  if (unit in EV) return "energy";
  if (unit in BYTES && /size/.test(ucd)) return "size";
  if (unit === "deg") return "degrees";
  if (ucd.startsWith("meta.ref.url") || /(^|_)url$|^preview$/.test(column.name)) return "url";
  return /char|string|unicode|text/i.test(column.datatype) ? "text" : "number";
}

/** Whether a column's cells and its head stand at the right: numbers, whose digits are compared. */
export function isRight(column: Column): boolean {
  return ["energy", "size", "degrees", "number"].includes(kindOf(column));
}

/** The unit that a column's cells are shown in; an empty string for none. */
export function shownUnit(column: Column, scale: TimeScale): string {
  const kind = kindOf(column);
  if (kind === "time") return scale;
  if (kind === "energy") return "TeV";
  if (kind === "size") return "";
  return column.unit ?? "";
}

function one(value: string | number | boolean, column: Column, kind: Kind, time: Timer): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  const unit = (column.unit ?? "").toLowerCase();
  if (kind === "time") return time(value);
  if (kind === "energy") return formatTev(value * (EV[unit] ?? 1));
  if (kind === "size") return formatSize(value * (BYTES[unit] ?? 1));
  if (kind === "degrees") return value.toFixed(4);
  return formatNumber(value);
}

/** How an MJD in TT is shown. */
export type Timer = (mjd: number) => string;

/** A cell as people read it. */
export function formatCell(cell: Cell, column: Column, time: Timer): string {
  if (cell === null) return "";
  const kind = kindOf(column);
  if (Array.isArray(cell))
    return cell.map((part) => (part === null ? "-" : one(part, column, kind, time))).join(" ");
  return one(cell, column, kind, time);
}
