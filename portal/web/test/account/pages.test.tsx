import { configure, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { go } from "../../src/lib/go";
import { matching } from "../../src/pages/queries";
import { problem, serve } from "../server";
import {
  ANONYMOUS,
  basket,
  CONFIG,
  expectAccessible,
  info,
  LOGGED_IN,
  show,
  stored,
  USER,
} from "./fixtures";

vi.mock("../../src/lib/go");
configure({ getElementError: (message) => new Error(message?.split("\n")[0]) });
const user = userEvent.setup();
const press = async (name: RegExp | string) =>
  user.click(await screen.findByRole("button", { name }));

describe("the query store", () => {
  it("needs somebody who is logged in", async () => {
    const login = { state: { available: false, reason: "No provider is set." }, provider: null };
    serve({ ...ANONYMOUS, "GET /api/config": { ...CONFIG, login } });
    show("/queries");
    await screen.findByText("You are not logged in.");
    await screen.findByText("No provider is set.");
  });
  it("says what to do where it is empty", async () => {
    serve({ ...LOGGED_IN, "GET /api/queries": [] });
    const { container } = show("/queries");
    await screen.findByText("You have stored no queries yet.");
    await expectAccessible(container);
  });
  it("lists queries with what is known, and opens them", async () => {
    const view = "/results?service=own&offset=50";
    serve({
      ...LOGGED_IN,
      "GET /api/queries": [stored(1, { view }), stored(2, { count: null, release: null })],
    });
    const { container } = show("/queries");
    await screen.findByText("2 queries");
    const link = screen.getByRole("link", { name: "Open in Results Query 1" });
    expect(link.getAttribute("href")).toBe(view);
    expect(screen.getByRole("link", { name: "Export all" }).getAttribute("href")).toBe(
      "/api/queries/export",
    );
    await expectAccessible(container);
  });
  it("runs one again and says what has changed", async () => {
    const now = stored(1, { release: "2.0", count: 9, last_run: "2026-05-01T00:00:00Z" });
    serve({
      ...LOGGED_IN,
      "GET /api/queries": [stored(1)],
      [`POST /api/queries/${now.id}/run`]: () => ({
        query: now,
        count: 9,
        before: 7,
        release_before: "1.0",
        changed: true,
      }),
    });
    show("/queries");
    await press("Run again and compare Query 1");
    await screen.findByText(
      "It finds 9 rows now, 2 more than before (7). The release was 1.0 then and is 2.0 now.",
    );
    expect(screen.getByText("2026-05-01 00:00 UTC")).toBeTruthy();
  });
  it("renames, shares, and deletes after a question", async () => {
    const { id } = stored(1);
    const seen = serve({
      ...LOGGED_IN,
      "GET /api/queries": [stored(1)],
      [`PATCH /api/queries/${id}`]: (asked: { body: { name: string } }) =>
        stored(1, { name: asked.body.name }),
      [`POST /api/queries/${id}/share`]: { token: "word" },
      [`DELETE /api/queries/${id}`]: () => undefined,
    });
    show("/queries");
    await press("Rename Query 1");
    const field = screen.getByRole("textbox", { name: "Name of the query" });
    await user.clear(field);
    await user.type(field, "Crab{Enter}");
    await screen.findByRole("heading", { name: "Crab" });
    await press("Share by link Crab");
    const link = await screen.findByRole("textbox", { name: /Whoever has this link/ });
    expect((link as HTMLInputElement).value).toMatch(/\/queries\/shared\/word$/);
    await press("Delete Crab");
    await press("Delete the query");
    await screen.findByText("You have stored no queries yet.");
    expect(seen.at(-1)?.method).toBe("DELETE");
    expect(seen.at(-1)?.headers.get("X-CSRF-Token")).toBe("word");
  });
  it("says why it cannot be shown, and tries again", async () => {
    serve({ ...LOGGED_IN, "GET /api/queries": () => problem(403, "no", "Not for you.") });
    show("/queries");
    await screen.findByText("Not for you.", { exact: false });
    serve({ ...LOGGED_IN, "GET /api/queries": [stored(1)] });
    await press("Try again");
    await screen.findByText("1 query");
  });
  it("finds by all words of name or ADQL", () => {
    const all = [stored(1, { name: "Crab 2004" }), stored(2, { name: null })];
    expect(matching(all, "crab obscore").map(({ id }) => id)).toEqual([all[0]?.id]);
    expect(matching(all, " ")).toHaveLength(2);
  });
});

describe("a shared query", () => {
  it("can be read, opened and kept", async () => {
    const seen = serve({
      ...LOGGED_IN,
      "GET /api/shared/queries/abc": stored(1),
      "POST /api/queries": () => stored(2),
    });
    const { container } = show("/queries/shared/abc");
    await screen.findByText(stored(1).adql);
    await expectAccessible(container);
    await press("Keep it in my query store");
    await screen.findByRole("link", { name: "Go to your queries" });
    expect(seen.at(-1)?.body).toMatchObject({ adql: stored(1).adql, name: "Query 1", count: 7 });
  });
  it("says that it is shared no longer", async () => {
    serve({
      ...ANONYMOUS,
      "GET /api/shared/queries/abc": () => problem(404, "no_query", "This link shares no query."),
    });
    show("/queries/shared/abc");
    await screen.findByText("This link shares no query.", { exact: false });
  });
});

describe("the profile", () => {
  it("says who is here and what they may read", async () => {
    serve(LOGGED_IN);
    const { container } = show("/profile");
    await screen.findByText(USER.name);
    for (const text of [USER.email, "observers", "hess-internal"])
      expect(screen.getByText(text as string)).toBeTruthy();
    await expectAccessible(container);
  });
  it("says so where there are no further rights", async () => {
    const me = { user: { ...USER, email: null, groups: [], rights: [] }, csrf: "word" };
    serve({ ...ANONYMOUS, "GET /api/me": me });
    show("/profile");
    await screen.findByText(/Your groups give you no further rights/);
  });
  it("deletes all baskets after a question", async () => {
    let baskets = [basket(1), basket(2)];
    serve({
      ...LOGGED_IN,
      "GET /api/baskets": () => baskets.map(info),
      "DELETE /api/baskets/*": (asked: { path: string }) => {
        baskets = baskets.filter(({ id }) => !asked.path.endsWith(id));
      },
    });
    show("/profile");
    await press("Delete all my baskets");
    await press("Delete all baskets");
    await screen.findByText("2 baskets deleted.");
    expect(baskets).toEqual([]);
  });
  it("logs out, and goes on with the search", async () => {
    serve({ ...LOGGED_IN, "POST /auth/logout": { redirect: null } });
    show("/profile");
    await press("Log out");
    await waitFor(() => expect(go).toHaveBeenCalledWith("/search"));
  });
  it("says that logging out failed", async () => {
    serve({ ...LOGGED_IN, "POST /auth/logout": () => problem(503, "down", "Redis is away.") });
    show("/profile");
    await press("Log out");
    await screen.findByText("Redis is away.", { exact: false });
  });
  it("sees that the session has ended", async () => {
    serve({ ...LOGGED_IN, "GET /api/baskets": () => problem(401, "login", "Log in first.") });
    show("/profile");
    await press("Delete all my baskets");
    serve({ ...ANONYMOUS, "GET /api/baskets": () => problem(401, "login", "Log in first.") });
    await press("Delete all baskets");
    await waitFor(() => expect(screen.getByText("You are not logged in.")).toBeTruthy());
  });
});
