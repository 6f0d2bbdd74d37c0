// Times as people write them: ISO date and time, MJD, mission elapsed time.
import {
  dayLength,
  fromReading,
  type Moment,
  normal,
  type Scale,
  secondsBetween,
  TimeError,
  toReading,
} from "./moment";

/** Zero point of a mission elapsed time: whole days and the rest of a day, MJD in TT. */
export interface Epoch {
  day: number;
  fraction: number;
}

export type Notation = "iso" | "mjd" | "met";

const UNIX_EPOCH = 40_587;
const FIRST_DAY = -678_575; // 0001-01-01
const LAST_DAY = 2_973_483; // 9999-12-31
const ISO =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\s*(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?)?\s*(Z|UTC|TT)?$/i;

function dayOf(year: number, month: number, date: number): number {
  const milliseconds = new Date(0).setUTCFullYear(year, month - 1, date);
  const back = new Date(milliseconds);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== date)
    throw new TimeError(`There is no day ${year}-${two(month)}-${two(date)}.`);
  return milliseconds / 86_400_000 + UNIX_EPOCH;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function checkScale(suffix: string | undefined, scale: Scale): void {
  const said = suffix?.toUpperCase() === "Z" ? "UTC" : suffix?.toUpperCase();
  if (said && said !== scale)
    throw new TimeError(`This time says ${said}, but the scale chosen here is ${scale}.`);
}

/** Read a date with or without time of day. */
export function parseIso(text: string, scale: Scale): Moment {
  const match = ISO.exec(text.trim());
  if (!match)
    throw new TimeError(
      `'${text.trim()}' is not a date and time such as 2004-03-26 or 2004-03-26T02:57:46.184.`,
    );
  const [, year, month, date, hours = "0", minutes = "0", seconds = "0", suffix] = match;
  checkScale(suffix, scale);
  const day = dayOf(Number(year), Number(month), Number(date));
  if (Number(hours) > 23) throw new TimeError(`Hours go from 0 to 23, not to ${hours}.`);
  if (Number(minutes) > 59) throw new TimeError(`Minutes go from 0 to 59, not to ${minutes}.`);
  const before = Number(hours) * 3600 + Number(minutes) * 60;
  const lastMinute = before === 86_340 ? dayLength(day, scale) - before : 60;
  if (Number(seconds) >= lastMinute) {
    const where = `${year}-${two(Number(month))}-${two(Number(date))} ${hours}:${minutes} in ${scale}`;
    throw new TimeError(`There is no second ${seconds} at ${where}.`);
  }
  return fromReading({ day, seconds: before + Number(seconds) }, scale);
}

/** Write date and time to the millisecond; zeros at the end are left out. */
export function formatIso(moment: Moment, scale: Scale): string {
  let { day, seconds } = toReading(moment, scale);
  if (day < FIRST_DAY || day > LAST_DAY)
    throw new TimeError("This lies outside the years 1 to 9999.");
  let milliseconds = Math.round(seconds * 1000);
  if (milliseconds >= dayLength(day, scale) * 1000) {
    milliseconds = 0;
    day += 1;
  }
  const date = new Date((day - UNIX_EPOCH) * 86_400_000).toISOString().slice(0, 10);
  // The last minute of a day with a leap second has 61 seconds.
  const minute = Math.min(Math.floor(milliseconds / 60_000), 1439);
  seconds = milliseconds - minute * 60_000;
  const rest = seconds % 1000;
  const tail = rest === 0 ? "" : `.${String(rest).padStart(3, "0").replace(/0+$/, "")}`;
  return `${date}T${two(Math.floor(minute / 60))}:${two(minute % 60)}:${two(Math.floor(seconds / 1000))}${tail}`;
}

/** Read a decimal number as its whole part (rounded down) and the rest, so that no digit is lost. */
function split(text: string, what: string): [whole: number, rest: number] {
  const match = /^([+\-\u2212]?)(\d{1,15})?(?:\.(\d*))?$/.exec(text.trim());
  if (!match || (match[2] === undefined && !match[3]))
    throw new TimeError(`'${text.trim()}' is not a number of ${what}.`);
  const whole = Number(match[2] ?? "0");
  const rest = Number(`0.${match[3] || "0"}`);
  if (match[1] !== "-" && match[1] !== "\u2212") return [whole, rest];
  return rest === 0 ? [-whole, 0] : [-whole - 1, 1 - rest];
}

function checkDay(day: number, text: string): void {
  if (day < FIRST_DAY || day > LAST_DAY)
    throw new TimeError(`${text.trim()} lies outside the years 1 to 9999.`);
}

/** Read an MJD of the scale. On a day with a leap second, a UTC day is 86401 s long, as ERFA has it. */
export function parseMjd(text: string, scale: Scale): Moment {
  const [day, fraction] = split(text, "days (MJD)");
  checkDay(day, text);
  return fromReading({ day, seconds: fraction * dayLength(day, scale) }, scale);
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

function write(whole: number, rest: number, digits: number): string {
  const text = rest.toFixed(digits);
  if (text.startsWith("1")) return String(whole + 1);
  if (whole >= 0) return trim(`${whole}${text.slice(1)}`);
  const value = trim((-(whole + rest)).toFixed(digits));
  return Number(value) === 0 ? "0" : `-${value}`;
}

/** Write the MJD of the scale, to a microsecond. */
export function formatMjd(moment: Moment, scale: Scale): string {
  const { day, seconds } = toReading(moment, scale);
  return write(day, seconds / dayLength(day, scale), 11);
}

/** Read seconds since the epoch. They are seconds of TT, whatever the scale of other fields. */
export function parseMet(text: string, epoch: Epoch): Moment {
  const [whole, rest] = split(text, "seconds");
  const days = Math.floor(whole / 86_400);
  checkDay(epoch.day + days, text);
  return normal(epoch.day + days, whole - days * 86_400 + (rest + epoch.fraction * 86_400));
}

/** Write seconds since the epoch, to a microsecond. */
export function formatMet(moment: Moment, epoch: Epoch): string {
  const zero = normal(epoch.day, epoch.fraction * 86_400);
  const days = moment.day - zero.day;
  const seconds = secondsBetween(
    { day: 0, seconds: zero.seconds },
    { day: 0, seconds: moment.seconds },
  );
  const whole = Math.floor(seconds);
  return write(days * 86_400 + whole, seconds - whole, 6);
}

/** Read the zero point of a mission elapsed time as its two keywords have it. */
export function parseEpoch(day: string, fraction: string): Epoch {
  if (!/^\d{1,6}$/.test(day.trim()))
    throw new TimeError(`MJDREFI is a whole number of days, not '${day.trim()}'.`);
  const rest = fraction.trim() === "" ? 0 : Number(fraction);
  if (!(rest >= 0 && rest < 1))
    throw new TimeError(`MJDREFF is a number from 0 up to 1, not '${fraction.trim()}'.`);
  return { day: Number(day), fraction: rest };
}

/** Read a time in the given notation. */
export function parseTime(text: string, notation: Notation, scale: Scale, epoch: Epoch): Moment {
  if (notation === "iso") return parseIso(text, scale);
  return notation === "mjd" ? parseMjd(text, scale) : parseMet(text, epoch);
}

/** Write a time in the given notation. */
export function formatTime(moment: Moment, notation: Notation, scale: Scale, epoch: Epoch): string {
  if (notation === "iso") return formatIso(moment, scale);
  return notation === "mjd" ? formatMjd(moment, scale) : formatMet(moment, epoch);
}
