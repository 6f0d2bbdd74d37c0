// What the tests of the account's pages share: things as the server has them, and a page with all around it.
import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import axe from "axe-core";
import { StrictMode } from "react";
import { MemoryRouter, Route, Routes, useLocation } from "react-router";
import { expect } from "vitest";
import SharedQueryPage from "../../src/account/shared-query";
import type { Schemas } from "../../src/api/client";
import { makeQueryClient } from "../../src/api/queries";
import SharedBasketPage from "../../src/basket/shared";
import BasketPage from "../../src/pages/basket";
import JobsPage from "../../src/pages/jobs";
import ProfilePage from "../../src/pages/profile";
import QueriesPage from "../../src/pages/queries";
import type { Routes as Answers } from "../server";

export const USER: Schemas["User"] = {
  id: "00000000-0000-4000-8000-0000000000aa",
  name: "Ada Observer",
  email: "ada@example.org",
  groups: ["observers"],
  rights: ["hess-internal"],
  since: "2026-01-02T03:04:05Z",
};

export const CONFIG: Schemas["Config"] = {
  title: "Data explorer",
  version: "0",
  notice: null,
  services: [
    { key: "own", label: "Own archive", url: "https://vo.example.org/tap", is_own: true },
    { key: "other", label: "Other archive", url: "https://other.example.org/tap", is_own: false },
  ],
  default_service: "own",
  resolvers: [],
  surveys: [],
  login: { state: { available: true, reason: null }, provider: "Example Login" },
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

export function item(number: number, service = "own"): Schemas["Item"] {
  return {
    service,
    did: `ivo://example/${service}?run-${number}`,
    label: `Run ${number}`,
    note: null,
    size: 1_000_000 * number,
  };
}

export function basket(number: number, more: Partial<Schemas["Basket"]> = {}): Schemas["Basket"] {
  const items = more.items ?? [];
  return {
    id: `00000000-0000-4000-8000-00000000000${number}`,
    name: `Basket ${number}`,
    note: null,
    count: items.length,
    made: "2026-02-01T00:00:00Z",
    changed: `2026-02-0${number}T00:00:00Z`,
    shared: null,
    items,
    ...more,
  };
}

/** A basket as lists have it. */
export function info({ items, ...rest }: Schemas["Basket"]): Schemas["BasketInfo"] {
  return { ...rest, count: items.length };
}

export function job(number: number, more: Partial<Schemas["Job"]> = {}): Schemas["Job"] {
  return {
    id: `00000000-0000-4000-8000-0000000000b${number}`,
    name: `Job ${number}`,
    runner: "own",
    basket: basket(1).id,
    basket_name: "Basket 1",
    items: 3,
    parameters: { radius: "0.1" },
    phase: "EXECUTING",
    progress: "Making the map",
    fraction: 0.4,
    made: `2026-03-0${number}T00:00:00Z`,
    started: "2026-03-01T00:00:01Z",
    ended: null,
    error: null,
    results: [],
    retry_of: null,
    ...more,
  };
}

export function stored(
  number: number,
  more: Partial<Schemas["StoredQuery"]> = {},
): Schemas["StoredQuery"] {
  return {
    id: `00000000-0000-4000-8000-0000000000c${number}`,
    service: "own",
    name: `Query ${number}`,
    adql: `SELECT * FROM ivoa.obscore WHERE obs_id='${number}'`,
    search: null,
    view: null,
    count: 7,
    made: `2026-04-0${number}T00:00:00Z`,
    last_run: null,
    release: "1.0",
    shared: null,
    ...more,
  };
}

export const ANONYMOUS: Answers = {
  "GET /api/config": CONFIG,
  "GET /api/me": { user: null, csrf: "word" },
};

export const LOGGED_IN: Answers = { ...ANONYMOUS, "GET /api/me": { user: USER, csrf: "word" } };

function Place() {
  const { pathname, search } = useLocation();
  return <output data-testid="place">{pathname + search}</output>;
}

/** Show the pages at an address. */
export function show(address: string) {
  const queries = makeQueryClient();
  queries.setDefaultOptions({ queries: { ...queries.getDefaultOptions().queries, retryDelay: 1 } });
  const shown = render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <MemoryRouter initialEntries={[address]}>
          <main>
            <Routes>
              <Route path="/basket/:id?" element={<BasketPage />} />
              <Route path="/basket/shared/:token" element={<SharedBasketPage />} />
              <Route path="/jobs/:id?" element={<JobsPage />} />
              <Route path="/queries" element={<QueriesPage />} />
              <Route path="/queries/shared/:token" element={<SharedQueryPage />} />
              <Route path="/profile" element={<ProfilePage />} />
              <Route path="*" element={<h1>Elsewhere</h1>} />
            </Routes>
          </main>
          <Place />
        </MemoryRouter>
      </QueryClientProvider>
    </StrictMode>,
  );
  return { ...shown, queries };
}

/** What axe finds that is serious. (Colours need a real browser.) */
export async function expectAccessible(element: HTMLElement): Promise<void> {
  const found = await axe.run(element, { rules: { "color-contrast": { enabled: false } } });
  const serious = found.violations.filter(({ impact }) => impact !== "minor");
  expect(serious.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
}
