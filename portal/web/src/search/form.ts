// What is typed on the search page, as it is typed.
import type { Schemas } from "../api/client";
import type { Frame } from "../lib/coordinates";
import type { EnergyUnit } from "../lib/energy";
import type { Notation, Scale } from "../lib/time";
import type { Search } from "../state/view";

export type Condition = Search["conditions"] extends (infer T)[] | undefined ? T : never;
export type Resolver = Schemas["ResolveRequest"]["resolver"];
export type RadiusUnit = "deg" | "arcmin" | "arcsec";

/** Where a name was found to be. */
export interface Found {
  name: string;
  ra: number;
  dec: number;
  /** Who said so; null where a link brought it. */
  origin: string | null;
}

export interface PlaceForm {
  mode: "name" | "coordinates" | "list";
  name: string;
  found: Found | null;
  resolver: Resolver;
  coordinates: string;
  list: string;
  frame: Frame;
  radius: string;
  radiusUnit: RadiusUnit;
  what: "pointing" | "region";
}

/** A time in the notation in which it was typed; the others follow from it. */
export interface MomentForm {
  notation: Notation;
  text: string;
}

export interface TimeForm {
  scale: Scale;
  /** MJDREFI and MJDREFF of the mission elapsed time. */
  epoch: { day: string; fraction: string };
  start: MomentForm;
  end: MomentForm;
  how: "overlaps" | "within";
  /** Several intervals, one a line. */
  lines: string;
}

export interface EnergyForm {
  low: string;
  high: string;
  unit: EnergyUnit;
  how: "overlaps" | "contains" | "within";
}

export type ConditionForm =
  | { kind: "choice"; values: string[] }
  | { kind: "range"; low: string; high: string; unit: string | null }
  | { kind: "text"; text: string };

export interface Form {
  table: string | null;
  place: PlaceForm;
  time: TimeForm;
  energy: EnergyForm;
  conditions: Record<string, ConditionForm>;
  /** Conditions of a link that the form has no room for; they count, and are shown. */
  extra: Condition[];
}

export const HESS_EPOCH = { day: "51910", fraction: "0.000742870370370370" };

export function emptyForm(): Form {
  return {
    table: null,
    place: {
      mode: "name",
      name: "",
      found: null,
      resolver: "any",
      coordinates: "",
      list: "",
      frame: "icrs",
      radius: "1",
      radiusUnit: "deg",
      what: "pointing",
    },
    time: {
      scale: "UTC",
      epoch: HESS_EPOCH,
      start: { notation: "iso", text: "" },
      end: { notation: "iso", text: "" },
      how: "overlaps",
      lines: "",
    },
    energy: { low: "", high: "", unit: "TeV", how: "overlaps" },
    conditions: {},
    extra: [],
  };
}

/** Whether nothing is asked of a field. */
export function isBlank(condition: ConditionForm | undefined): boolean {
  if (condition === undefined) return true;
  if (condition.kind === "choice") return condition.values.length === 0;
  if (condition.kind === "text") return condition.text.trim() === "";
  return condition.low.trim() === "" && condition.high.trim() === "";
}

/** The text that counts for the place in its mode. */
export function placeText(place: PlaceForm): string {
  if (place.mode === "name") return place.name.trim();
  return (place.mode === "coordinates" ? place.coordinates : place.list).trim();
}
