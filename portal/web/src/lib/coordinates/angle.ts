// Angles as people write them: 12h34m56.7s, 12:34:56.7, 12 34 56.7, -01d02m03s, -1°2′3″, 83.633.

/** Coordinates that cannot be understood or do not exist; the message is for people. */
export class CoordinateError extends Error {
  override name = "CoordinateError";
}

/** An angle in degrees, and whether it was written in hours. */
export interface Angle {
  degrees: number;
  inHours: boolean | null;
}

const NUMBER = String.raw`(\d+(?:\.\d*)?|\.\d+)`;
const MARKED = new RegExp(
  String.raw`^([+-]?)\s*(?:${NUMBER}\s*([hd]))\s*(?:${NUMBER}\s*m)?\s*(?:${NUMBER}\s*s?)?$`,
);
const PLAIN = new RegExp(
  String.raw`^([+-]?)\s*${NUMBER}(?:\s*:\s*|\s+)${NUMBER}(?:(?:\s*:\s*|\s+)${NUMBER})?$`,
);
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/;

/** Bring the many signs for the same thing to one spelling. */
export function plain(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[\u2212\u2013\u2010\u2011]/g, "-")
    .replace(/\u00b0|\u00ba|\bdeg(?:rees?)?\b|(?<=\d)deg(?:rees?)?/g, "d")
    .replace(/\u02b0/g, "h")
    .replace(/\u1d50/g, "m")
    .replace(/\u02e2/g, "s")
    .replace(/\u2032|\u2019|'(?!')/g, "m")
    .replace(/\u2033|\u201d|"|mm|''/g, "s")
    .replace(/\s+/g, " ");
}

function whole(part: string | undefined, next: string | undefined, text: string): void {
  if (part?.includes(".") && next !== undefined)
    throw new CoordinateError(`In '${text}' only the last figure may have decimals.`);
}

function below60(part: string | undefined, what: string, text: string): number {
  const value = Number(part ?? 0);
  if (value >= 60) throw new CoordinateError(`In '${text}' the ${what} must be less than 60.`);
  return value;
}

function sexagesimal(sign: string, parts: (string | undefined)[], text: string): number {
  const [first = "0", minutes, seconds] = parts;
  whole(first, minutes ?? seconds, text);
  whole(minutes, seconds, text);
  const value =
    Number(first) +
    below60(minutes, "minutes", text) / 60 +
    below60(seconds, "seconds", text) / 3600;
  return sign === "-" ? -value : value;
}

/** Read one angle. Figures without h or d are degrees if alone, else in the unit given. */
export function parseAngle(text: string, unit: "hours" | "degrees"): Angle {
  const tidy = plain(text);
  if (DECIMAL.test(tidy)) return { degrees: Number(tidy), inHours: null };
  const marked = MARKED.exec(tidy);
  if (marked) {
    const [, sign = "", first, mark, minutes, seconds] = marked;
    const value = sexagesimal(sign, [first, minutes, seconds], text.trim());
    return { degrees: mark === "h" ? value * 15 : value, inHours: mark === "h" };
  }
  const bare = PLAIN.exec(tidy);
  if (!bare) throw new CoordinateError(`'${text.trim()}' is not an angle.`);
  const [, sign = "", first, minutes, seconds] = bare;
  const value = sexagesimal(sign, [first, minutes, seconds], text.trim());
  return { degrees: unit === "hours" ? value * 15 : value, inHours: unit === "hours" };
}

/** Write an angle with minutes and seconds, rounded so that no part shows 60. */
export function formatAngle(value: number, marks: "hms" | "dms", decimals: number): string {
  const unit = marks === "hms" ? value / 15 : value;
  const scale = 10 ** decimals;
  let ticks = Math.round(Math.abs(unit) * 3600 * scale);
  if (marks === "hms") ticks %= 24 * 3600 * scale;
  const first = Math.floor(ticks / (3600 * scale));
  const minutes = Math.floor(ticks / (60 * scale)) % 60;
  const seconds = ((ticks % (60 * scale)) / scale).toFixed(decimals);
  const two = (part: number | string) => String(part).padStart(2, "0");
  const padded = seconds.padStart(decimals > 0 ? decimals + 3 : 2, "0");
  const sign = marks === "hms" ? "" : unit < 0 ? "-" : "+";
  return `${sign}${two(first)}${marks[0]}${two(minutes)}m${padded}s`;
}
