import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { pageFromParams } from "../../src/search/address";
import { ROUTES } from "../fixtures";
import { type Asked, problem, serve } from "../server";
import { address, bodies, loaded, open, press, searched } from "./helpers";

describe("a source", () => {
  it("is chosen from the archive's own targets, by keyboard", async () => {
    serve(ROUTES);
    const user = open();
    await loaded();
    await user.type(screen.getByRole("combobox", { name: "Source name" }), "crab");
    await screen.findByRole("option", { name: /Crab Nebula/ });
    await user.keyboard("{ArrowDown}{Enter}");
    expect(await screen.findByText(/83\.6331 \+22\.0145.*says this archive/)).toBeTruthy();
    await press(user);
    await waitFor(() => expect(window.location.pathname).toBe("/results"));
    expect(searched().cone).toEqual({
      positions: [{ ra: 83.6331, dec: 22.0145, label: "Crab Nebula" }],
      radius: 1,
      what: "pointing",
    });
  });
  it("is offered as far as is known, and it is said if the service cannot be asked for others", async () => {
    const reason = "Only the 5000 most frequent targets could be looked through. It is slow.";
    const values = [{ name: "Crab Nebula", ra: 83.6331, dec: 22.0145, observations: 4 }];
    serve({
      ...ROUTES,
      "GET /api/services/own/targets": { values, complete: false, reason },
    });
    const user = open();
    await loaded();
    const input = screen.getByRole("combobox", { name: "Source name" });
    await user.type(input, "crab");
    expect(await screen.findByText(reason)).toBeTruthy();
    expect(screen.getByRole("option", { name: /Crab Nebula/ })).toBeTruthy();
    await user.clear(input);
    await waitFor(() => expect(screen.queryByText(reason)).toBeNull());
  });
  it("is looked up with the resolver people chose, when they search", async () => {
    const seen = serve({
      ...ROUTES,
      "POST /api/resolve": {
        name: "M 87",
        ra: 187.7059,
        dec: 12.3911,
        resolver: "simbad",
        object_type: "AGN",
        aliases: [],
      },
    });
    const user = open();
    await loaded();
    await user.selectOptions(screen.getByLabelText("Look up with"), "simbad");
    await user.type(screen.getByRole("combobox", { name: "Source name" }), "M 87");
    await press(user);
    await waitFor(() => expect(window.location.pathname).toBe("/results"));
    expect(bodies(seen, "/resolve")).toEqual([
      { name: "M 87", resolver: "simbad", service: "own" },
    ]);
    expect(searched().cone.positions).toEqual([{ ra: 187.7059, dec: 12.3911, label: "M 87" }]);
  });
  it("that nobody knows is said, and nothing is searched", async () => {
    serve({
      ...ROUTES,
      "POST /api/resolve": () => problem(404, "not_found", "No resolver knows 'Nowhere'."),
    });
    const user = open();
    await loaded();
    await user.type(screen.getByRole("combobox", { name: "Source name" }), "Nowhere");
    await press(user);
    expect(await screen.findByText("No resolver knows 'Nowhere'.")).toBeTruthy();
    expect(window.location.pathname).toBe("/search");
  });
  it("says which resolvers are off, and why", async () => {
    serve(ROUTES);
    open();
    await loaded();
    expect(screen.getByText(/NED is off: the operator/)).toBeTruthy();
    const option = screen.getByRole<HTMLOptionElement>("option", { name: "NED (off)" });
    expect(option.disabled).toBe(true);
  });
});

describe("positions", () => {
  it("are understood while they are typed", async () => {
    serve(ROUTES);
    const user = open();
    await loaded();
    await user.click(screen.getByLabelText("Coordinates"));
    const input = screen.getByRole("textbox", { name: "Coordinates" });
    await user.type(input, "05:34:31.9 +22:00:52");
    expect(screen.getByText(/Understood as 83\.63292, 22\.01444/)).toBeTruthy();
    await user.clear(input);
    await user.type(input, "05:34:31.9 +99:00:00");
    expect(input.getAttribute("aria-invalid")).toBe("true");
    const described = document.getElementById(input.getAttribute("aria-describedby") ?? "");
    expect(described?.textContent).toMatch(/Declination goes from -90 to 90/);
    await press(user);
    expect(window.location.pathname).toBe("/search");
    expect((await screen.findByRole("alert")).textContent).toMatch(/Nothing has been searched/);
  });
  it("are pasted as a list, names among them looked up", async () => {
    serve({
      ...ROUTES,
      "POST /api/resolve": ({ body }: Asked) =>
        (body as { name: string }).name === "Mrk 421"
          ? {
              name: "Mrk 421",
              ra: 166.1138,
              dec: 38.2088,
              resolver: "simbad",
              object_type: null,
              aliases: [],
            }
          : problem(404, "not_found", "Nobody knows it."),
    });
    const user = open();
    await loaded();
    await user.click(screen.getByLabelText("List of positions"));
    const list = screen.getByRole<HTMLTextAreaElement>("textbox", { name: /List of positions/ });
    await user.click(list);
    await user.paste("83.63 22.01 # Crab\nMrk 421\nNowhere");
    await user.click(screen.getByRole("button", { name: "Look up the 2 names in the list" }));
    await screen.findByText("Nowhere: Nobody knows it.");
    expect(list.value).toBe("83.63 22.01 # Crab\nicrs 166.1138 +38.2088 # Mrk 421\nNowhere");
    expect(screen.getByText(/^2 positions understood/)).toBeTruthy();
    expect(
      screen.getAllByText("Line 3: 'Nowhere' has not been looked up yet.").length,
    ).toBeGreaterThan(0);
  });
});

describe("time and energy", () => {
  it("keep in step with each keystroke, without the server", async () => {
    const seen = serve(ROUTES);
    const user = open();
    await loaded();
    await user.selectOptions(screen.getByLabelText(/^Scale/), "TT");
    const start = screen.getByRole("group", { name: /^From/ });
    await user.type(within(start).getByLabelText(/date and time/), "2004-03-27T00:47:04.184");
    const before = seen.length;
    expect(within(start).getByLabelText<HTMLInputElement>(/MJD/).value).toMatch(
      /^53091\.0326873148/,
    );
    const met = within(start).getByLabelText<HTMLInputElement>(/mission elapsed/);
    expect(met.value).toBe("102041160");
    expect(seen.length).toBe(before);
    await user.clear(screen.getByLabelText("MJDREFI"));
    await user.type(screen.getByLabelText("MJDREFI"), "51911");
    expect(met.value).toBe("101954760");
    await user.selectOptions(screen.getByLabelText(/^Scale/), "UTC");
    expect(within(start).getByLabelText<HTMLInputElement>(/date and time/).value).toBe(
      "2004-03-27T00:46:00",
    );
    await user.clear(met);
    await user.type(met, "0");
    expect(within(start).getByLabelText<HTMLInputElement>(/date and time/).value).toBe(
      "2001-01-02T00:00:00",
    );
    await waitFor(() => expect(searched()?.time.start).toBeCloseTo(51_911.000_742_870_37, 10));
    expect(searched().time.end).toBeNull();
  });
  it("go into the search", async () => {
    serve(ROUTES);
    const user = open();
    await loaded();
    const energy = screen.getByRole("region", { name: "Energy" });
    await user.selectOptions(within(energy).getByLabelText("Unit"), "GeV");
    await user.type(within(energy).getByLabelText(/^From/), "500");
    await user.selectOptions(within(energy).getByLabelText("Find"), "contains");
    await user.click(screen.getByText(/^Several intervals/));
    await user.type(screen.getByLabelText(/^Intervals in UTC/), "2004-03-26 2004-03-27");
    await press(user);
    await waitFor(() => expect(window.location.pathname).toBe("/results"));
    expect(searched().energy).toEqual({ low: 5e11, high: null, how: "contains" });
    expect(searched().intervals).toHaveLength(1);
  });
});

describe("the address", () => {
  const search = {
    cone: { positions: [{ ra: 83.6331, dec: 22.0145, label: "Crab" }], radius: 5, what: "region" },
    conditions: [{ kind: "among", field: "dataproduct_type", values: ["event-list"] }],
  };
  it("fills in the form", async () => {
    serve(ROUTES);
    open(search);
    await loaded();
    expect(screen.getByRole<HTMLInputElement>("combobox", { name: "Source name" }).value).toBe(
      "Crab",
    );
    expect(screen.getByLabelText<HTMLInputElement>("Radius").value).toBe("5");
    expect(screen.getByText(": event-list")).toBeTruthy();
  });
  it("leads back from the results to the filled form", async () => {
    serve(ROUTES);
    const user = open();
    await loaded();
    const energy = screen.getByRole("region", { name: "Energy" });
    await user.type(within(energy).getByLabelText(/^From/), "3");
    await press(user);
    await waitFor(() => expect(window.location.pathname).toBe("/results"));
    await user.click(screen.getByRole("link", { name: "Search" }));
    const again = await screen.findByRole("region", { name: "Energy" });
    expect(within(again).getByLabelText<HTMLInputElement>(/^From/).value).toBe("3");
  });
  it("that is damaged is told, and the form is empty", async () => {
    serve(ROUTES);
    open(null, "&search={");
    expect(await screen.findByText(/The link is damaged/)).toBeTruthy();
    await loaded();
  });
  it("follows when another link is opened, and back", async () => {
    serve(ROUTES);
    const user = open(search);
    await loaded();
    await user.click(screen.getByRole("button", { name: "Clear all" }));
    await waitFor(() => expect(address().has("search")).toBe(false));
    expect(pageFromParams(address()).form.place.name).toBe("");
  });
  it("keeps the form when the service changes", async () => {
    serve(ROUTES);
    const user = open({ ...search, table: "hess_dr.obscore" });
    await loaded();
    await user.selectOptions(screen.getByLabelText("Service"), "plain");
    expect(await screen.findByText(/cannot answer the whole search/)).toBeTruthy();
    expect(screen.getByRole<HTMLInputElement>("combobox", { name: "Source name" }).value).toBe(
      "Crab",
    );
    await waitFor(() => expect(searched()).toEqual(search));
  });
});
