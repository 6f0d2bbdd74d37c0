// A whole results page on a test's server.
import { QueryClientProvider } from "@tanstack/react-query";
import { configure, render } from "@testing-library/react";
import { BrowserRouter, Route, Routes } from "react-router";
import type { Schemas } from "../../src/api/client";
import { makeQueryClient } from "../../src/api/queries";
import ResultsPage from "../../src/pages/results";
import { emptyView, type View, viewToParams } from "../../src/state/view";
import { type Asked, serve } from "../server";
import { COLUMNS, observed } from "./rows";

// Machines that do much else are slow.
configure({ asyncUtilTimeout: 10_000 });

export const SERVICE = "/api/services/own";
export const CONFIG: Schemas["Config"] = {
  title: "Data explorer",
  version: "1",
  notice: null,
  services: [{ key: "own", label: "Own", url: "http://tap.test/tap", is_own: true }],
  default_service: "own",
  resolvers: [],
  surveys: [
    {
      id: "far",
      label: "Far",
      url: "http://far.test/hips",
      is_local: false,
      state: { available: false, reason: "switched off" },
    },
    {
      id: "counts",
      label: "Counts",
      url: "/explorer/hips/counts",
      is_local: true,
      state: { available: true, reason: null },
    },
  ],
  login: { state: { available: true, reason: null }, provider: null },
  jobs: { available: true, reason: null },
  runners: [{ key: "own", label: "Preview jobs", is_own: true }],
  limits: {
    page_rows: 50,
    overview_rows: 10_000,
    export_rows: 1_000_000,
    basket_items: 10_000,
    job_items: 50,
  },
};

export const TOTAL = 120;
const NAMES = Array.from({ length: TOTAL }, (_, at) => `ivo://x/~?run/${at}`);

const VALUES: Record<string, (at: number) => string | number | null> = {
  obs_publisher_did: (at) => NAMES[at] ?? "",
  obs_id: (at) => String(900 + at),
  target_name: (at) => (at % 2 ? "Crab Nebula" : "Vela X"),
  dataproduct_type: () => "event-list",
  t_min: (at) => 53_000 + at,
  energy_min: () => 2.9e11,
  access_estsize: () => 189,
  quality: () => null,
};

/** What the real server does with a page: sort the whole, then cut. */
export function pageOf({ body }: Asked): Schemas["Page"] {
  const { sort, offset, limit, columns } = body as Schemas["PageRequest"];
  const order = NAMES.map((_, at) => at);
  if (sort?.[0]?.descending) order.reverse();
  const names = columns ?? COLUMNS.map(({ name }) => name);
  return {
    columns: names.flatMap((name) => COLUMNS.find((one) => one.name === name) ?? []),
    rows: order
      .slice(offset, (offset ?? 0) + (limit ?? 50))
      .map((at) => names.map((name) => VALUES[name]?.(at) ?? null)),
    offset: offset ?? 0,
    overflow: false,
    adql: "SELECT",
    key_column: names.includes("obs_publisher_did") ? "obs_publisher_did" : null,
    seconds: 0.1,
  };
}

export const OVERVIEW: Schemas["Overview"] = {
  rows: NAMES.map((did, at) =>
    observed(did, { obs_id: String(900 + at), t_min: 53_000 + at, t_max: 53_000.02 + at }),
  ),
  total: TOTAL,
  truncated: false,
  moc: '{"3":[1,2]}',
  seconds: 0.1,
};

export const ROUTES = {
  "GET /api/config": CONFIG,
  "GET /api/me": { user: null, csrf: "word" },
  [`GET ${SERVICE}/capabilities`]: {
    service: "own",
    table: "obscore",
    tables: [],
    features: [],
    fields: [],
    columns: COLUMNS,
    time_scale: "TT",
    release: null,
  },
  [`POST ${SERVICE}/count`]: { count: TOTAL, seconds: 0.1, adql: "SELECT COUNT(*)" },
  [`POST ${SERVICE}/page`]: pageOf,
  [`POST ${SERVICE}/overview`]: OVERVIEW,
  [`POST ${SERVICE}/adql`]: {
    adql: "SELECT * FROM obscore",
    impossible: [],
    snippets: { pyvo: "", topcat: "" },
  },
};

/** Show the page as an address has it. Gives what the server is asked. */
export function open(
  view: Partial<View> = {},
  routes: Record<string, unknown> = {},
  more = "",
): Asked[] {
  const seen = serve({ ...ROUTES, ...routes });
  const whole = { ...emptyView("own"), search: { conditions: [] }, ...view } as View;
  window.history.replaceState(null, "", `/results?${viewToParams(whole)}${more}`);
  render(
    <QueryClientProvider client={makeQueryClient()}>
      <BrowserRouter>
        <Routes>
          <Route path="/results" element={<ResultsPage />} />
          <Route path="/search" element={<h1>The search</h1>} />
        </Routes>
      </BrowserRouter>
    </QueryClientProvider>,
  );
  return seen;
}

/** The requests to a path, with their bodies. */
export function asked(seen: readonly Asked[], path: string): Asked[] {
  return seen.filter((one) => one.path.endsWith(path));
}
