import { act, configure, fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Schemas } from "../../src/api/client";
import { type Asked, alsoServe, problem, serve } from "../server";
import {
  ANONYMOUS,
  basket,
  CONFIG,
  expectAccessible,
  info,
  item,
  job,
  LOGGED_IN,
  show,
} from "./fixtures";

configure({ getElementError: (message) => new Error(message?.split("\n")[0]) });
const user = userEvent.setup();
const press = async (name: RegExp | string) =>
  user.click(await screen.findByRole("button", { name }));

// This browser has no WebGL, as some have.
beforeEach(() => void vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null));
afterEach(() => vi.useRealTimers());

const FORM: Schemas["JobForm"] = {
  runner: "own",
  items: 2,
  left_out: ["1 data set is not of this archive."],
  parameters: [
    {
      name: "on_radius",
      label: "On radius",
      kind: "number",
      unit: "deg",
      value: "0.11",
      low: 0.01,
      high: 1,
      choices: null,
      description: "Around the source.",
    },
    {
      name: "mode",
      label: "What to do",
      kind: "choice",
      unit: null,
      value: "all",
      low: null,
      high: null,
      choices: ["all", "map"],
      description: "Less is faster.",
    },
  ],
};

const BASKET = basket(1, { items: [item(1), item(2)] });

function served(jobs: Schemas["Job"][], more = {}) {
  return serve({
    ...LOGGED_IN,
    "GET /api/baskets": [info(BASKET)],
    "GET /api/jobs": () => jobs,
    "GET /api/jobs/form": FORM,
    ...more,
  });
}

describe("starting a job", () => {
  it("needs somebody who is logged in", async () => {
    serve(ANONYMOUS);
    const { container } = show("/jobs");
    await screen.findByText("You are not logged in.");
    expect(screen.getByRole("link", { name: /Log in/ })).toBeTruthy();
    await expectAccessible(container);
  });
  it("is explained, checked, and sent", async () => {
    const seen = served([], { "POST /api/jobs": () => job(1) });
    const { container } = show(`/jobs?basket=${BASKET.id}`);
    const radius = await screen.findByRole("textbox", { name: "On radius" });
    await screen.findByText("1 data set is not of this archive.");
    expect(screen.getByText(/Allowed: from 0.01 to 1 deg/)).toBeTruthy();
    await expectAccessible(container);
    await user.clear(radius);
    await user.type(radius, "5");
    await press("Start the job");
    await screen.findByText("5 is out of range: from 0.01 to 1 deg.");
    expect(document.activeElement).toBe(radius);
    expect(radius.getAttribute("aria-invalid")).toBe("true");
    expect(seen.some(({ method }) => method === "POST")).toBe(false);
    await user.clear(radius);
    await user.type(radius, "0.2");
    await user.type(screen.getByRole("textbox", { name: "Name of the job" }), "Crab");
    await press("Start the job");
    await screen.findByRole("heading", { name: /Job 1/ });
    expect(seen.find(({ method }) => method === "POST")?.body).toEqual({
      runner: "own",
      basket: BASKET.id,
      name: "Crab",
      parameters: { on_radius: "0.2", mode: "all" },
    });
    expect(screen.getByTestId("place").textContent).toBe(`/jobs/${job(1).id}`);
  });
  it("goes to another service where the operator allows one", async () => {
    const opus = { key: "opus", label: "OPUS", is_own: false };
    const forms = ({ query }: Asked) => ({ ...FORM, runner: query.get("runner"), parameters: [] });
    const seen = served([], {
      "GET /api/config": { ...CONFIG, runners: [...CONFIG.runners, opus] },
      "GET /api/jobs/form": forms,
      "POST /api/jobs": () => job(1, { runner: "opus" }),
    });
    const { container } = show(`/jobs?basket=${BASKET.id}`);
    const choice = await screen.findByRole<HTMLSelectElement>("combobox", { name: "Run by" });
    expect(choice.value).toBe("own");
    await user.selectOptions(choice, "OPUS (another service)");
    await press("Start the job");
    await screen.findByRole("heading", { name: /Job 1/ });
    const sent = seen.find(({ method }) => method === "POST");
    expect(sent?.body).toMatchObject({ runner: "opus", parameters: {} });
    await expectAccessible(container);
  });
  it("offers no choice where there is none, and says so of a link to a service that is gone", async () => {
    const seen = served([]);
    show(`/jobs?basket=${BASKET.id}&runner=gone`);
    await screen.findByText(/names the service “gone” for jobs, which is not there/);
    expect(seen.some(({ path }) => path === "/api/jobs/form")).toBe(false);
    await press("Take Preview jobs");
    await screen.findByRole("textbox", { name: "On radius" });
    expect(screen.queryByRole("combobox", { name: "Run by" })).toBeNull();
  });
  it("says why the service refused", async () => {
    served([], { "POST /api/jobs": () => problem(503, "runner_down", "The runner is away.") });
    show(`/jobs?basket=${BASKET.id}`);
    await press("Start the job");
    await screen.findByText("The runner is away.", { exact: false });
  });
  it("is off where the operator says so", async () => {
    const jobs = { available: false, reason: "No runner is configured." };
    served([], { "GET /api/config": { ...CONFIG, jobs } });
    show("/jobs");
    await screen.findByText(/No runner is configured/);
    expect(screen.queryByRole("form", { name: "Preview job" })).toBeNull();
  });
});

describe("a job that runs", () => {
  it("is followed until it ends, and no longer", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    const jobs = [job(1)];
    const seen = served(jobs);
    show(`/jobs/${job(1).id}`);
    const bar = await screen.findByRole("progressbar");
    expect(bar.getAttribute("aria-valuenow")).toBe("40");
    jobs[0] = job(1, { phase: "COMPLETED", ended: "2026-03-01T00:01:00Z", fraction: 1 });
    await act(() => vi.advanceTimersByTimeAsync(2100));
    await screen.findByText("It has ended well.");
    const asked = () => seen.filter(({ path }) => path === "/api/jobs").length;
    const before = asked();
    await act(() => vi.advanceTimersByTimeAsync(120_000));
    expect(asked()).toBe(before);
  });
  it("is not asked for while the page is hidden", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    const seen = served([job(1)]);
    show("/jobs");
    await screen.findByText("Job 1");
    const hidden = vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
    act(() => void document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));
    const before = seen.length;
    await act(() => vi.advanceTimersByTimeAsync(60_000));
    expect(seen.length).toBe(before);
    hidden.mockRestore();
    act(() => void document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));
    await waitFor(() => expect(seen.length).toBeGreaterThan(before));
  });
  it("stays on the page, with words, when the server goes away, and goes on by itself", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    served([job(1)]);
    show(`/jobs/${job(1).id}`);
    await screen.findByRole("progressbar");
    alsoServe({ "GET /api/jobs": () => problem(502, "down", "The database is away.") });
    await act(() => vi.advanceTimersByTimeAsync(10_000));
    await screen.findByText("The database is away.", { exact: false });
    expect(screen.getByRole("heading", { name: /Job 1/ })).toBeTruthy();
    alsoServe({ "GET /api/jobs": [job(1, { phase: "COMPLETED" })] });
    await act(() => vi.advanceTimersByTimeAsync(70_000));
    await screen.findByText("It has ended well.");
    expect(screen.queryByText("The database is away.", { exact: false })).toBeNull();
  });
  it("can be aborted", async () => {
    served([job(1)], {
      [`POST /api/jobs/${job(1).id}/abort`]: () => job(1, { phase: "ABORTED" }),
    });
    show(`/jobs/${job(1).id}`);
    await press(/^Abort/);
    await press("Abort the job");
    await screen.findByText("It was ended before it was done.");
  });
  it("that people aborted has no fault", async () => {
    served([job(1, { phase: "ABORTED", error: "The job was ended." })]);
    show(`/jobs/${job(1).id}`);
    await screen.findByText("The service says: The job was ended.");
    expect(screen.queryByRole("alert")).toBeNull();
  });
});

const RESULTS: Schemas["JobResult"][] = [
  ["significance.fits", "application/fits"],
  ["significance.png", "image/png"],
  ["spectrum.png", "image/png"],
  ["summary.json", "application/json"],
].map(([id, content_type]) => ({
  id: id as string,
  label: `The ${id}`,
  content_type: content_type as string,
  size: 2048,
  url: `/api/jobs/${job(1).id}/results/${id}`,
}));

const DONE = job(1, { phase: "COMPLETED", ended: "2026-03-01T00:01:00Z", results: RESULTS });

const GRAPH: Schemas["ProvenanceGraph"] = {
  nodes: [
    { id: "e", kind: "entity", label: "Event list", url: null, attributes: { did: "ivo://x" } },
    { id: "a", kind: "activity", label: "Preview", url: null, attributes: {} },
  ],
  edges: [{ source: "a", target: "e", relation: "used" }],
};

describe("a job that has ended", () => {
  it("shows pictures, summary and files; without WebGL the map's picture", async () => {
    served([DONE], {
      [`GET /api/jobs/${job(1).id}/results/summary.json`]: {
        excess: 12.5,
        notes: ["fine"],
        spectrum: { index: 2.6 },
        software: { gammapy: "2.1" },
      },
    });
    const { container } = show(`/jobs/${job(1).id}`);
    await screen.findByText(/This browser cannot draw interactive maps/);
    expect(screen.getByRole("img", { name: "The significance.png" })).toBeTruthy();
    expect(screen.getByRole("img", { name: "The spectrum.png" })).toBeTruthy();
    await screen.findByRole("row", { name: "excess 12.5" });
    // What was found is open, how it was made can be opened.
    const isOpen = (name: string) =>
      screen.getByText(name, { selector: "summary" }).closest("details")?.open;
    expect([isOpen("spectrum"), isOpen("software")]).toEqual([true, false]);
    const file = screen.getByRole("link", { name: "The summary.json" });
    expect(file.getAttribute("href")).toBe(RESULTS[3]?.url);
    expect(screen.getAllByText("2.05 kB")).toHaveLength(4);
    await expectAccessible(container);
  });
  it("shows its log and its provenance when they are opened", async () => {
    const seen = served([DONE], {
      [`GET /api/jobs/${job(1).id}/results/summary.json`]: {},
      [`GET /api/jobs/${job(1).id}/log`]: () => new Response("step 1\nstep 2"),
      [`GET /api/jobs/${job(1).id}/provenance`]: GRAPH,
    });
    const { container } = show(`/jobs/${job(1).id}`);
    await screen.findByText("Log");
    expect(seen.some(({ path }) => path.endsWith("/log"))).toBe(false);
    for (const name of ["Log", "Provenance"])
      await user.click(screen.getByText(name, { selector: "summary" }));
    for (const details of container.querySelectorAll("details"))
      fireEvent(details, new Event("toggle"));
    await screen.findByText(/step 1/);
    const node = await screen.findByRole("button", { name: "Data Event list" });
    node.focus();
    await user.keyboard("{Enter}");
    await screen.findByText("ivo://x");
    expect(screen.getByText("Preview used Event list.")).toBeTruthy();
    await expectAccessible(container);
  });
  it("can be tried again, and deleted after a question", async () => {
    const failed = job(1, { phase: "ERROR", error: "There was not enough memory." });
    served([failed], {
      [`POST /api/jobs/${job(1).id}/retry`]: () => job(2, { retry_of: failed.id }),
      [`DELETE /api/jobs/${job(2).id}`]: () => undefined,
    });
    show(`/jobs/${job(1).id}`);
    await screen.findByText("There was not enough memory.", { exact: false });
    await press("Retry");
    await screen.findByRole("heading", { name: /Job 2/ });
    await press(/^Delete/);
    await press("Delete the job");
    await waitFor(() => expect(screen.queryByRole("heading", { name: /Job 2/ })).toBeNull());
    expect(screen.getByTestId("place").textContent).toBe("/jobs");
  });
});
