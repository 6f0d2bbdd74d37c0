import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { wholeAnswer } from "../../src/results/basketbutton";
import { itemsOfPage, itemsOfRows, itemsOfSelection, unique } from "../../src/results/basketitems";
import { fileName } from "../../src/results/export";
import { sizeWords } from "../../src/results/exporter";
import { problem } from "../server";
import { aladin, plotly, reset, setCard, setScreen } from "./recorders";
import { observed } from "./rows";
import { asked, OVERVIEW, open, pageOf, SERVICE } from "./service";

vi.mock("aladin-lite", () => ({ default: aladin }));
vi.mock("plotly.js-basic-dist-min", () => ({ default: plotly }));

const did = (at: number) => `ivo://x/~?run/${at}`;
const page = () => pageOf({ body: { sort: [], offset: 0, limit: 3, columns: null } } as never);

beforeEach(() => {
  reset();
  setCard(false);
  setScreen(true);
});

describe("the basket", () => {
  it("takes the selection, the page, or the whole answer", async () => {
    open({ selected: [did(0), did(1)] });
    const user = userEvent.setup();
    await screen.findByText("Rows 1 to 50 of 120");
    await user.click(await screen.findByRole("button", { name: "The selected data sets (2)" }));
    expect(await screen.findByText(/2 data sets went to the basket/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "This page (50)" }));
    expect(
      await screen.findByText(/48 data sets went to the basket. 2 were there already/),
    ).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "The whole answer (120)" }));
    expect(await screen.findByText(/70 data sets went to the basket/)).toBeTruthy();
    expect(screen.getByText("Add to basket (120 in it)")).toBeTruthy();
  });
  it("says what stays out of it", () => {
    const rows = ["a", "b", "b", "c"].map((name) => observed(name));
    const whole = wholeAnswer("own", { ...OVERVIEW, rows, total: 10 }, 2);
    expect(whole.items.map((item) => item.did)).toEqual(["a", "b"]);
    expect(whole.left).toBe(7);
  });
  it("has data sets by service and identifier, with name and size as far as known", () => {
    const rows = [observed(did(0), { size: null }), observed(did(0), { size: 189_000 })];
    const [first, second] = itemsOfPage("own", page(), rows);
    expect(first).toEqual({
      service: "own",
      did: did(0),
      label: "Vela X 900 event-list",
      note: null,
      size: 189_000,
    });
    expect(second?.size).toBeNull();
    expect(unique(itemsOfRows("own", rows.toReversed()))[0]?.size).toBe(189_000);
    const items = itemsOfSelection("own", [did(0), "b", "unknown"], page(), [observed("b")]);
    expect(items.map((item) => item.label)).toEqual([
      "Vela X 900 event-list",
      "Crab Nebula b event-list",
      null,
    ]);
    expect(unique([...items, ...items])).toHaveLength(3);
    expect(itemsOfPage("own", { ...page(), key_column: null }, [])).toEqual([]);
  });
});

describe("a file", () => {
  const saved: { name: string; text: Promise<string> }[] = [];
  const usual = { make: URL.createObjectURL, end: URL.revokeObjectURL };
  beforeEach(() => {
    saved.length = 0;
    let blob: Blob | null = null;
    URL.createObjectURL = (given: Blob) => {
      blob = given;
      return "blob:x";
    };
    URL.revokeObjectURL = () => undefined;
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
      this: HTMLAnchorElement,
    ) {
      saved.push({ name: this.download, text: (blob as Blob).text() });
    });
  });
  afterEach(() => {
    URL.createObjectURL = usual.make;
    URL.revokeObjectURL = usual.end;
    vi.restoreAllMocks();
  });

  it("has the columns and the order that are shown", async () => {
    const file = () =>
      new Response("a,b\n1,2\n", {
        headers: {
          "Content-Type": "text/csv",
          "Content-Disposition": 'attachment; filename="own.csv"',
        },
      });
    const seen = open(
      { sort: [{ column: "t_min", descending: true }], columns: ["obs_id"] },
      { [`POST ${SERVICE}/export`]: file },
    );
    await screen.findByText("Rows 1 to 50 of 120");
    await userEvent.click(screen.getByRole("button", { name: "CSV" }));
    expect(await screen.findByText("Saved 8 B.")).toBeTruthy();
    expect(asked(seen, "/export")[0]?.body).toEqual({
      search: { conditions: [] },
      adql: null,
      format: "csv",
      sort: [{ column: "t_min", descending: true }],
      columns: ["obs_id"],
    });
    expect(saved[0]?.name).toBe("own.csv");
    expect(await saved[0]?.text).toBe("a,b\n1,2\n");
  });
  it("that the server cut is said to be so", async () => {
    const cut = () => new Response("x", { headers: { "X-Truncated": "true" } });
    open({}, { [`POST ${SERVICE}/export`]: cut });
    await screen.findByText("Rows 1 to 50 of 120");
    await userEvent.click(screen.getByRole("button", { name: "VOTable" }));
    expect(await screen.findByText(/Rows are missing in it/)).toBeTruthy();
  });
  it("is not made of a refusal: the refusal is said", async () => {
    open(
      {},
      { [`POST ${SERVICE}/export`]: () => problem(503, "service_down", "The service is down.") },
    );
    await screen.findByText("Rows 1 to 50 of 120");
    await userEvent.click(screen.getByRole("button", { name: "VOTable" }));
    expect(await screen.findByText("The service is down.")).toBeTruthy();
    expect(saved).toEqual([]);
  });
  it("is not made of half an answer", async () => {
    const broken = () =>
      new Response(
        new ReadableStream({
          start(control) {
            control.enqueue(new TextEncoder().encode("a,b\n"));
            control.error(new TypeError("gone"));
          },
        }),
      );
    open({}, { [`POST ${SERVICE}/export`]: broken });
    await screen.findByText("Rows 1 to 50 of 120");
    await userEvent.click(screen.getByRole("button", { name: "ECSV" }));
    expect(await screen.findByText(/broke off; nothing was saved/)).toBeTruthy();
    expect(saved).toEqual([]);
  });
  it("of many rows is announced as such", () => {
    expect(sizeWords(10, 100)).toBe("");
    expect(sizeWords(200_000, 1_000_000)).toMatch(/takes a while/);
    expect(sizeWords(2_000_000, 1_000_000)).toMatch(/Only a VOTable can say/);
    expect(sizeWords(null, 100)).toBe("");
  });
  it("gets the name that the server gives, and never a path", () => {
    expect(fileName('attachment; filename="a.csv"', "x")).toBe("a.csv");
    expect(fileName("attachment; filename*=UTF-8''a%20b.csv", "x")).toBe("a b.csv");
    expect(fileName('attachment; filename="../../a"', "x")).toBe(".._.._a");
    expect(fileName("attachment; filename*=UTF-8''%E0%A4%A", "x")).toBe("x");
    expect(fileName(null, "x")).toBe("x");
  });
});

describe("a query", () => {
  const user = {
    id: "1",
    name: "Anna",
    email: null,
    groups: [],
    rights: [],
    since: "2026-01-01T00:00:00Z",
  };
  const BASKETS = { "GET /api/baskets": [] };
  it("is stored by people who are logged in, with its count and its page", async () => {
    const seen = open(
      {},
      {
        ...BASKETS,
        "GET /api/me": { user, csrf: "word" },
        "POST /api/queries": ({ body }: { body: object }) => Response.json(body, { status: 201 }),
      },
    );
    await screen.findByRole("heading", { name: "120 rows found" });
    await userEvent.click(await screen.findByRole("button", { name: "Store this query" }));
    await userEvent.type(screen.getByRole("textbox", { name: "Name of the query" }), "Crab{Enter}");
    expect(await screen.findByText("Stored as Crab.")).toBeTruthy();
    const [request] = asked(seen, "/api/queries");
    expect(request?.body).toMatchObject({
      name: "Crab",
      adql: "SELECT * FROM obscore",
      count: 120,
      view: expect.stringMatching(/^\/results\?service=own/),
    });
    expect(request?.headers.get("X-CSRF-Token")).toBe("word");
  });
  it("is not offered to others", async () => {
    open();
    await screen.findByText("Rows 1 to 50 of 120");
    expect(screen.queryByRole("button", { name: "Store this query" })).toBeNull();
  });
  it("that cannot be stored stays where it is, and why is said", async () => {
    open(
      {},
      {
        ...BASKETS,
        "GET /api/me": { user, csrf: "word" },
        "POST /api/queries": () => problem(503, "database_down", "The store is not there."),
      },
    );
    await userEvent.click(await screen.findByRole("button", { name: "Store this query" }));
    await userEvent.type(screen.getByRole("textbox", { name: "Name of the query" }), "Crab{Enter}");
    expect(await screen.findByText("The store is not there.")).toBeTruthy();
    expect(screen.getByRole<HTMLInputElement>("textbox", { name: "Name of the query" }).value).toBe(
      "Crab",
    );
  });
});

it("copies the link of just this view", async () => {
  open({ selected: [did(3)] });
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Copy link" }));
  await waitFor(async () =>
    expect(await navigator.clipboard.readText()).toBe(window.location.href),
  );
});
