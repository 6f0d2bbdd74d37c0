import { cleanup, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { firstSurvey } from "../../src/results/map";
import { readPlace, writePlace } from "../../src/results/sky";
import { daysOf } from "../../src/results/timeline";
import { viewFromParams } from "../../src/state/view";
import { problem } from "../server";
import { aladin, called, plotly, reset, setCard, setScreen, tell, tellPlot } from "./recorders";
import { observed } from "./rows";
import { asked, CONFIG, OVERVIEW, open, ROUTES, SERVICE } from "./service";

vi.mock("aladin-lite", () => ({ default: aladin }));
vi.mock("plotly.js-basic-dist-min", () => ({ default: plotly }));

const selected = () => viewFromParams(new URLSearchParams(window.location.search), "own").selected;
const rows = [
  observed("a", { zenith: 12 }),
  observed("b", { ra: 200, dec: 0, region: { kind: "circle", points: [200, 0, 2.5] }, zenith: 41 }),
  observed("c", { t_min: 54_000, t_max: 54_000.02, zenith: 44 }),
];
const SMALL = { [`POST ${SERVICE}/overview`]: { ...OVERVIEW, rows, total: 3 } };

interface Drawn {
  x: number[];
  y: number[];
}

beforeEach(() => {
  reset();
  setCard(true);
  setScreen(true);
});

describe("the map", () => {
  it("asks nothing from elsewhere: a local picture, or none", async () => {
    open({}, SMALL);
    await waitFor(() => expect(called("setBaseImageLayer")).toHaveLength(1));
    expect(called("setBaseImageLayer")[0]?.[0]).toMatchObject({
      url: `${window.location.origin}/explorer/hips/counts`,
    });
    expect(firstSurvey(CONFIG.surveys.slice(0, 1))).toBeNull();
    expect(screen.getByText("switched off")).toBeTruthy();
    const choice = screen.getByRole("combobox", { name: "Sky" });
    expect(
      within(choice).getByRole<HTMLOptionElement>("option", { name: "Far (not available)" })
        .disabled,
    ).toBe(true);
  });
  it("selects what points closest to a click, and offers the rest", async () => {
    open({}, SMALL);
    await screen.findByRole("button", { name: "Select what is in view" });
    tell("click", { ra: 83.6, dec: 22.1 });
    await waitFor(() => expect(selected()).toEqual(["a"]));
    await userEvent.click(await screen.findByRole("button", { name: "Select all of them" }));
    expect(selected()).toEqual(["a", "c"]);
    tell("click", { ra: 83.6, dec: 60 });
    expect(selected()).toEqual(["a", "c"]);
    tell("click", { ra: 200, dec: 0, isDragging: true });
    expect(selected()).toEqual(["a", "c"]);
  });
  it("tells the card no places anew when the selection changes", async () => {
    open({}, SMALL);
    await screen.findByRole("button", { name: "Select what is in view" });
    await waitFor(() => expect(called("gl.drawElements").length).toBeGreaterThan(0));
    const places = () =>
      called("gl.bufferData").filter(([buffer]) => buffer === "ARRAY_BUFFER").length;
    const filled = places();
    const drawn = called("gl.drawElements").length;
    tell("click", { ra: 200, dec: 0 });
    await waitFor(() => expect(selected()).toEqual(["b"]));
    await waitFor(() => expect(called("gl.drawElements").length).toBeGreaterThan(drawn));
    expect(places()).toBe(filled);
  });
  it("has the answer's coverage as a layer that can be switched", async () => {
    open({}, SMALL);
    const user = userEvent.setup();
    const box = await screen.findByRole("checkbox", { name: "Coverage (MOC)" });
    expect(called("addMOC")).toHaveLength(0);
    await user.click(box);
    await waitFor(() => expect(called("addMOC")[0]?.[0]).toMatchObject({ moc: { "3": [1, 2] } }));
    await user.click(box);
    await waitFor(() => expect(called("removeOverlay")).toHaveLength(1));
  });
  it("is in the address as people have it, and comes back from there", async () => {
    open({}, SMALL);
    const user = userEvent.setup();
    const address = () => viewFromParams(new URLSearchParams(window.location.search), "own");
    await screen.findByRole("button", { name: "Zoom in" });
    await waitFor(() => expect(called("gotoRaDec")).not.toHaveLength(0));
    const [ra, dec] = called("gotoRaDec").at(-1) as [number, number];
    const [width] = called("setFoV").at(-1) as [number];
    await user.click(screen.getByRole("button", { name: "Zoom in" }));
    await user.selectOptions(screen.getByRole("combobox", { name: "Sky" }), "");
    await user.click(screen.getByRole("checkbox", { name: "Coverage (MOC)" }));
    const place = writePlace([ra, dec, width / 1.5]);
    await waitFor(() => expect(address()).toMatchObject({ map: place, sky: "none", moc: true }));
    reset();
    cleanup();
    open({ map: place, sky: "none", moc: true }, SMALL);
    await waitFor(() => expect(called("gotoRaDec")).toHaveLength(1));
    expect(called("setFoV")).toEqual([[readPlace(place)?.[2]]]);
    expect(called("setBaseImageLayer")).toEqual([]);
    const box = await screen.findByRole<HTMLInputElement>("checkbox", { name: "Coverage (MOC)" });
    expect(box.checked).toBe(true);
    expect(screen.getByRole<HTMLSelectElement>("combobox", { name: "Sky" }).value).toBe("");
  });
  it("is not in the address while nobody has moved it", async () => {
    open({}, SMALL);
    await screen.findByRole("button", { name: "Zoom in" });
    await new Promise((done) => setTimeout(done, 400));
    expect(window.location.search).not.toMatch(/map=/);
  });
  it("says so where the service has no coverage", async () => {
    open({}, { [`POST ${SERVICE}/overview`]: { ...OVERVIEW, moc: null } });
    const box = await screen.findByRole<HTMLInputElement>("checkbox", {
      name: /the service has none/,
    });
    expect(box.disabled).toBe(true);
  });
  it("has the coverage of the selection where there is one", async () => {
    const seen = open(
      { selected: ["a", "c"] },
      { ...SMALL, "POST /api/coverage": { moc: '{"4":[7]}' } },
    );
    const user = userEvent.setup();
    const box = await screen.findByRole("checkbox", { name: "Coverage (MOC) of 2 selected" });
    expect(asked(seen, "/coverage")).toHaveLength(0);
    await user.click(box);
    await waitFor(() => expect(called("addMOC")[0]?.[0]).toMatchObject({ moc: { "4": [7] } }));
    // Both have the same field of view.
    expect(asked(seen, "/coverage").map(({ body }) => body)).toEqual([
      { footprints: [{ kind: "circle", points: [83.6, 22, 2.5] }] },
    ]);
    tell("click", { ra: 200, dec: 0 });
    await screen.findByRole("checkbox", { name: "Coverage (MOC) of 1 selected" });
    await waitFor(() => expect(called("addMOC")).toHaveLength(2));
    expect(asked(seen, "/coverage").at(-1)?.body).toEqual({
      footprints: [{ kind: "circle", points: [200, 0, 2.5] }],
    });
  });
  it("says of what a selection's coverage is, and why there is none", async () => {
    open(
      { selected: ["a", "far"] },
      {
        ...SMALL,
        "POST /api/coverage": problem(422, "bad_question", "It is too much."),
      },
    );
    const name = /those 1 of 2 selected that the map has/;
    await userEvent.click(await screen.findByRole("checkbox", { name }));
    await screen.findByRole("checkbox", { name: /selected that the map has: It is too much/ });
    expect(called("addMOC")).toHaveLength(0);
  });
  it("has no coverage of data sets without fields of view", async () => {
    const without = rows.map((row) => ({ ...row, region: null }));
    const answer = { ...OVERVIEW, rows: without, total: 3 };
    open({ selected: ["b"] }, { [`POST ${SERVICE}/overview`]: answer });
    const name = /of 1 selected: no field of view is known/;
    expect((await screen.findByRole<HTMLInputElement>("checkbox", { name })).disabled).toBe(true);
  });
  it("moves at once for those who want no motion", async () => {
    setScreen(true, true);
    open({}, SMALL);
    await userEvent.click(await screen.findByRole("button", { name: "Show all" }));
    expect(called("animateToRaDec")).toHaveLength(0);
    reset();
    setScreen(true, false);
    await userEvent.click(screen.getByRole("button", { name: "Show all" }));
    expect(called("animateToRaDec")).toHaveLength(1);
  });
  it("is replaced by a sentence and a table where there is no WebGL", async () => {
    setCard(false);
    open({}, SMALL);
    expect(await screen.findByText(/it has no WebGL 2/)).toBeTruthy();
    await userEvent.click(screen.getByText(/Show places as a table/));
    expect((await screen.findAllByText("circle, 5\u00b0 across")).length).toBe(3);
    expect(screen.getByRole("tab", { name: "Time" })).toBeTruthy();
  });
});

describe("plots", () => {
  const drawn = (at: number) => (called("react").at(-1)?.[0] as Drawn[] | undefined)?.[at];
  it("select by a box in time, and all views follow", async () => {
    open({}, SMALL);
    await waitFor(() => expect(called("react").length).toBeGreaterThan(0));
    await waitFor(() => expect(document.querySelector(".results-plot svg")).toBeTruthy());
    tellPlot("plotly_selected", { range: { x: ["2006-01-01", "2007-01-01"], y: [-0.5, 3] } });
    await waitFor(() => expect(selected()).toEqual(["c"]));
    await waitFor(() => expect(drawn(2)?.x).toHaveLength(6));
  });
  it("select by a click on a span", async () => {
    open({}, SMALL);
    await waitFor(() => expect(document.querySelector(".results-plot svg")).toBeTruthy());
    tellPlot("plotly_click", { points: [{ curveNumber: 0, pointNumber: 7 }] });
    await waitFor(() => expect(selected()).toEqual(["b"]));
  });
  it("select by a bar of a histogram", async () => {
    open({}, SMALL);
    await userEvent.click(await screen.findByRole("tab", { name: "Zenith" }));
    await screen.findByText(/3 data sets in/);
    await waitFor(() => expect(document.querySelector(".results-plot svg")).toBeTruthy());
    tellPlot("plotly_selected", { range: { x: [40, 50], y: [0, 2] } });
    await waitFor(() => expect(selected()).toEqual(["b", "c"]));
  });
  it("are tables, too", async () => {
    open({}, SMALL);
    await userEvent.click(await screen.findByText(/good time intervals are known of 0/));
    expect(await screen.findByRole("columnheader", { name: "Time in all" })).toBeTruthy();
    await userEvent.click(screen.getByRole("tab", { name: "Energy" }));
    await userEvent.click(await screen.findByText(/1 different energy ranges/));
    expect(await screen.findByText("0.3 to 100")).toBeTruthy();
  });
  it("say what the service does not tell", async () => {
    const without = rows.map((row) => ({ ...row, zenith: null, energy_min: null }));
    open({}, { [`POST ${SERVICE}/overview`]: { ...OVERVIEW, rows: without } });
    await userEvent.click(await screen.findByRole("tab", { name: "Zenith" }));
    expect(
      await screen.findByText(/has a zenith angle, or the service does not tell/),
    ).toBeTruthy();
    await userEvent.click(screen.getByRole("tab", { name: "Energy" }));
    expect(await screen.findByText(/has energies, or the service does not tell/)).toBeTruthy();
  });
  it("say where the table lacks it, and which one has it", async () => {
    const without = rows.map((row) => ({ ...row, zenith: null }));
    const reason = "Zenith angle: the table has no column zen_pnt. The table hess.obscore has it.";
    const zenith = { key: "zenith", group: "observation", state: { available: false, reason } };
    const capabilities = ROUTES[`GET ${SERVICE}/capabilities`] as object;
    open(
      {},
      {
        [`POST ${SERVICE}/overview`]: { ...OVERVIEW, rows: without },
        [`GET ${SERVICE}/capabilities`]: { ...capabilities, fields: [zenith] },
      },
    );
    await userEvent.click(await screen.findByRole("tab", { name: "Zenith" }));
    expect(await screen.findByText(reason)).toBeTruthy();
  });
  it("count time that several files of a run cover only once", () => {
    const at = (start: number | null, end: number | null) =>
      observed("x", { t_min: start, t_max: end });
    const files = [at(3, 4), at(1, 2), at(1, 2), at(1.5, 2.5), at(1.2, 1.3), at(null, 9)];
    expect(daysOf(files)).toBeCloseTo(2.5, 12);
    expect(daysOf([])).toBe(0);
  });
});

describe("on a phone", () => {
  it("there is one view at a time, as tabs that arrows move through", async () => {
    setScreen(false);
    const seen = open({}, SMALL);
    await screen.findByText("Rows 1 to 50 of 120");
    expect(screen.queryByText(/Show places as a table/)).toBeNull();
    const user = userEvent.setup();
    screen.getByRole("tab", { name: "Table" }).focus();
    await user.keyboard("{ArrowRight}");
    expect(document.activeElement?.textContent).toBe("Map");
    expect(await screen.findByText(/Show places as a table/)).toBeTruthy();
    await user.keyboard("{End}");
    expect(document.activeElement?.textContent).toBe("Links");
    await user.keyboard("{Home}");
    expect(await screen.findByText("Rows 1 to 50 of 120")).toBeTruthy();
    expect(asked(seen, "/overview")).toHaveLength(1);
    expect(asked(seen, "/page")).toHaveLength(1);
  });
});
