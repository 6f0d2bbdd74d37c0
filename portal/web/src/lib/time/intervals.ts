// Intervals of time, pasted as lines of two times each.
import { type Moment, type Scale, secondsBetween, TimeError, toMjd } from "./moment";
import { formatIso, formatMjd, parseIso, parseMjd } from "./text";

/** A line that could not be read. Lines count from 1. */
export interface LineProblem {
  line: number;
  message: string;
}

export interface Intervals {
  /** MJD in TT, as the API takes them. */
  intervals: [number, number][];
  problems: LineProblem[];
}

const TIME =
  /\d{4}-\d{1,2}-\d{1,2}(?:[T ]\s*\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d*)?)?)?(?:\s*(?:Z|UTC|TT))?(?![\w.])|\d+(?:\.\d*)?/gi;
const BETWEEN = /^[\s,;|/()[\]\u2013\u2014-]*(?:to\b)?[\s,;|/()[\]\u2013\u2014-]*$/i;

function parseOne(text: string, scale: Scale): Moment {
  return text.includes("-") ? parseIso(text, scale) : parseMjd(text, scale);
}

function parseLine(line: string, scale: Scale): [number, number] {
  const found = line.match(TIME) ?? [];
  const left = line.replace(TIME, "\u0000").split("\u0000");
  if (found.length !== 2 || left.some((part) => !BETWEEN.test(part)))
    throw new TimeError(
      "A line has two times, the start and the end, each a date and time or an MJD.",
    );
  const [start, end] = found.map((text) => parseOne(text, scale)) as [Moment, Moment];
  if (secondsBetween(start, end) <= 0)
    throw new TimeError("The end does not come after the start.");
  return [toMjd(start), toMjd(end)];
}

/** Read intervals, one a line. Empty lines, and what follows a '#', do not count. */
export function parseIntervals(text: string, scale: Scale): Intervals {
  const read: Intervals = { intervals: [], problems: [] };
  text.split("\n").forEach((whole, index) => {
    const line = whole.replace(/#.*/, "").trim();
    if (line === "") return;
    try {
      read.intervals.push(parseLine(line, scale));
    } catch (error) {
      if (!(error instanceof TimeError)) throw error;
      read.problems.push({ line: index + 1, message: error.message });
    }
  });
  return read;
}

/** Write the times of all lines in another scale; what cannot be read stays as it is. */
export function rewriteIntervals(text: string, from: Scale, to: Scale): string {
  const rewrite = (time: string) => {
    try {
      const moment = parseOne(time, from);
      return time.includes("-") ? formatIso(moment, to) : formatMjd(moment, to);
    } catch (error) {
      if (error instanceof TimeError) return time;
      throw error;
    }
  };
  const lines = text.split("\n").map((line) => {
    const [times = "", ...comment] = line.split("#");
    return [times.replace(TIME, rewrite), ...comment].join("#");
  });
  return lines.join("\n");
}
