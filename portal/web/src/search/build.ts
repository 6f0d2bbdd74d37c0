// From what is typed to the search that the API takes.
import type { Schemas } from "../api/client";
import { CoordinateError, parsePosition, parsePositions } from "../lib/coordinates";
import { EnergyError, parseEnergy } from "../lib/energy";
import {
  type Moment,
  parseEpoch,
  parseIntervals,
  parseIso,
  parseTime,
  secondsBetween,
  TimeError,
  toMjd,
} from "../lib/time";
import { convert, unitsLike } from "../lib/units";
import type { Search } from "../state/view";
import {
  type Condition,
  type ConditionForm,
  type Form,
  isBlank,
  type MomentForm,
  type PlaceForm,
  placeText,
  type TimeForm,
} from "./form";
import { isName } from "./look-up";

/** Something typed that cannot be used. `pending` is a name that still has to be looked up. */
export interface Problem {
  /** The input it belongs to, such as "radius", "start" or a field's key. */
  at: string;
  message: string;
  pending?: boolean;
}

export interface Built {
  search: Search;
  problems: Problem[];
}

const RADIUS = { deg: 1, arcmin: 1 / 60, arcsec: 1 / 3600 };
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const ISO_DATE = /^\d{4}-\d/;
const MOST_POSITIONS = 200;
const MOST_INTERVALS = 1000;

/** What can be said in words about a text that was refused; anything else is a fault of the page. */
function words(error: unknown): string {
  if (
    error instanceof CoordinateError ||
    error instanceof TimeError ||
    error instanceof EnergyError
  )
    return error.message;
  throw error;
}

/** Run a reader; what it refuses becomes a problem. */
function attempt<T>(problems: Problem[], at: string, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    problems.push({ at, message: words(error) });
    return null;
  }
}

/** Read a decimal number, or null where it is none. */
export function parseNumber(text: string): number | null {
  const tidy = text.trim().replace("\u2212", "-");
  const value = Number(tidy);
  return NUMBER.test(tidy) && Number.isFinite(value) ? value : null;
}

function buildRadius(place: PlaceForm, problems: Problem[]): number | null {
  const value = parseNumber(place.radius);
  const radius = value === null ? null : value * RADIUS[place.radiusUnit];
  if (radius !== null && radius > 0 && radius <= 180) return Number(radius.toPrecision(15));
  problems.push({ at: "radius", message: "The radius is a number above 0 and up to 180 degrees." });
  return null;
}

function fromName(place: PlaceForm, problems: Problem[]): Schemas["Position"][] {
  const { found, name } = place;
  if (found && found.name === name) return [{ ra: found.ra, dec: found.dec, label: name.trim() }];
  const message = `'${name.trim()}' has not been looked up yet.`;
  problems.push({ at: "name", message, pending: true });
  return [];
}

function fromList(place: PlaceForm, problems: Problem[]): Schemas["Position"][] {
  const read = parsePositions(place.list, place.frame);
  for (const { line, text, message } of read.problems) {
    const said = isName(text) ? `'${text}' has not been looked up yet.` : message;
    problems.push({ at: "list", message: `Line ${line}: ${said}` });
  }
  if (read.positions.length > MOST_POSITIONS)
    problems.push({ at: "list", message: `There may be ${MOST_POSITIONS} positions at most.` });
  if (read.positions.length === 0 && read.problems.length === 0)
    problems.push({ at: "list", message: "There is no position in the list." });
  return read.positions;
}

function buildCone(place: PlaceForm, problems: Problem[]): Schemas["Cone"] | null {
  if (placeText(place) === "") return null;
  const radius = buildRadius(place, problems);
  let positions: Schemas["Position"][] = [];
  if (place.mode === "name") positions = fromName(place, problems);
  else if (place.mode === "list") positions = fromList(place, problems);
  else {
    const read = () => parsePosition(place.coordinates, place.frame);
    const sky = attempt(problems, "coordinates", read);
    if (sky) positions = [{ ...sky, label: null }];
  }
  if (radius === null || positions.length === 0) return null;
  return { positions, radius, what: place.what };
}

/** The moment that a pair of inputs means; null where nothing is typed. Throws TimeError. */
export function readMoment(moment: MomentForm, time: TimeForm): Moment | null {
  if (moment.text.trim() === "") return null;
  const epoch = parseEpoch(time.epoch.day, time.epoch.fraction);
  return parseTime(moment.text, moment.notation, time.scale, epoch);
}

function buildTime(time: TimeForm, problems: Problem[]): Schemas["TimeSpan"] | null {
  const start = attempt(problems, "start", () => readMoment(time.start, time));
  const end = attempt(problems, "end", () => readMoment(time.end, time));
  if (!start && !end) return null;
  if (start && end && secondsBetween(start, end) < 0)
    problems.push({ at: "end", message: "The end comes before the start." });
  return { start: start && toMjd(start), end: end && toMjd(end), how: time.how };
}

function buildIntervals(time: TimeForm, problems: Problem[]): [number, number][] | null {
  if (time.lines.trim() === "") return null;
  const read = parseIntervals(time.lines, time.scale);
  for (const { line, message } of read.problems)
    problems.push({ at: "lines", message: `Line ${line}: ${message}` });
  if (read.intervals.length > MOST_INTERVALS)
    problems.push({ at: "lines", message: `There may be ${MOST_INTERVALS} intervals at most.` });
  if (read.intervals.length === 0 && read.problems.length === 0)
    problems.push({ at: "lines", message: "There is no interval in the list." });
  return read.intervals.length > 0 ? read.intervals : null;
}

function buildEnergy({ energy }: Form, problems: Problem[]): Schemas["Energy"] | null {
  const read = (at: "low" | "high") =>
    energy[at].trim() === ""
      ? null
      : attempt(problems, `energy-${at}`, () => parseEnergy(energy[at], energy.unit));
  const [low, high] = [read("low"), read("high")];
  if (low === null && high === null) return null;
  if (low !== null && high !== null && low > high)
    problems.push({ at: "energy-high", message: "The highest energy is below the lowest." });
  return { low, high, how: energy.how };
}

/** The condition of a range, brought to the unit that the service has. */
function buildRange(
  field: string,
  condition: ConditionForm & { kind: "range" },
  unit: string | null,
  problems: Problem[],
): Condition | null {
  const given = condition.unit ?? unit;
  if (given !== unit && !unitsLike(unit).includes(given ?? "")) {
    const has = unit ? `has it in ${unit}` : "gives it no unit";
    problems.push({ at: field, message: `The service ${has}; ${given} cannot be used.` });
    return null;
  }
  const bound = (text: string): number | null => {
    if (text.trim() === "") return null;
    // Days are MJD; a date is its first moment, whatever the scale that the service means.
    if (unit === "d" && ISO_DATE.test(text.trim())) {
      const day = attempt(problems, field, () => parseIso(text, "TT"));
      return day && toMjd(day);
    }
    const value = parseNumber(text);
    if (value === null) problems.push({ at: field, message: `'${text.trim()}' is not a number.` });
    return value === null || !unit || !given ? value : convert(value, given, unit);
  };
  const [low, high] = [bound(condition.low), bound(condition.high)];
  if (low === null && high === null) return null;
  if (low !== null && high !== null && low > high)
    problems.push({ at: field, message: "The upper bound is below the lower one." });
  return { kind: "between", field, low, high };
}

function buildCondition(
  field: string,
  condition: ConditionForm,
  unit: string | null,
  problems: Problem[],
): Condition | null {
  if (isBlank(condition)) return null;
  if (condition.kind === "choice") return { kind: "among", field, values: condition.values };
  if (condition.kind === "text") return { kind: "contains", field, text: condition.text.trim() };
  return buildRange(field, condition, unit, problems);
}

/** Make the search of what is typed, and say what of it cannot be used. */
export function buildSearch(form: Form, fields: Schemas["FieldInfo"][] = []): Built {
  const problems: Problem[] = [];
  const units = new Map(fields.map(({ key, unit }) => [key, unit]));
  const conditions: Condition[] = [];
  for (const [field, condition] of Object.entries(form.conditions)) {
    const built = buildCondition(field, condition, units.get(field) ?? null, problems);
    if (built) conditions.push(built);
  }
  const all: Search = {
    table: form.table,
    cone: buildCone(form.place, problems),
    time: buildTime(form.time, problems),
    intervals: buildIntervals(form.time, problems),
    energy: buildEnergy(form, problems),
    conditions: [...conditions, ...form.extra],
  };
  return { search: withoutBlanks(all), problems };
}

/** What is asked and nothing else, so that links stay short. */
function withoutBlanks(search: Search): Search {
  const filled = Object.entries(search).filter(
    ([, part]) => part !== null && !(Array.isArray(part) && part.length === 0),
  );
  return Object.fromEntries(filled) as Search;
}
