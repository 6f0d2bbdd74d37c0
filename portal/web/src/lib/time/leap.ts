// Leap seconds. Source: IERS Bulletin C (file leap-seconds.list of the IERS Earth Orientation Centre,
// https://hpiers.obspm.fr/iers/bul/bulc/ntp/leap-seconds.list, public domain). No leap second has been
// announced after the last line; ANNOUNCED_UNTIL is how far the IERS has spoken. Later days are computed
// as if there were none, as astropy does.

/** First MJD of each value of TAI - UTC, in whole seconds. */
export const TAI_MINUS_UTC: readonly (readonly [mjd: number, seconds: number])[] = [
  [41317, 10],
  [41499, 11],
  [41683, 12],
  [42048, 13],
  [42413, 14],
  [42778, 15],
  [43144, 16],
  [43509, 17],
  [43874, 18],
  [44239, 19],
  [44786, 20],
  [45151, 21],
  [45516, 22],
  [46247, 23],
  [47161, 24],
  [47892, 25],
  [48257, 26],
  [48804, 27],
  [49169, 28],
  [49534, 29],
  [50083, 30],
  [50630, 31],
  [51179, 32],
  [53736, 33],
  [54832, 34],
  [56109, 35],
  [57204, 36],
  [57754, 37],
];

/** First day of UTC with whole leap seconds, 1972-01-01. */
export const FIRST_UTC_DAY = 41317;

/** The day up to which the IERS has said whether there are leap seconds, 2027-06-28. */
export const ANNOUNCED_UNTIL = 61584;

/** TAI - UTC on a day of UTC, in seconds. The day is 41317 or later. */
export function taiMinusUtc(day: number): number {
  let seconds = Number.NaN;
  for (const [first, value] of TAI_MINUS_UTC) if (day >= first) seconds = value;
  return seconds;
}

/** Length of a day of UTC in seconds: 86401 where it ends in a leap second. */
export function utcDayLength(day: number): number {
  return 86_400 + taiMinusUtc(day + 1) - taiMinusUtc(day);
}
