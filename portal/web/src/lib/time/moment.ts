// Moments in TT and UTC without loss: a day and the seconds of it, never one floating-point number.
import { FIRST_UTC_DAY, taiMinusUtc, utcDayLength } from "./leap";

export type Scale = "TT" | "UTC";

/** A moment in TT: whole days of MJD, and seconds from 0 up to 86400. */
export interface Moment {
  day: number;
  seconds: number;
}

/** A reading of a clock: as a moment, but in a scale that is named beside it. A day of UTC may have 86401 s. */
export type Reading = Moment;

/** A time that cannot be understood or does not exist; the message is for people. */
export class TimeError extends Error {
  override name = "TimeError";
}

const DAY = 86_400;
const TT_MINUS_TAI = 32.184;

/** Bring seconds that lie outside the day back into one. */
export function normal(day: number, seconds: number): Moment {
  const days = Math.floor(seconds / DAY);
  const rest = seconds - days * DAY;
  // A tiny negative number gives a rest of 86400 when rounded.
  return rest >= DAY ? { day: day + days + 1, seconds: 0 } : { day: day + days, seconds: rest };
}

function ttFromUtc(utc: Reading): Moment {
  if (utc.day < FIRST_UTC_DAY)
    throw new TimeError("UTC before 1972 has no whole leap seconds; give such a time in TT.");
  return normal(utc.day, utc.seconds + taiMinusUtc(utc.day) + TT_MINUS_TAI);
}

function utcFromTt(tt: Moment): Reading {
  const within = (day: number) =>
    (tt.day - day) * DAY + tt.seconds - taiMinusUtc(day) - TT_MINUS_TAI;
  const same = tt.day >= FIRST_UTC_DAY ? within(tt.day) : -1;
  if (same >= 0) return { day: tt.day, seconds: same };
  if (tt.day - 1 < FIRST_UTC_DAY)
    throw new TimeError("UTC before 1972 has no whole leap seconds; look at this time in TT.");
  return { day: tt.day - 1, seconds: within(tt.day - 1) };
}

/** The moment at which a clock of the scale shows this. */
export function fromReading(reading: Reading, scale: Scale): Moment {
  return scale === "UTC" ? ttFromUtc(reading) : reading;
}

/** What a clock of the scale shows at the moment. */
export function toReading(moment: Moment, scale: Scale): Reading {
  return scale === "UTC" ? utcFromTt(moment) : moment;
}

/** Length of a day in the scale, in seconds. */
export function dayLength(day: number, scale: Scale): number {
  return scale === "UTC" && day >= FIRST_UTC_DAY ? utcDayLength(day) : DAY;
}

/** The moment as the API takes it, MJD in TT as one number (steps of half a microsecond today). */
export function toMjd(moment: Moment): number {
  return moment.day + moment.seconds / DAY;
}

/** A moment from MJD in TT as one number. */
export function fromMjd(mjd: number): Moment {
  const day = Math.floor(mjd);
  return normal(day, (mjd - day) * DAY);
}

/** Seconds from one moment to another. */
export function secondsBetween(from: Moment, to: Moment): number {
  return (to.day - from.day) * DAY + (to.seconds - from.seconds);
}
