// What the pages show, as the address bar has it: a link reproduces the view.
import type { Schemas } from "../api/client";
import type { Scale } from "../lib/time";

export type Search = Schemas["Search"];
export type SortKey = Schemas["SortKey"];

/** Service, question, and how its answer is shown. */
export interface View {
  service: string;
  /** What was filled in; null where people wrote ADQL. */
  search: Search | null;
  /** What people wrote; null where it comes from the form. */
  adql: string | null;
  sort: SortKey[];
  offset: number;
  limit: number;
  /** Chosen columns; null for the table's principal ones. */
  columns: string[] | null;
  /** Selected data sets (obs_publisher_did). */
  selected: string[];
  /** The data set whose links are open. */
  open: string | null;
  /** The plot in front; on a phone, any view of the results. Null for the usual one. */
  tab: string | null;
  /** The scale in which times are shown; null for that of the form. */
  times: Scale | null;
  /** Where people moved the map: right ascension, declination, width; null for all that was found. */
  map: string | null;
  /** The picture of the sky: its id, or "none"; null for the usual one. */
  sky: string | null;
  /** Whether the map shows the coverage. */
  moc: boolean;
}

export const PAGE_ROWS = 50;

export function emptyView(service: string): View {
  return {
    service,
    search: null,
    adql: null,
    sort: [],
    offset: 0,
    limit: PAGE_ROWS,
    columns: null,
    selected: [],
    open: null,
    tab: null,
    times: null,
    map: null,
    sky: null,
    moc: false,
  };
}

/** Whether there is a question at all. */
export function isAsked(view: View): boolean {
  return view.search !== null || view.adql !== null;
}

/** The question, as the API takes it. */
export function ask(view: View): Schemas["Ask"] {
  return { search: view.search, adql: view.adql };
}

/** Parameters of the search page that say how the form is typed; they belong to no question. */
export const OF_FORM = [
  "scale",
  "epoch",
  "eunit",
  "runit",
  "units",
  "name",
  "form",
  "own",
] as const;

/** Copy the form's parameters from one address to another. */
export function carryForm(from: URLSearchParams, to: URLSearchParams): URLSearchParams {
  for (const name of OF_FORM) {
    const value = from.get(name);
    if (value !== null && !to.has(name)) to.set(name, value);
  }
  return to;
}

/** Write a view as parameters of an address; what is as usual is left out. */
export function viewToParams(view: View): URLSearchParams {
  const params = new URLSearchParams();
  params.set("service", view.service);
  if (view.adql !== null) params.set("adql", view.adql);
  else if (view.search !== null) params.set("search", JSON.stringify(view.search));
  if (view.sort.length > 0)
    params.set("sort", view.sort.map((key) => (key.descending ? "-" : "") + key.column).join(","));
  if (view.offset > 0) params.set("offset", String(view.offset));
  if (view.limit !== PAGE_ROWS) params.set("limit", String(view.limit));
  if (view.columns !== null) params.set("columns", view.columns.join(","));
  for (const did of view.selected) params.append("selected", did);
  if (view.open !== null) params.set("open", view.open);
  if (view.tab !== null) params.set("tab", view.tab);
  if (view.map !== null) params.set("map", view.map);
  if (view.sky !== null) params.set("sky", view.sky);
  if (view.moc) params.set("moc", "yes");
  if (view.times !== null) params.set("times", view.times);
  return params;
}

/** The scale that a parameter names; null for none. */
export function scaleOf(text: string | null): Scale | null {
  return text === "TT" || text === "UTC" ? text : null;
}

function whole(text: string | null, usual: number, least: number): number {
  const value = Number(text);
  return text !== null && Number.isInteger(value) && value >= least ? value : usual;
}

/** Read a view from parameters of an address. Throws where the search in it is none. */
export function viewFromParams(params: URLSearchParams, service: string): View {
  const search = params.get("search");
  const adql = params.get("adql");
  let parsed: Search | null = null;
  if (adql === null && search !== null) {
    try {
      parsed = JSON.parse(search) as Search;
    } catch {
      throw new Error("The link is damaged: the search in it cannot be read.");
    }
  }
  const words = (name: string) => (params.get(name) ?? "").split(",").filter((word) => word !== "");
  return {
    service: params.get("service") ?? service,
    search: parsed,
    adql,
    sort: words("sort").map((word) => ({
      column: word.replace(/^-/, ""),
      descending: word.startsWith("-"),
    })),
    offset: whole(params.get("offset"), 0, 0),
    limit: whole(params.get("limit"), PAGE_ROWS, 1),
    columns: params.has("columns") ? words("columns") : null,
    selected: params.getAll("selected"),
    open: params.get("open"),
    tab: params.get("tab"),
    map: params.get("map"),
    sky: params.get("sky"),
    moc: params.get("moc") === "yes",
    times: scaleOf(params.get("times")),
  };
}
