// Every page when the server fails: words, a way to try again, and nothing lost that was there already.
import { configure, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { Baskets } from "../basket/baskets";
import { alsoServe, problem, type Routes, serve } from "../server";
import { ANONYMOUS, basket, item, job, LOGGED_IN, show, stored } from "./fixtures";

configure({
  asyncUtilTimeout: 10_000,
  getElementError: (message) => new Error(message?.split("\n")[0]),
});
const user = userEvent.setup();
const DOWN = "The database of accounts does not answer. Nothing is lost; try again in a moment.";
const down = () => problem(503, "database_down", DOWN);

const crab = basket(1, { name: "Crab", items: [item(1), item(2)] });
const SHARED = {
  name: "Shared Crab",
  note: null,
  items: [item(1)],
  changed: crab.changed,
};
const ALL: Routes = {
  ...new Baskets([crab]).routes(),
  "GET /api/jobs": [job(1)],
  "GET /api/queries": [stored(1)],
  "GET /api/shared/baskets/token": SHARED,
  "GET /api/shared/queries/token": stored(2),
};

const PAGES: [address: string, route: string, seen: string | RegExp][] = [
  ["/basket", "GET /api/me", "2 data sets, 3.00 MB"],
  ["/basket", "GET /api/baskets", "2 data sets, 3.00 MB"],
  ["/basket", "GET /api/baskets/*", "2 data sets, 3.00 MB"],
  ["/basket/shared/token", "GET /api/shared/baskets/token", "1 data set, 1.00 MB"],
  ["/jobs", "GET /api/me", "Job 1"],
  ["/jobs", "GET /api/jobs", "Job 1"],
  ["/jobs?basket=1", "GET /api/baskets", "Start a preview job"],
  ["/queries", "GET /api/me", "Query 1"],
  ["/queries", "GET /api/queries", "Query 1"],
  ["/queries/shared/token", "GET /api/shared/queries/token", "Query 2"],
  ["/profile", "GET /api/me", "Ada Observer"],
];

describe("a page that the server fails", () => {
  it.each(PAGES)("%s without %s says so, and tries again", async (address, route, seen) => {
    serve({ ...ALL, [route]: down });
    show(address);
    const [told] = await screen.findAllByText(new RegExp(DOWN));
    expect(told?.closest("[role=alert]")).toBeTruthy();
    alsoServe({ [route]: ALL[route] ?? LOGGED_IN[route] });
    const [again] = screen.getAllByRole("button", { name: "Try again" });
    await user.click(again as HTMLElement);
    expect((await screen.findAllByText(seen)).length).toBeGreaterThan(0);
    await waitFor(() => expect(screen.queryByText(new RegExp(DOWN))).toBeNull());
  });
});

const KEPT: [address: string, key: string, route: string, seen: string][] = [
  ["/basket", "me", "GET /api/me", "2 data sets, 3.00 MB"],
  ["/basket", "baskets", "GET /api/baskets*", "2 data sets, 3.00 MB"],
  ["/jobs", "me", "GET /api/me", "Job 1"],
  ["/jobs", "jobs", "GET /api/jobs", "Job 1"],
  ["/queries", "queries", "GET /api/queries", "Query 1"],
  ["/profile", "me", "GET /api/me", "Ada Observer"],
];

describe("a page that is there already", () => {
  it.each(KEPT)("%s stays when its %s can no longer be had", async (address, key, route, seen) => {
    serve(ALL);
    const { queries } = show(address);
    const [shown] = await screen.findAllByText(seen);
    const routes = route.endsWith("*") ? [route.slice(0, -1), `${route.slice(0, -1)}/*`] : [route];
    alsoServe(Object.fromEntries(routes.map((one) => [one, down])));
    await queries.refetchQueries({ queryKey: [key] });
    await waitFor(() => expect(queries.getQueryState([key])?.status).toBe("error"));
    // The same element: what people write in it is still there, too.
    expect(screen.getAllByText(seen)[0]).toBe(shown);
  });
});

describe("what people write", () => {
  it("stays when a note cannot be saved, and can be saved once more", async () => {
    serve({ ...ALL, "POST /api/baskets/*": down });
    show("/basket");
    await user.click(await screen.findByRole("button", { name: "Note on Run 1" }));
    const field = screen.getByRole("textbox", { name: "Note on Run 1" });
    await user.type(field, "Look again");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await screen.findByText(new RegExp(DOWN));
    expect(screen.getByRole("textbox", { name: "Note on Run 1" })).toHaveProperty(
      "value",
      "Look again",
    );
    alsoServe(new Baskets([crab]).routes());
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(await screen.findByText("Look again")).toBeTruthy();
    expect(screen.queryByRole("textbox", { name: "Note on Run 1" })).toBeNull();
  });
  it("stays chosen when it cannot be removed", async () => {
    serve({ ...ALL, "POST /api/baskets/*": down });
    show("/basket");
    await user.click(await screen.findByRole("checkbox", { name: "Choose Run 2" }));
    await user.click(screen.getByRole("button", { name: "Remove the 1 chosen" }));
    await screen.findByText(new RegExp(DOWN));
    expect(screen.getByRole("checkbox", { name: "Choose Run 2" })).toHaveProperty("checked", true);
  });
  it("is not touched where nobody is logged in and the server is away", async () => {
    serve({ ...ANONYMOUS, "GET /api/me": down });
    show("/basket");
    await screen.findByText(new RegExp(DOWN));
    expect(screen.getByText("This basket is empty.")).toBeTruthy();
  });
});
