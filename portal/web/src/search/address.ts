// The search page in the address bar: a link reproduces the form.
import type { Schemas } from "../api/client";
import { formatDegrees } from "../lib/coordinates";
import { type EnergyUnit, formatEnergy, UNIT_NAMES } from "../lib/energy";
import { formatIso, formatMjd, fromMjd, parseIso, type Scale, TimeError, toMjd } from "../lib/time";
import { convert, unitsLike } from "../lib/units";
import { emptyView, type Search, viewFromParams, viewToParams } from "../state/view";
import {
  type Condition,
  type ConditionForm,
  emptyForm,
  type Form,
  HESS_EPOCH,
  isBlank,
  type MomentForm,
  type RadiusUnit,
} from "./form";

/** How things are shown that mean the same in any unit. */
interface Manner {
  scale: Scale;
  epoch: { day: string; fraction: string };
  energyUnit: EnergyUnit;
  radiusUnit: RadiusUnit;
  /** Per field, the unit it is typed in and the service's own. */
  units: Map<string, [typed: string, own: string]>;
}

/** What the search page shows. */
export interface Page {
  form: Form;
  /** ADQL that people wrote; kept, but not used, while `usesOwn` is off. */
  own: string | null;
  usesOwn: boolean;
}

const RADII: Record<RadiusUnit, number> = { deg: 1, arcmin: 1 / 60, arcsec: 1 / 3600 };
const HALF_MICROSECOND = 6e-12;

function readManner(params: URLSearchParams): Manner {
  const [day, fraction] = (params.get("epoch") ?? "").split(",");
  const energy = params.get("eunit") as EnergyUnit;
  const radius = params.get("runit");
  const units = new Map<string, [string, string]>();
  for (const entry of (params.get("units") ?? "").split(",")) {
    const [field, typed, own] = entry.split(":");
    if (field && typed && own && unitsLike(own).includes(typed)) units.set(field, [typed, own]);
  }
  return {
    scale: params.get("scale") === "TT" ? "TT" : "UTC",
    epoch: day ? { day, fraction: fraction ?? "" } : HESS_EPOCH,
    energyUnit: UNIT_NAMES.includes(energy) ? energy : "TeV",
    radiusUnit: radius === "arcmin" || radius === "arcsec" ? radius : "deg",
    units,
  };
}

function writeManner(params: URLSearchParams, form: Form, fields: Schemas["FieldInfo"][]): void {
  const { time, energy, place, conditions } = form;
  if (time.scale !== "UTC") params.set("scale", time.scale);
  if (time.epoch.day !== HESS_EPOCH.day || time.epoch.fraction !== HESS_EPOCH.fraction)
    params.set("epoch", `${time.epoch.day},${time.epoch.fraction}`);
  if (energy.unit !== "TeV") params.set("eunit", energy.unit);
  if (place.radiusUnit !== "deg") params.set("runit", place.radiusUnit);
  const units = fields.flatMap(({ key, unit }) => {
    const condition = conditions[key];
    const typed = condition?.kind === "range" && !isBlank(condition) ? condition.unit : null;
    return typed && unit && typed !== unit ? [`${key}:${typed}:${unit}`] : [];
  });
  if (units.length > 0) params.set("units", units.join(","));
  // A name that nobody has looked up yet is not part of the search.
  if (place.mode === "name" && place.name.trim() !== "" && place.found?.name !== place.name)
    params.set("name", place.name.trim());
}

/** A time as text: date and time where these say it fully, else the MJD. */
function momentForm(mjd: number | null | undefined, scale: Scale): MomentForm {
  if (mjd === null || mjd === undefined) return { notation: "iso", text: "" };
  const moment = fromMjd(mjd);
  try {
    const text = formatIso(moment, scale);
    if (Math.abs(toMjd(parseIso(text, scale)) - mjd) < HALF_MICROSECOND)
      return { notation: "iso", text };
    return { notation: "mjd", text: formatMjd(moment, scale) };
  } catch (error) {
    if (error instanceof TimeError) return { notation: "mjd", text: String(mjd) };
    throw error;
  }
}

function placeForm(form: Form, cone: Schemas["Cone"], unit: RadiusUnit): Form["place"] {
  const radius = String(Number((cone.radius / RADII[unit]).toPrecision(12)));
  const place = { ...form.place, radius, radiusUnit: unit, what: cone.what };
  const [first] = cone.positions;
  if (cone.positions.length !== 1 || !first) {
    const line = (position: Schemas["Position"]) =>
      formatDegrees(position) + (position.label ? ` # ${position.label}` : "");
    return { ...place, mode: "list", list: cone.positions.map(line).join("\n") };
  }
  const { ra, dec, label } = first;
  if (!label) return { ...place, mode: "coordinates", coordinates: formatDegrees(first) };
  return { ...place, mode: "name", name: label, found: { name: label, ra, dec, origin: null } };
}

function conditionForm(condition: Condition, units: [string, string] | undefined): ConditionForm {
  if (condition.kind === "among") return { kind: "choice", values: condition.values };
  if (condition.kind === "contains") return { kind: "text", text: condition.text };
  const text = (value: number | null | undefined) => {
    if (value === null || value === undefined) return "";
    return String(units ? convert(value, units[1], units[0]) : value);
  };
  const [low, high] = [text(condition.low), text(condition.high)];
  return { kind: "range", low, high, unit: units?.[0] ?? null };
}

function withConditions(form: Form, conditions: Condition[], manner: Manner): Form {
  const known: Form["conditions"] = {};
  const extra: Condition[] = [];
  for (const condition of conditions) {
    if (condition.field in known) extra.push(condition);
    else known[condition.field] = conditionForm(condition, manner.units.get(condition.field));
  }
  return { ...form, conditions: known, extra };
}

/** Fill in the form as a search has it. Ranges stay in the service's units until these are known. */
export function searchToForm(search: Search, manner: Manner): Form {
  const form = emptyForm();
  form.table = search.table ?? null;
  form.time.scale = manner.scale;
  form.time.epoch = manner.epoch;
  form.energy.unit = manner.energyUnit;
  form.place.radiusUnit = manner.radiusUnit;
  if (search.cone) form.place = placeForm(form, search.cone, manner.radiusUnit);
  if (search.time) {
    form.time.start = momentForm(search.time.start, manner.scale);
    form.time.end = momentForm(search.time.end, manner.scale);
    form.time.how = search.time.how;
  }
  if (search.intervals) {
    const text = (mjd: number) => momentForm(mjd, manner.scale).text;
    form.time.lines = search.intervals.map(([a, b]) => `${text(a)} ${text(b)}`).join("\n");
  }
  if (search.energy) {
    const { low, high, how } = search.energy;
    const text = (value: number | null | undefined) =>
      value === null || value === undefined ? "" : formatEnergy(value, manner.energyUnit);
    form.energy = { low: text(low), high: text(high), unit: manner.energyUnit, how };
  }
  return withConditions(form, search.conditions ?? [], manner);
}

/** Write the page as parameters of its address. `search` is what is made of the form. */
export function pageToParams(
  service: string,
  page: Page,
  search: Search,
  fields: Schemas["FieldInfo"][] = [],
): URLSearchParams {
  const adql = page.usesOwn ? page.own : null;
  const asked = Object.keys(search).length > 0 ? search : null;
  const params = viewToParams({ ...emptyView(service), search: asked, adql });
  // The form under own ADQL is kept, so that there is a way back to it.
  if (adql !== null && asked) params.set("form", JSON.stringify(asked));
  if (adql === null && page.own !== null) params.set("own", page.own);
  writeManner(params, page.form, fields);
  return params;
}

function readForm(search: Search | null, params: URLSearchParams): Form {
  let form: Form;
  try {
    form = searchToForm(search ?? {}, readManner(params));
  } catch {
    throw new Error("The link is damaged: the search in it cannot be read.");
  }
  const name = params.get("name");
  if (name && !search?.cone) form.place.name = name;
  return form;
}

/** Read the page from parameters of an address. Throws where the search in it cannot be read. */
export function pageFromParams(params: URLSearchParams): Page {
  const view = viewFromParams(params, "");
  if (view.adql === null)
    return { form: readForm(view.search, params), own: params.get("own"), usesOwn: false };
  const kept = new URLSearchParams({ search: params.get("form") ?? "{}" });
  const form = readForm(viewFromParams(kept, "").search, params);
  return { form, own: view.adql, usesOwn: true };
}
