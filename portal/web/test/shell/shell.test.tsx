import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { App } from "../../src/app";
import { go } from "../../src/lib/go";
import { paramsFor } from "../../src/shell/service";
import { CONFIG, ROUTES, USER } from "../fixtures";
import { alsoServe, problem, serve } from "../server";

vi.mock("../../src/lib/go");

function open(path: string) {
  window.history.replaceState(null, "", path);
  return render(<App />);
}

const tabs = async () => {
  const nav = await screen.findByRole("navigation", { name: "Pages" });
  return within(nav)
    .getAllByRole("link")
    .map((link) => link.textContent);
};

describe("the frame", () => {
  it("shows title, notice and the tabs of anonymous people", async () => {
    serve(ROUTES);
    open("/");
    await screen.findByText("All data here are simulated.");
    await screen.findByRole("link", { name: /Log in/ });
    expect(await tabs()).toEqual(["Search", "Results", "My Basket"]);
    expect(screen.getByRole("link", { name: "Cherenkov data explorer" })).toBeTruthy();
    expect(window.location.pathname).toBe("/search");
    await waitFor(() => expect(document.title).toBe("Search \u2013 Cherenkov data explorer"));
    expect(screen.getByText("Skip to the content").getAttribute("href")).toBe("#content");
  });
  it("shows all tabs to those logged in, and logs out with the word against forgery", async () => {
    const seen = serve({ ...ROUTES, "GET /api/me": USER });
    const user = userEvent.setup();
    open("/search");
    await screen.findByText("Vera Example");
    expect(await tabs()).toEqual([
      "Search",
      "Results",
      "My Basket",
      "Preview Jobs",
      "Query Store",
      "Profile",
    ]);
    alsoServe({ "POST /auth/logout": { redirect: "https://login.example/end" } });
    const before = seen.length;
    await user.click(screen.getByRole("button", { name: "Log out" }));
    await waitFor(() => expect(go).toHaveBeenCalledWith("https://login.example/end"));
    await waitFor(() => expect(screen.queryByText("Vera Example")).toBeNull());
    const asked = seen.slice(before).filter(({ path }) => !path.startsWith("/api/services/"));
    // Nothing of the user's is asked by the page that is left: it would be refused.
    expect(asked.map(({ path }) => path)).toEqual(["/auth/logout"]);
    expect(asked[0]?.headers.get("X-CSRF-Token")).toBe("word-2");
  });
  it("leads to the provider and back to this page", async () => {
    serve(ROUTES);
    open("/results?service=own&adql=x");
    const link = await screen.findByRole("link", { name: /Log in with Example Login/ });
    const address = new URL(link.getAttribute("href") ?? "", "http://localhost");
    expect(address.pathname).toBe("/auth/login");
    expect(address.searchParams.get("next")).toBe("/results?service=own&adql=x");
  });
  it("says why there is no log in", async () => {
    const login = { state: { available: false, reason: "No provider is set up." }, provider: null };
    serve({ ...ROUTES, "GET /api/config": { ...CONFIG, login } });
    open("/search");
    expect(await screen.findByText("No provider is set up.")).toBeTruthy();
    const button = screen.getByRole("button", { name: "Log in" });
    expect(button.getAttribute("aria-disabled")).toBe("true");
  });
  it("puts the focus on the heading of the page that people go to", async () => {
    serve(ROUTES);
    const user = userEvent.setup();
    open("/search");
    await user.click(await screen.findByRole("link", { name: "My Basket" }));
    await waitFor(() => expect(document.activeElement?.tagName).toBe("H1"));
    expect(window.location.pathname).toBe("/basket");
  });
  it("is not held back by a form that writes itself to the address", async () => {
    serve(ROUTES);
    const user = userEvent.setup();
    open("/search");
    await screen.findByRole("region", { name: "Energy" });
    await user.type(screen.getByLabelText("Radius"), "5");
    await user.click(screen.getByRole("link", { name: "Results" }));
    await new Promise((done) => setTimeout(done, 600));
    expect(window.location.pathname).toBe("/results");
  });
  it("keeps the question while people look elsewhere", async () => {
    serve(ROUTES);
    const user = userEvent.setup();
    open("/results?service=own&adql=SELECT+1");
    await screen.findByRole("heading", { level: 1 });
    await user.click(screen.getByRole("link", { name: "My Basket" }));
    await user.click(screen.getByRole("link", { name: "Results" }));
    expect(window.location.search).toBe("?service=own&adql=SELECT+1");
  });
  it("says that an address is none", async () => {
    serve(ROUTES);
    open("/nowhere");
    expect(await screen.findByText("There is no such page")).toBeTruthy();
  });
  it("tells what is wrong when the server refuses, and tries again on demand", async () => {
    serve({ ...ROUTES, "GET /api/config": () => problem(403, "forbidden", "Not from here.") });
    const user = userEvent.setup();
    open("/search");
    expect(await screen.findByText(/Not from here/)).toBeTruthy();
    alsoServe({ "GET /api/config": CONFIG });
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("All data here are simulated.")).toBeTruthy();
  });
});

describe("a fault of one page", () => {
  it("leaves the others usable", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    // An answer that is not what was agreed makes the page fail.
    const broken = { ...ROUTES, "GET /api/services/own/capabilities": { features: 5 } };
    serve(broken);
    const user = userEvent.setup();
    open("/search");
    expect(await screen.findByText("This page cannot be shown")).toBeTruthy();
    await user.click(screen.getByRole("link", { name: "My Basket" }));
    expect(screen.queryByText("This page cannot be shown")).toBeNull();
    vi.restoreAllMocks();
  });
});

describe("the service", () => {
  it("is chosen in the header, and the question stays", async () => {
    serve(ROUTES);
    const user = userEvent.setup();
    open('/search?service=own&search={"energy":{"low":1e12,"high":null,"how":"overlaps"}}');
    await user.selectOptions(await screen.findByLabelText("Service"), "plain");
    await waitFor(() =>
      expect(new URLSearchParams(window.location.search).get("service")).toBe("plain"),
    );
    await waitFor(() =>
      expect(new URLSearchParams(window.location.search).get("search")).toContain(
        '"low":1000000000000',
      ),
    );
  });
  it("takes what belongs to rows and tables of the other one out of the address", () => {
    const params = paramsFor(
      "plain",
      '?service=own&sort=t_min&offset=50&selected=x&search={"table":"hess_dr.obscore"}&scale=TT',
    );
    expect(Object.fromEntries(params)).toEqual({
      service: "plain",
      search: '{"table":null}',
      scale: "TT",
    });
  });
});
