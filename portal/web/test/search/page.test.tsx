import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { describe, expect, it } from "vitest";
import { App } from "../../src/app";
import { pageFromParams } from "../../src/search/address";
import { CONFIG, PLAIN, ROUTES } from "../fixtures";
import { type Asked, alsoServe, problem, serve } from "../server";

function open(search: object | null = null, more = ""): ReturnType<typeof userEvent.setup> {
  const asked = search ? `&search=${encodeURIComponent(JSON.stringify(search))}` : "";
  window.history.replaceState(null, "", `/search?service=own${asked}${more}`);
  render(<App />);
  return userEvent.setup();
}

const loaded = () => screen.findByRole("region", { name: "Position" });
const address = () => new URLSearchParams(window.location.search);
const searched = () => JSON.parse(address().get("search") ?? "null");
const bodies = (seen: Asked[], path: string) =>
  seen.filter((asked) => asked.path.endsWith(path)).map(({ body }) => body);

async function press(user: ReturnType<typeof userEvent.setup>): Promise<void> {
  await user.click(screen.getByRole("button", { name: "Search" }));
}

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
    expect(screen.getAllByText(/Line 3:/).length).toBeGreaterThan(0);
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

describe("the count", () => {
  it("follows the form, and calls off what is outdated", async () => {
    const signals: AbortSignal[] = [];
    serve({
      ...ROUTES,
      "POST /api/services/own/count": ({ signal, body }: Asked) => {
        signals.push(signal);
        const energy = (body as { search: { energy?: unknown } }).search.energy;
        return energy ? { count: 5, seconds: 0, adql: "" } : new Promise(() => {});
      },
    });
    const user = open();
    await loaded();
    await waitFor(() => expect(signals).toHaveLength(1));
    expect(screen.getByText(/counting/)).toBeTruthy();
    const energy = screen.getByRole("region", { name: "Energy" });
    await user.type(within(energy).getByLabelText(/^From/), "1");
    await waitFor(() => expect(signals[0]?.aborted).toBe(true));
    expect(await screen.findByText("5")).toBeTruthy();
  });
  it("says why there is none, and tries again on demand", async () => {
    serve({
      ...ROUTES,
      "POST /api/services/own/count": () => problem(504, "service_slow", "No answer in 60 s."),
    });
    const user = open();
    expect(await screen.findByText(/No answer in 60 s/)).toBeTruthy();
    alsoServe({ "POST /api/services/own/count": { count: 1, seconds: 0, adql: "" } });
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("data set")).toBeTruthy();
  });
});

describe("ADQL", () => {
  it("that people chose to write has the focus, and one from a link has not", async () => {
    serve(ROUTES);
    const user = open();
    await loaded();
    await user.click(await screen.findByRole("button", { name: "Edit this ADQL" }));
    const text = screen.getByRole("textbox", { name: "Your own ADQL" });
    expect(document.activeElement).toBe(text);
  });
  it("grows with the form, and comes as snippets", async () => {
    const seen = serve(ROUTES);
    const user = open();
    await loaded();
    const energy = screen.getByRole("region", { name: "Energy" });
    await user.type(within(energy).getByLabelText(/^From/), "1");
    const box = await screen.findByRole("region", { name: "Query" });
    await waitFor(() => expect(box.textContent).toContain('"low":1000000000000'), {
      timeout: 3000,
    });
    expect(bodies(seen, "/adql").at(-1)).toEqual({
      energy: { low: 1e12, high: null, how: "overlaps" },
    });
    await user.click(screen.getByRole("tab", { name: "ADQL" }));
    await user.keyboard("{ArrowRight}");
    expect(screen.getByRole("tab", { name: "pyVO" }).getAttribute("aria-selected")).toBe("true");
    expect(screen.getByRole("tabpanel").textContent).toContain("pyvo: SELECT");
    await user.click(screen.getByRole("tab", { name: "TOPCAT" }));
    expect(screen.getByRole("tabpanel").textContent).toContain("topcat: SELECT");
    await user.click(screen.getByRole("button", { name: "Copy TOPCAT snippet" }));
    expect(await navigator.clipboard.readText()).toContain("topcat: SELECT");
  });
  it("can be one's own; there is a way back, and nothing is lost", async () => {
    const seen = serve(ROUTES);
    const user = open({ energy: { low: 1e12, high: null, how: "overlaps" } });
    await loaded();
    await user.click(await screen.findByRole("button", { name: "Edit this ADQL" }));
    const text = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Your own ADQL" });
    expect(text.value).toContain("SELECT *");
    await user.clear(text);
    await user.type(text, "SELECT obs_id FROM t");
    expect(screen.getByText(/You write the ADQL yourself/)).toBeTruthy();
    await waitFor(() =>
      expect(bodies(seen, "/count").at(-1)).toEqual({ adql: "SELECT obs_id FROM t" }),
    );
    await user.click(screen.getByRole("tab", { name: "pyVO" }));
    expect(screen.getByRole("tabpanel").textContent).toContain('"SELECT obs_id FROM t"');
    await user.click(screen.getByRole("tab", { name: "Your ADQL" }));
    await user.click(screen.getByRole("button", { name: "Back to the form" }));
    const energy = screen.getByRole("region", { name: "Energy" });
    expect(within(energy).getByLabelText<HTMLInputElement>(/^From/).value).toBe("1");
    await user.click(await screen.findByRole("button", { name: "Back to my own ADQL" }));
    await press(user);
    await waitFor(() => expect(window.location.pathname).toBe("/results"));
    expect(address().get("adql")).toBe("SELECT obs_id FROM t");
    expect(address().has("search")).toBe(false);
  });
  it("that is empty is not searched", async () => {
    serve(ROUTES);
    const user = open(null, "&adql=");
    await loaded();
    await press(user);
    expect(screen.getByRole("alert").textContent).toMatch(/There is no ADQL yet/);
    expect(window.location.pathname).toBe("/search");
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

describe("faults", () => {
  it("of the service are told, and it can be asked again", async () => {
    const answers = [() => problem(400, "service_down", "The service is down.")];
    serve({
      ...ROUTES,
      "GET /api/services/own/capabilities": () =>
        answers.pop()?.() ?? ROUTES["GET /api/services/own/capabilities"],
    });
    const user = open();
    expect(await screen.findByText(/The service is down/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await loaded();
  });
  it("of the ADQL writer are told", async () => {
    serve({
      ...ROUTES,
      "POST /api/services/own/adql": () => problem(422, "invalid", "That is no search."),
    });
    open();
    expect(await screen.findByText(/That is no search/)).toBeTruthy();
  });
});

describe("for everyone", () => {
  it("axe finds nothing on the filled page", async () => {
    serve({ ...ROUTES, "GET /api/config": CONFIG });
    open({ energy: { low: 1e12, high: null, how: "overlaps" } });
    await loaded();
    await screen.findByRole("button", { name: "Edit this ADQL" });
    const { violations } = await axe.run(document.body, {
      rules: { "color-contrast": { enabled: false } },
    });
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });
});
