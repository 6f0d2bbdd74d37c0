// Which columns a table of results has.
import type { Schemas } from "../api/client";
import type { View } from "../state/view";

type Column = Schemas["ColumnInfo"];

export const KEY = "obs_publisher_did";
export const FORMAT = "access_format";
export const SIZE = "access_estsize";

/** What people look at first, as far as the table has it. */
const USUAL = [
  "obs_id",
  "target_name",
  "dataproduct_type",
  "event_type",
  "t_min",
  "t_exptime",
  "livetime",
  "s_ra",
  "s_dec",
  "s_fov",
  "zen_pnt",
  "energy_min",
  "energy_max",
  "obs_collection",
  "instrument_name",
  SIZE,
];

/** Columns that are shown where nothing is chosen. Null leaves it to the service. */
export function usualColumns(view: View, known: Column[] | undefined): string[] | null {
  if (view.adql !== null || known === undefined) return null;
  const names = new Set(known.map((column) => column.name));
  const usual = USUAL.filter((name) => names.has(name));
  return usual.length > 0 ? usual : null;
}

/** Whether a row's size is that of a document of links, as its format tells, and not that of the data. */
export function isOfLinks(format: unknown): boolean {
  return typeof format === "string" && /content\s*=\s*["']?datalink/i.test(format);
}

/** Whether a column of a page is shown: what is only asked for to understand the others is not. */
export function isShown(name: string, shown: string[] | null): boolean {
  return shown === null || shown.includes(name) || (name !== KEY && name !== FORMAT);
}

/** Columns to ask for: those to be shown, the one that tells rows apart, and what sizes are of. */
export function askedColumns(shown: string[] | null, known: Column[] | undefined): string[] | null {
  if (shown === null) return shown;
  const more = shown.includes(SIZE) ? [KEY, FORMAT] : [KEY];
  const isKnown = (name: string) => known?.some((column) => column.name === name);
  return [...more.filter((name) => !shown.includes(name) && isKnown(name)), ...shown];
}
