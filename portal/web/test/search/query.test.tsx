import { screen, waitFor, within } from "@testing-library/react";
import axe from "axe-core";
import { describe, expect, it } from "vitest";
import { CONFIG, ROUTES } from "../fixtures";
import { type Asked, alsoServe, problem, serve } from "../server";
import { address, bodies, loaded, open, press } from "./helpers";

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
