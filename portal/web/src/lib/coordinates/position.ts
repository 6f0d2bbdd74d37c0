// Places in the sky as people write them, one or a list.
import { CoordinateError, formatAngle, parseAngle, plain } from "./angle";
import { fromGalactic } from "./frames";

export type Frame = "icrs" | "galactic";

/** A place in ICRS, degrees. */
export interface Sky {
  ra: number;
  dec: number;
}

/** A line of a list that could not be read. Lines count from 1. */
export interface LineProblem {
  line: number;
  text: string;
  message: string;
}

/** A place with the name that stood beside it. */
export interface Labelled extends Sky {
  label: string | null;
}

export interface Positions {
  positions: Labelled[];
  problems: LineProblem[];
}

const GALACTIC = /^(?:gal(?:actic)?\b|[lg](?==|\s))[:=\s]*/i;
const NAMES = /\b(?:ra|dec|l|b|glon|glat|icrs|j2000)\b\s*[=:]?\s*/gi;

/** Whether a text looks as if it were meant as coordinates, not as a name. */
export function looksLikeCoordinates(text: string): boolean {
  const tidy = plain(text);
  return /^[+-]?\s?[\d.]/.test(tidy) && /^[\d\s.,;:+\-hdms]+$/.test(tidy);
}

function halves(tidy: string): [string, string] {
  const separated = tidy.split(/\s*[,;]\s*/).filter((part) => part !== "");
  if (separated.length === 2) return separated as [string, string];
  const sign = /^(.*?[\dhdms.])\s*([+-].*)$/.exec(tidy);
  if (sign?.[1] && sign[2] && !/e$/.test(sign[1])) return [sign[1].trim(), sign[2]];
  const marked = /^(.*?[hd].*?[ms]?)\s*(?<![\d.])(\d+(?:\.\d*)?d.*)$/.exec(tidy);
  if (marked?.[1] && marked[2] && /\d/.test(marked[1])) return [marked[1].trim(), marked[2]];
  const words = tidy.split(/\s+/);
  if (words.length % 2 === 0 && separated.length === 1)
    return [words.slice(0, words.length / 2).join(" "), words.slice(words.length / 2).join(" ")];
  throw new CoordinateError(
    "A position has two angles, such as '83.633 22.014' or '05h34m31.9s +22d00m52s'.",
  );
}

function check(value: number, low: number, high: number, what: string): number {
  if (!(value >= low && value <= high))
    throw new CoordinateError(`${what} goes from ${low} to ${high} degrees, not to ${value}.`);
  return value;
}

function parseGalactic(first: string, second: string): Sky {
  const lon = parseAngle(first, "degrees");
  if (lon.inHours) throw new CoordinateError("Galactic longitude is in degrees, not in hours.");
  const l = check(lon.degrees, -180, 360, "Galactic longitude");
  const b = check(parseAngle(second, "degrees").degrees, -90, 90, "Galactic latitude");
  const place = fromGalactic({ lon: l, lat: b });
  return { ra: place.lon, dec: place.lat };
}

/** Read a place. Figures with colons or blanks between are hours and degrees; single ones are degrees. */
export function parsePosition(text: string, frame: Frame): Sky {
  const galactic =
    GALACTIC.test(text.trim()) || (frame === "galactic" && !/^\s*icrs\b/i.test(text));
  const tidy = plain(text.trim().replace(GALACTIC, "").replace(NAMES, ""));
  if (tidy === "") throw new CoordinateError("Coordinates are missing.");
  const [first, second] = halves(tidy);
  if (galactic) return parseGalactic(first, second);
  const ra = check(parseAngle(first, "hours").degrees, 0, 360, "Right ascension");
  const dec = parseAngle(second, "degrees");
  if (dec.inHours) throw new CoordinateError("Declination is in degrees, not in hours.");
  return { ra: ra === 360 ? 0 : ra, dec: check(dec.degrees, -90, 90, "Declination") };
}

function parseLine(line: string, frame: Frame): Labelled {
  const [coordinates = "", ...label] = line.split("#");
  const name = label.join("#").trim().slice(0, 200);
  return { ...parsePosition(coordinates, frame), label: name === "" ? null : name };
}

/** Read places, one a line; a name may follow after a '#'. Empty lines do not count. */
export function parsePositions(text: string, frame: Frame): Positions {
  const read: Positions = { positions: [], problems: [] };
  text.split("\n").forEach((line, index) => {
    if (line.trim() === "" || line.trim().startsWith("#")) return;
    try {
      read.positions.push(parseLine(line, frame));
    } catch (error) {
      if (!(error instanceof CoordinateError)) throw error;
      read.problems.push({ line: index + 1, text: line.trim(), message: error.message });
    }
  });
  return read;
}

/** A place in degrees, to a tenth of a milliarcsecond. */
export function formatDegrees({ ra, dec }: Sky): string {
  const tidy = (value: number) => String(Number(value.toFixed(8)));
  return `${tidy(ra)} ${dec < 0 ? "" : "+"}${tidy(dec)}`;
}

/** A place in hours and degrees with minutes and seconds. */
export function formatSexagesimal({ ra, dec }: Sky): string {
  return `${formatAngle(ra, "hms", 2)} ${formatAngle(dec, "dms", 1)}`;
}
