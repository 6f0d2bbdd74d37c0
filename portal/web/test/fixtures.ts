// What a server with an archive like ours says; tests change parts of it.
import type { Schemas } from "../src/api/client";
import type { Asked, Routes } from "./server";

const ON = { available: true, reason: null };

export const CONFIG: Schemas["Config"] = {
  title: "Cherenkov data explorer",
  version: "0.2.0",
  notice: "All data here are simulated.",
  services: [
    { key: "own", label: "Cherenkov archive", url: "http://archive.example/tap", is_own: true },
    { key: "plain", label: "Plain ObsCore", url: "http://plain.example/tap", is_own: false },
  ],
  default_service: "own",
  resolvers: [
    { name: "own", label: "Own targets", state: ON },
    { name: "simbad", label: "SIMBAD", state: ON },
    {
      name: "ned",
      label: "NED",
      state: { available: false, reason: "the operator has switched it off." },
    },
  ],
  surveys: [],
  login: { state: ON, provider: "Example Login" },
  jobs: ON,
  runners: [{ key: "own", label: "Preview jobs", is_own: true }],
  limits: {
    page_rows: 50,
    overview_rows: 10_000,
    export_rows: 1_000_000,
    basket_items: 10_000,
    job_items: 50,
  },
};

function field(
  key: string,
  group: Schemas["FieldInfo"]["group"],
  label: string,
  kind: Schemas["FieldInfo"]["kind"],
  unit: string | null = null,
): Schemas["FieldInfo"] {
  const description = `${label} of the observation.`;
  return { key, group, label, kind, unit, description, column: key, state: ON };
}

export const CAPABILITIES: Schemas["Capabilities"] = {
  service: "own",
  table: "ivoa.obscore+ivoa.obscore_hea",
  tables: [
    {
      key: "ivoa.obscore+ivoa.obscore_hea",
      label: "ObsCore with the extension",
      description: "All data sets.",
      has_extension: true,
    },
    {
      key: "hess_dr.obscore",
      label: "H.E.S.S. DR1",
      description: "One release.",
      has_extension: true,
    },
  ],
  features: (["cone", "region", "time", "intervals", "energy", "offset", "nocase"] as const).map(
    (key) => ({ key, state: ON }),
  ),
  fields: [
    field("dataproduct_type", "data", "Product type", "choice"),
    field("target_name", "data", "Target", "text"),
    field("obs_release_date", "data", "Release date", "range", "d"),
    field("zenith", "observation", "Zenith angle", "range", "deg"),
    field("livetime", "observation", "Live time", "range", "s"),
    field("n_tels", "observation", "Telescopes", "range"),
    {
      ...field("proposal_id", "programme", "Proposal", "text"),
      column: null,
      state: { available: false, reason: "The table has no column proposal_id." },
    },
    {
      ...field("moon_level", "conditions", "Moon level", "choice"),
      column: null,
      state: { available: false, reason: "The table has no column moon_level." },
    },
  ],
  columns: [],
  time_scale: "TT",
  release: "1.0",
};

/** What plain ObsCore lacks. */
export const PLAIN: Schemas["Capabilities"] = {
  ...CAPABILITIES,
  service: "plain",
  table: "ivoa.obscore",
  tables: [{ key: "ivoa.obscore", label: "ObsCore", description: null, has_extension: false }],
  features: CAPABILITIES.features.map(({ key, state }) =>
    key === "intervals" || key === "region"
      ? { key, state: { available: false, reason: `The table has nothing for ${key}.` } }
      : { key, state },
  ),
  fields: CAPABILITIES.fields.map((info) =>
    info.key === "zenith"
      ? {
          ...info,
          column: null,
          state: { available: false, reason: "There is no column zen_pnt." },
        }
      : info,
  ),
};

export const ANONYMOUS: Schemas["Me"] = { user: null, csrf: "word-1" };
export const USER: Schemas["Me"] = {
  csrf: "word-2",
  user: {
    id: "5f0c3c2e-58a4-4a3c-9d4c-0a2c8d9b1f11",
    name: "Vera Example",
    email: "vera@example.org",
    groups: ["hess"],
    rights: ["hess"],
    since: "2026-01-01T00:00:00Z",
  },
};

function written({ body }: Asked): Schemas["Written"] {
  const adql = `SELECT *\nFROM ivoa.obscore -- ${JSON.stringify(body)}`;
  return { adql, impossible: [], snippets: { pyvo: `pyvo: ${adql}`, topcat: `topcat: ${adql}` } };
}

const TARGETS: Schemas["Target"][] = [
  { name: "Crab Nebula", ra: 83.6331, dec: 22.0145, observations: 4 },
  { name: "PKS 2155-304", ra: 329.7169, dec: -30.2256, observations: 21 },
];

/** Routes of a server at which all is well. */
export const ROUTES: Routes = {
  "GET /api/config": CONFIG,
  "GET /api/me": ANONYMOUS,
  "GET /api/services/own/capabilities": CAPABILITIES,
  "GET /api/services/plain/capabilities": PLAIN,
  "GET /api/services/own/targets": ({ query }: Asked): Schemas["Targets"] => ({
    values: TARGETS.filter(({ name }) =>
      name.toLowerCase().includes((query.get("q") ?? "").toLowerCase()),
    ),
    complete: true,
    reason: null,
  }),
  "GET /api/services/own/choices/dataproduct_type": {
    field: "dataproduct_type",
    complete: true,
    values: [
      { value: "event-list", count: 105 },
      { value: "response-function", count: 420 },
    ],
  } satisfies Schemas["Choices"],
  "POST /api/services/own/adql": written,
  "POST /api/services/plain/adql": written,
  "POST /api/services/own/count": { count: 1234, seconds: 0.01, adql: "SELECT COUNT(*)" },
  "POST /api/services/plain/count": { count: 7, seconds: 0.01, adql: "SELECT COUNT(*)" },
};
