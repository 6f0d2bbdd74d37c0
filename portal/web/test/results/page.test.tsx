import { act, cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { viewFromParams } from "../../src/state/view";
import { type Asked, alsoServe, problem } from "../server";
import { aladin, plotly, reset, setCard, setScreen } from "./recorders";
import { column } from "./rows";
import { asked, OVERVIEW, open, pageOf, ROUTES, SERVICE, TOTAL } from "./service";

vi.mock("aladin-lite", () => ({ default: aladin }));
vi.mock("plotly.js-basic-dist-min", () => ({ default: plotly }));

const view = () => viewFromParams(new URLSearchParams(window.location.search), "own");
const did = (at: number) => `ivo://x/~?run/${at}`;

beforeEach(() => {
  reset();
  setCard(false);
  setScreen(true);
});

describe("an answer", () => {
  it("has its exact count, and one page of rows", async () => {
    const seen = open();
    expect(await screen.findByRole("heading", { name: "120 rows found" })).toBeTruthy();
    expect(await screen.findByText("Rows 1 to 50 of 120")).toBeTruthy();
    expect(screen.getAllByRole("button", { name: /^Links of/ })).toHaveLength(50);
    expect(asked(seen, "/page")).toHaveLength(1);
    expect(asked(seen, "/overview")).toHaveLength(1);
    expect(asked(seen, "/count")[0]?.body).toEqual({ search: { conditions: [] }, adql: null });
  });
  it("is paged and sorted by the service, and the address says so", async () => {
    const seen = open();
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Next page" }));
    expect(await screen.findByText("Rows 51 to 100 of 120")).toBeTruthy();
    expect(view().offset).toBe(50);
    await user.click(screen.getByRole("button", { name: /^t_min/ }));
    await user.click(screen.getByRole("button", { name: /^t_min/ }));
    expect(view()).toMatchObject({ offset: 0, sort: [{ column: "t_min", descending: true }] });
    expect(
      await screen.findByRole("button", { name: "Links of event-list 1019 Crab Nebula" }),
    ).toBeTruthy();
    expect(screen.getByRole("columnheader", { name: /^t_min/ }).getAttribute("aria-sort")).toBe(
      "descending",
    );
    // Map and plots show the same rows in whatever order.
    expect(asked(seen, "/overview")).toHaveLength(1);
    expect(asked(seen, "/count")).toHaveLength(1);
  });
  it("has times in the scale of the form, or in the one of the address", async () => {
    const head = (scale: string) =>
      screen.findByRole("button", { name: new RegExp(`^t_min ?\\[${scale}`) });
    open({}, {}, "&scale=TT");
    expect(await head("TT")).toBeTruthy();
    cleanup();
    open();
    expect(await head("UTC")).toBeTruthy();
    await userEvent.click(screen.getByRole("radio", { name: "TT" }));
    expect(await head("TT")).toBeTruthy();
    expect(view().times).toBe("TT");
    cleanup();
    open({ times: "UTC" }, {}, "&scale=TT");
    expect(await head("UTC")).toBeTruthy();
  });
  it("comes back from its address as it was", async () => {
    const seen = open({
      offset: 100,
      limit: 20,
      sort: [{ column: "obs_id", descending: false }],
      columns: ["obs_id", "quality"],
      selected: [did(101)],
    });
    expect(await screen.findByText("Rows 101 to 120 of 120")).toBeTruthy();
    expect(asked(seen, "/page")[0]?.body).toMatchObject({
      offset: 100,
      limit: 20,
      sort: [{ column: "obs_id", descending: false }],
      columns: ["obs_publisher_did", "obs_id", "quality"],
    });
    const heads = screen.getAllByRole("columnheader").map((head) => head.textContent);
    expect(heads.filter((text) => text?.includes("obs_publisher_did"))).toHaveLength(0);
    const box = screen.getByRole<HTMLInputElement>("checkbox", { name: "Select 1001" });
    expect(box.checked).toBe(true);
    expect(screen.getByText(/1 data set selected/)).toBeTruthy();
  });
  it("keeps the plot in front, whatever becomes of the screen, and the address has it", async () => {
    open();
    const user = userEvent.setup();
    await user.click(await screen.findByRole("tab", { name: "Energy" }));
    expect(view().tab).toBe("energy");
    act(() => setScreen(false));
    const tab = await screen.findByRole("tab", { name: "Energy" });
    expect(tab.getAttribute("aria-selected")).toBe("true");
    act(() => setScreen(true));
    const again = await screen.findByRole("tab", { name: "Energy" });
    expect(again.getAttribute("aria-selected")).toBe("true");
  });
  it("says loudly what is missing", async () => {
    open(
      {},
      {
        [`POST ${SERVICE}/page`]: (one: Asked) => ({ ...pageOf(one), overflow: true }),
        [`POST ${SERVICE}/overview`]: { ...OVERVIEW, total: 50_000, truncated: true },
      },
    );
    expect(await screen.findByText(/cut its answer short/)).toBeTruthy();
    expect(await screen.findAllByText(/do not show everything/)).not.toHaveLength(0);
  });
  it("without rows says what may help", async () => {
    open({}, { [`POST ${SERVICE}/page`]: (one: Asked) => ({ ...pageOf(one), rows: [] }) });
    expect(await screen.findByText(/Nothing was found/)).toBeTruthy();
  });
  it("without the key column cannot be selected, and says why", async () => {
    open(
      { search: null, adql: "SELECT obs_id FROM x" },
      {
        [`POST ${SERVICE}/page`]: (one: Asked) => pageOf({ ...one, body: { columns: ["obs_id"] } }),
      },
    );
    expect(await screen.findByText(/cannot be told apart/)).toBeTruthy();
    expect(screen.queryByRole("checkbox", { name: /^Select/ })).toBeNull();
  });
});

describe("columns", () => {
  it("say what they are, with unit and UCD, to the eye and to screen readers", async () => {
    open();
    const head = await screen.findByRole("button", { name: /^energy_min/ });
    const words = document.getElementById(head.getAttribute("aria-describedby") ?? "");
    expect(words?.textContent).toContain("the service gives eV");
    expect(words?.textContent).toContain("UCD: em.energy;stat.min");
    head.focus();
    expect((await screen.findByRole("tooltip")).textContent).toContain("em.energy");
    await userEvent.keyboard("{Escape}");
    expect(screen.queryByRole("tooltip")).toBeNull();
  });
  it("are chosen by people, and the address has them", async () => {
    const seen = open();
    await screen.findByText("Rows 1 to 50 of 120");
    const user = userEvent.setup();
    await user.click(screen.getByText(/^Columns \(/));
    await user.click(screen.getByRole("checkbox", { name: "quality" }));
    await waitFor(() => expect(view().columns).toContain("quality"));
    const columns = () =>
      asked(seen, "/page").map(({ body }) => (body as { columns: string[] }).columns);
    await waitFor(() => expect(columns().at(-1)).toContain("quality"));
    await user.click(screen.getByRole("button", { name: "As usual" }));
    expect(view().columns).toBeNull();
  });
  it("with previews show those of this server, and words for others and broken ones", async () => {
    const here = `${window.location.origin}/run.png`;
    const preview = { ...column("preview"), ucd: "meta.ref.url;meta.preview" };
    const page = {
      ...pageOf({ body: { columns: ["obs_publisher_did"] } } as Asked),
      columns: [column("obs_publisher_did"), preview],
      rows: [here, "https://elsewhere.example/run.png", null].map((url, at) => [did(at), url]),
    };
    open({ columns: ["preview"] }, { [`POST ${SERVICE}/page`]: page });
    const shown = await screen.findByRole<HTMLImageElement>("img", { name: "Preview" });
    expect([shown.src, shown.getAttribute("loading")]).toEqual([here, "lazy"]);
    expect(screen.getAllByText("picture")).toHaveLength(1);
    fireEvent.error(shown);
    expect(screen.getAllByText("picture")).toHaveLength(2);
  });
  it("with sizes do not pass the size of a document of links for that of the data", async () => {
    const size = { datatype: "long", unit: "kbyte", ucd: "phys.size;meta.file" };
    const formats = ["application/fits", "application/x-votable+xml;content=datalink", null];
    const page = {
      ...pageOf({ body: { columns: ["obs_publisher_did"] } } as Asked),
      columns: [
        column("obs_publisher_did"),
        column("access_format"),
        column("access_estsize", size),
      ],
      rows: formats.map((format, at) => [did(at), format, 10 + at]),
    };
    open({ columns: ["access_estsize"] }, { [`POST ${SERVICE}/page`]: page });
    expect((await screen.findByText("links document, 11 kB")).title).toMatch(/its size/);
    const cells = screen.getAllByText(/ kB$/).map(({ textContent }) => textContent);
    expect(cells).toEqual(["10 kB", "links document, 11 kB", "12 kB"]);
    // The format, which was asked for to know this, is no column that anybody chose.
    expect(screen.queryByRole("button", { name: /^access_format/ })).toBeNull();
  });
  it("with times follow the switch between TT and UTC", async () => {
    open({ times: "TT" });
    const user = userEvent.setup();
    expect(await screen.findByText("2003-12-27 00:00:00")).toBeTruthy();
    await user.click(screen.getByRole("radio", { name: "UTC" }));
    expect(await screen.findByText("2003-12-26 23:58:55")).toBeTruthy();
  });
});

describe("rows", () => {
  it("are selected by clicks, with Ctrl and Shift, and by boxes", async () => {
    open();
    await screen.findByText("Rows 1 to 50 of 120");
    const user = userEvent.setup();
    const cell = (text: string) => screen.getByText(text);
    await user.click(cell("902"));
    expect(view().selected).toEqual([did(2)]);
    await user.keyboard("{Shift>}");
    await user.click(cell("905"));
    await user.keyboard("{/Shift}");
    expect(view().selected).toEqual([2, 3, 4, 5].map(did));
    await user.keyboard("{Control>}");
    await user.click(cell("903"));
    await user.keyboard("{/Control}");
    expect(view().selected).toEqual([2, 4, 5].map(did));
    await user.click(screen.getByRole("checkbox", { name: /^Select event-list 909/ }));
    expect(view().selected).toEqual([2, 4, 5, 9].map(did));
    await user.click(screen.getByRole("button", { name: "Clear" }));
    expect(view().selected).toEqual([]);
  });
  it("of a page are selected at once, and stay selected on the next page", async () => {
    open({ limit: 20 });
    await screen.findByText("Rows 1 to 20 of 120");
    const user = userEvent.setup();
    await user.click(screen.getByRole("checkbox", { name: "Select all rows of this page" }));
    expect(view().selected).toHaveLength(20);
    await user.click(screen.getByRole("button", { name: "Next page" }));
    await screen.findByText("Rows 21 to 40 of 120");
    expect(screen.getByText(/20 data sets selected/)).toBeTruthy();
  });
  it("too many for a link are selected all the same, and it is said", async () => {
    open({ limit: 500 });
    await screen.findByText("Rows 1 to 120 of 120");
    await userEvent.click(screen.getByRole("checkbox", { name: "Select all rows of this page" }));
    expect(await screen.findByText(/120 data sets selected/)).toBeTruthy();
    expect(screen.getByText(/do not fit into a link/)).toBeTruthy();
    expect(view().selected).toEqual([]);
  });
});

describe("faults", () => {
  it("of the service are said in its words, nothing else is lost, and can be tried again", async () => {
    const down = () =>
      problem(502, "service_down", "The service does not answer. Try again in a minute.");
    open({}, { [`POST ${SERVICE}/page`]: down });
    const alert = await screen.findByText(/The service does not answer/);
    expect(await screen.findByRole("heading", { name: `${TOTAL} rows found` })).toBeTruthy();
    alsoServe({ [`POST ${SERVICE}/page`]: pageOf });
    const box = alert.closest<HTMLElement>("[role=alert]");
    await userEvent.click(within(box as HTMLElement).getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Rows 1 to 50 of 120")).toBeTruthy();
  });
  it("of a later page leave the rows before in place", async () => {
    open();
    await screen.findByText("Rows 1 to 50 of 120");
    alsoServe({
      [`POST ${SERVICE}/page`]: () => problem(504, "service_slow", "It took too long."),
    });
    await userEvent.click(screen.getByRole("button", { name: "Next page" }));
    expect(await screen.findByText(/It took too long/)).toBeTruthy();
  });
  it("of the link are said, with a way to the search", async () => {
    open();
    await screen.findByText("Rows 1 to 50 of 120");
    window.history.pushState(null, "", "/results?search=%7Bdamaged");
    window.dispatchEvent(new PopStateEvent("popstate"));
    expect(await screen.findByText(/The link is damaged/)).toBeTruthy();
    expect(screen.getByRole("link", { name: "Go to the search" })).toBeTruthy();
  });
  it("of the map's data leave the table alone", async () => {
    open(
      {},
      {
        [`POST ${SERVICE}/overview`]: () => problem(400, "no_positions", "There are no positions."),
      },
    );
    expect(await screen.findByText("Rows 1 to 50 of 120")).toBeTruthy();
    expect(await screen.findAllByText(/There are no positions/)).not.toHaveLength(0);
  });
});

it("leads back to the search with the same question", async () => {
  open({ offset: 50, selected: [did(1)] });
  const link = await screen.findByRole("link", { name: "Change this search" });
  const back = viewFromParams(new URLSearchParams(link.getAttribute("href")?.split("?")[1]), "x");
  expect(back).toMatchObject({
    service: "own",
    search: { conditions: [] },
    offset: 0,
    selected: [],
  });
  expect(ROUTES).toBeTruthy();
});

it("leads back to the form as it was typed, whatever is done with the results", async () => {
  open({}, {}, "&scale=TT&eunit=GeV&units=livetime:min:s&own=SELECT+1&junk=1");
  const typed = () => {
    const link = screen.getByRole("link", { name: "Change this search" });
    return Object.fromEntries(new URLSearchParams(link.getAttribute("href")?.split("?")[1]));
  };
  const wanted = { scale: "TT", eunit: "GeV", units: "livetime:min:s", own: "SELECT 1" };
  await screen.findByText("Rows 1 to 50 of 120");
  expect(typed()).toEqual({ ...wanted, service: "own", search: '{"conditions":[]}' });
  await userEvent.click(screen.getByRole("button", { name: "Next page" }));
  await screen.findByText("Rows 51 to 100 of 120");
  expect(new URLSearchParams(window.location.search).get("offset")).toBe("50");
  expect(typed()).toMatchObject(wanted);
});

describe("waiting", () => {
  it("can be stopped, and gone on with", async () => {
    const user = userEvent.setup();
    const never = () => new Promise(() => undefined);
    const paths = ["count", "page", "overview"].map((kind) => `POST ${SERVICE}/${kind}`);
    const seen = open({}, Object.fromEntries(paths.map((path) => [path, never])));
    await screen.findByText(/^Counting/);
    await waitFor(() => expect(asked(seen, "/page")).toHaveLength(1));
    await user.click(screen.getByRole("button", { name: "Stop" }));
    const told = await screen.findByRole("alert");
    expect(told.textContent).toMatch(/The search was stopped/);
    expect(screen.queryByText(/^Counting/)).toBeNull();
    expect(screen.queryByText(/^Asking for/)).toBeNull();
    await waitFor(() => expect(seen.filter(({ signal }) => signal.aborted)).toHaveLength(3));
    const back: Record<string, unknown> = ROUTES;
    alsoServe(Object.fromEntries(paths.map((path) => [path, back[path]])));
    await user.click(within(told).getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("heading", { name: "120 rows found" })).toBeTruthy();
    expect(await screen.findByText("Rows 1 to 50 of 120")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Stop" })).toBeNull();
    expect(screen.queryByRole("alert")).toBeNull();
  });
});
