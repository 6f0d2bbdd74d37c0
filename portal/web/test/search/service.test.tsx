import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { CAPABILITIES, PLAIN, ROUTES } from "../fixtures";
import { type Asked, alsoServe, problem, serve } from "../server";
import { address, bodies, loaded, open, press, searched } from "./helpers";

describe("fields of the service", () => {
  it("offer values once they are opened, with counts", async () => {
    const seen = serve(ROUTES);
    const user = open();
    await loaded();
    expect(bodies(seen, "dataproduct_type")).toEqual([]);
    await user.click(screen.getByText("Product type"));
    await user.click(await screen.findByRole("checkbox", { name: /event-list \(105\)/ }));
    await user.type(screen.getByLabelText("Target contains"), "Crab");
    await user.selectOptions(screen.getByLabelText("Unit of Live time"), "min");
    await user.type(screen.getByLabelText("Live time, from"), "20");
    await user.type(screen.getByLabelText("Zenith angle, to"), "40");
    await press(user);
    await waitFor(() => expect(window.location.pathname).toBe("/results"));
    // What the way back needs to show the form as it was typed.
    expect(address().get("units")).toBe("livetime:min:s");
    expect(searched().conditions).toEqual([
      { kind: "among", field: "dataproduct_type", values: ["event-list"] },
      { kind: "contains", field: "target_name", text: "Crab" },
      { kind: "between", field: "livetime", low: 1200, high: null },
      { kind: "between", field: "zenith", low: null, high: 40 },
    ]);
  });
  it("whose values cannot be listed can be filled in by hand", async () => {
    serve({
      ...ROUTES,
      "GET /api/services/own/choices/dataproduct_type": () =>
        problem(400, "query_error", "The service refuses."),
    });
    const user = open();
    await loaded();
    await user.click(screen.getByText("Product type"));
    await screen.findByText(/The service refuses/);
    await user.type(screen.getByLabelText("Another value"), "image{Enter}");
    expect(screen.getByRole<HTMLInputElement>("checkbox", { name: "image" }).checked).toBe(true);
    await waitFor(() => expect(searched()?.conditions[0].values).toEqual(["image"]));
  });
  it("that the table lacks are grey and say why, in words", async () => {
    serve(ROUTES);
    open();
    await loaded();
    const group = screen.getByRole("group", { name: "Proposal", hidden: true });
    expect(group.getAttribute("aria-disabled")).toBe("true");
    expect(group.textContent).toMatch(/Not available: The table has no column proposal_id/);
    expect(within(group).queryByRole("textbox", { hidden: true })).toBeNull();
  });
});

describe("the scale of times", () => {
  const told = (time_scale: string) => {
    serve({ ...ROUTES, "GET /api/services/own/capabilities": { ...CAPABILITIES, time_scale } });
    open();
  };
  it("is said, with what is done about it", async () => {
    told("UTC");
    await screen.findByText("The service keeps its times in UTC, and gets them converted to that.");
  });
  it("is not made up", async () => {
    told("UNKNOWN");
    await loaded();
    expect(screen.queryByText(/keeps its times/)).toBeNull();
  });
});

describe("a service that does not answer", () => {
  it("is shown as it was, with the time, until it answers again", async () => {
    const notice = "What can be searched is shown as of 2026-11-30 01:00 UTC; it does not answer.";
    serve({
      ...ROUTES,
      "GET /api/services/own/capabilities": { ...CAPABILITIES, notice },
      "POST /api/services/own/count": () => problem(409, "service_down", "The archive is down."),
    });
    const user = open({ conditions: [{ kind: "between", field: "zenith", low: null, high: 40 }] });
    await loaded();
    const told = screen.getByText(/shown as of 2026-11-30 01:00 UTC/);
    expect(told.getAttribute("role")).toBe("status");
    await screen.findByText(/Not counted: The archive is down/);
    alsoServe(ROUTES);
    await user.click(screen.getByRole("button", { name: "Ask again" }));
    await waitFor(() => expect(screen.queryByText(/shown as of/)).toBeNull());
  });
});

describe("what the service cannot answer", () => {
  const search = {
    intervals: [[53_090, 53_091]],
    conditions: [{ kind: "between", field: "zenith", low: null, high: 40 }],
  };
  it("is named, is not counted and not searched, and can be taken out", async () => {
    const seen = serve({ ...ROUTES, "GET /api/services/own/capabilities": PLAIN });
    const user = open(search);
    await loaded();
    expect(screen.getByText(/cannot answer the whole search/)).toBeTruthy();
    expect(screen.getByText("Time intervals: The table has nothing for intervals.")).toBeTruthy();
    expect(screen.getByText("Zenith angle: There is no column zen_pnt.")).toBeTruthy();
    await press(user);
    expect(window.location.pathname).toBe("/search");
    expect(screen.getByRole("alert").textContent).toMatch(/Nothing has been searched/);
    await new Promise((done) => setTimeout(done, 700));
    expect(bodies(seen, "/count")).toEqual([]);
    expect(searched().conditions).toHaveLength(1);
    expect(screen.getByText(/Parts of the search are missing here/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Clear the intervals" }));
    await user.click(screen.getByRole("button", { name: "Clear Zenith angle", hidden: true }));
    await screen.findByText("1,234");
    expect(screen.queryByText(/cannot answer the whole search/)).toBeNull();
  });
  it("is believed of the server, too", async () => {
    const seen = serve({
      ...ROUTES,
      "POST /api/services/own/adql": {
        adql: "SELECT 1",
        impossible: [{ part: "energy", reason: "Energy: not today." }],
        snippets: { pyvo: "", topcat: "" },
      },
    });
    const user = open({ energy: { low: 1e12, high: null, how: "overlaps" } });
    await loaded();
    expect(await screen.findByText("Energy: not today.")).toBeTruthy();
    await press(user);
    expect(window.location.pathname).toBe("/search");
    expect(bodies(seen, "/count")).toEqual([]);
  });
});

describe("what a link brings beyond the form", () => {
  it("is shown, counts, and can be taken out", async () => {
    serve(ROUTES);
    const user = open({
      conditions: [
        { kind: "contains", field: "target_name", text: "a" },
        { kind: "contains", field: "target_name", text: "b" },
        { kind: "among", field: "no_such_field", values: ["x"] },
        { kind: "among", field: "zenith", values: ["1"] },
      ],
    });
    await loaded();
    expect(screen.getByText(/more conditions than this form shows/)).toBeTruthy();
    expect(screen.getByText("This condition came with the link.")).toBeTruthy();
    expect(screen.getByText(/no_such_field: This service does not know such a field/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Remove no_such_field" }));
    await user.click(screen.getByRole("button", { name: "Remove target_name" }));
    await user.click(screen.getByRole("button", { name: "Clear Zenith angle", hidden: true }));
    expect(screen.queryByText(/more conditions than this form shows/)).toBeNull();
    await waitFor(() =>
      expect(searched().conditions).toEqual([
        { kind: "contains", field: "target_name", text: "a" },
      ]),
    );
  });
  it("may be a table that is not there: the usual one can be taken", async () => {
    serve({
      ...ROUTES,
      "GET /api/services/own/capabilities": ({ query }: Asked) =>
        query.get("table") === "gone"
          ? problem(404, "no_table", "There is no table gone.")
          : CAPABILITIES,
    });
    const user = open({ table: "gone" });
    expect(await screen.findByText(/There is no table gone/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Take the usual table" }));
    await loaded();
  });
});

describe("tables", () => {
  it("are chosen, and asked for what they have", async () => {
    const seen = serve(ROUTES);
    const user = open();
    await loaded();
    await user.selectOptions(screen.getByRole("combobox", { name: "Table" }), "hess_dr.obscore");
    await waitFor(() =>
      expect(
        seen
          .filter(({ path }) => path.endsWith("/capabilities"))
          .at(-1)
          ?.query.get("table"),
      ).toBe("hess_dr.obscore"),
    );
    await waitFor(() => expect(searched()).toEqual({ table: "hess_dr.obscore" }));
    // The form stays on the page meanwhile.
    expect(screen.getByRole("region", { name: "Position" })).toBeTruthy();
  });
});

describe("parts that the service lacks or doubts", () => {
  const features = (key: string, state: object) =>
    CAPABILITIES.features.map((one) => (one.key === key ? { ...one, state } : one));
  it("are grey, with the reason in words", async () => {
    const state = { available: false, reason: "The table has neither energy_min nor em_min." };
    const lacking = { ...CAPABILITIES, features: features("energy", state) };
    serve({ ...ROUTES, "GET /api/services/own/capabilities": lacking });
    const user = open({ energy: { low: 1e12, high: null, how: "overlaps" } });
    await loaded();
    const energy = screen.getByRole("region", { name: "Energy" });
    const group = within(energy).getByRole("group");
    expect(group.getAttribute("aria-disabled")).toBe("true");
    const reason = document.getElementById(group.getAttribute("aria-describedby") ?? "");
    expect(reason?.textContent).toBe("Not available: The table has neither energy_min nor em_min.");
    expect(screen.getByText(/cannot answer the whole search/)).toBeTruthy();
    await user.click(within(energy).getByRole("button", { name: "Clear Energy" }));
    expect(screen.queryByText(/cannot answer the whole search/)).toBeNull();
  });
  it("may be used with a warning", async () => {
    const state = { available: true, reason: "TT is assumed." };
    const doubted = { ...CAPABILITIES, features: features("time", state) };
    serve({ ...ROUTES, "GET /api/services/own/capabilities": doubted });
    open();
    await loaded();
    const time = screen.getByRole("region", { name: "Time" });
    expect(within(time).getByText("TT is assumed.")).toBeTruthy();
    expect(within(time).getByLabelText<HTMLInputElement>(/^Scale/).disabled).toBe(false);
  });
  it("times beyond the announced leap seconds are doubted, too", async () => {
    serve(ROUTES);
    open({ time: { start: 69_000, end: null, how: "overlaps" } });
    await loaded();
    expect(screen.getByText(/Leap seconds are not decided that far ahead/)).toBeTruthy();
  });
});
