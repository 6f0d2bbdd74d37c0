import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filePath, pagePath } from "../../src/account/addresses";
import { bytes, counted, duration, totalInWords, when } from "../../src/account/format";
import { complaint, complaints, limitsInWords, toSend } from "../../src/account/jobs/checks";
import { type Graph, layOut, NODE_HEIGHT, NODE_WIDTH } from "../../src/account/jobs/layout";
import { relationInWords, sentences } from "../../src/account/jobs/provenance";
import { chooseMap, pictureOf } from "../../src/account/jobs/results";
import { isActive, pollAfter } from "../../src/account/jobs/state";
import { figure, linesOf } from "../../src/account/jobs/summary";
import { comparison, queryName, resultsPath } from "../../src/account/query-card";
import type { Schemas } from "../../src/api/client";
import { viewFromParams } from "../../src/state/view";
import { stored } from "./fixtures";

describe("numbers and times in words", () => {
  it("sizes", () => {
    expect([0, 999, 1000, 12_345, 999_499, 999_500, 1.5e9].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1.00 kB",
      "12.3 kB",
      "999 kB",
      "1.00 MB",
      "1.50 GB",
    ]);
    expect(bytes(null)).toBe("unknown");
    expect(totalInWords([{ size: 1000 }, { size: 500 }])).toBe("1.50 kB");
    expect(totalInWords([{ size: null }])).toBe("size unknown");
  });
  it("sizes never say 1000 of a unit that has a larger one", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 9e14, noNaN: true }), (value) => {
        expect(Number.parseFloat(bytes(Math.round(value)))).toBeLessThan(1000);
      }),
    );
  });
  it("counts, times, durations", () => {
    expect(counted(1, "query", "queries")).toBe("1 query");
    expect(counted(1234, "row")).toBe("1,234 rows");
    expect(when("2026-11-29T23:41:22.5Z")).toBe("2026-11-29 23:41 UTC");
    expect(when("2026-11-30T01:41:22+02:00")).toBe("2026-11-29 23:41 UTC");
    expect([when(null), when("soon")]).toEqual(["unknown", "unknown"]);
    const start = "2026-01-01T00:00:00Z";
    expect(duration(start, "2026-01-01T00:00:42Z")).toBe("42 s");
    expect(duration(start, "2026-01-01T00:03:20Z")).toBe("3 min 20 s");
    expect(duration(start, "2026-01-01T02:05:00Z")).toBe("2 h 5 min");
    expect(duration(start, null)).toBeNull();
  });
});

describe("addresses that the server tells", () => {
  it("are followed on this server only", () => {
    expect(pagePath("/results?service=own")).toBe("/results?service=own");
    for (const bad of [
      "javascript:alert(1)",
      "//evil.example",
      "https://e.x/",
      "/\\evil",
      "",
      null,
    ])
      expect([pagePath(bad), filePath(bad)]).toEqual([null, null]);
  });
  it("never lead elsewhere, whatever they are", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.webPath()), (text) => {
        const path = filePath(text);
        if (path !== null) expect(new URL(path, "https://here.x").host).toBe("here.x");
      }),
    );
  });
});

const number: Schemas["Parameter"] = {
  name: "radius",
  label: "Radius",
  kind: "number",
  unit: "deg",
  value: "0.1",
  low: 0.05,
  high: 1,
  choices: null,
  description: "",
};

describe("parameters", () => {
  it("say their limits", () => {
    expect(limitsInWords(number)).toBe("from 0.05 to 1 deg");
    expect(limitsInWords({ ...number, high: null })).toBe("at least 0.05 deg");
    expect(limitsInWords({ ...number, low: null, unit: null })).toBe("at most 1");
    expect(limitsInWords({ ...number, low: null, high: null })).toBeNull();
  });
  it("are checked before they are sent", () => {
    expect(complaint(number, "0.05")).toBeNull();
    expect(complaint(number, " 1 ")).toBeNull();
    expect(complaint(number, "")).toBeNull();
    expect(complaint(number, "1.01")).toBe("1.01 is out of range: from 0.05 to 1 deg.");
    expect(complaint(number, "wide")).toBe("“wide” is not a number.");
    expect(complaint(number, "Infinity")).toBe("“Infinity” is not a number.");
    const choice = { ...number, kind: "choice" as const, choices: ["a", "b"] };
    expect(complaint(choice, "b")).toBeNull();
    expect(complaint(choice, "c")).toMatch(/none of the choices: a, b/);
    expect(complaints([number], { radius: "9" })).toHaveProperty("radius");
    expect(toSend([number, { ...number, name: "other" }], { radius: " 0.2 ", other: " " })).toEqual(
      {
        radius: "0.2",
      },
    );
  });
  it("within their limits are never complained about, others always", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(complaint(number, String(value)) === null).toBe(value >= 0.05 && value <= 1);
      }),
    );
  });
});

describe("asking again", () => {
  it("goes on only while a job runs, and gets rarer", () => {
    const running = [{ phase: "EXECUTING" as const }];
    const ended = [{ phase: "COMPLETED" as const }, { phase: "ERROR" as const }];
    expect(pollAfter(ended, 0, 0)).toBe(false);
    expect(pollAfter(undefined, 0, 0)).toBe(false);
    expect(pollAfter(running, 0, 0)).toBe(2000);
    const waits = [...Array(30).keys()].map((quiet) => Number(pollAfter(running, quiet, 0)));
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBe(15_000);
    expect(pollAfter(ended, 0, 1)).toBe(4000);
    expect(pollAfter(running, 0, 20)).toBe(60_000);
  });
  it("knows which phases end", () => {
    for (const phase of ["COMPLETED", "ERROR", "ABORTED", "ARCHIVED"] as const)
      expect(isActive({ phase })).toBe(false);
  });
});

function result(id: string, content_type: string | null): Schemas["JobResult"] {
  return { id, label: id, content_type, size: 1, url: `/api/jobs/x/results/${id}` };
}

describe("results", () => {
  const fits = ["counts.fits", "significance.fits"].map((id) => result(id, "application/fits"));
  const plots = ["spectrum.png", "significance.png"].map((id) => result(id, "image/png"));
  it("begin with the significance map, and with the picture that stands in for it", () => {
    const map = chooseMap([...plots, ...fits]);
    expect(map?.id).toBe("significance.fits");
    expect(map && pictureOf(map, plots)?.id).toBe("significance.png");
    expect(chooseMap(plots)).toBeNull();
    expect(fits[0] && pictureOf(fits[0], plots)).toBeNull();
  });
  it("of the summary become lines", () => {
    const lines = linesOf({
      live_time: 12.3456789,
      fit: { index: [2.1, null] },
      steps: [{ a: true }],
    });
    expect(lines).toEqual([
      { path: ["live time"], value: "12.3457" },
      { path: ["fit", "index"], value: "2.1, not known" },
      { path: ["steps", "1", "a"], value: "yes" },
    ]);
  });
  it("of the summary are never lost, whatever they are", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (content) => {
        for (const { value } of linesOf(content)) expect(typeof value).toBe("string");
      }),
    );
  });
  it("have figures that people can read", () => {
    expect([0, 3, -2.5, 1 / 3, 3.2e-12, 1.5e10, 0.00071].map(figure)).toEqual([
      "0",
      "3",
      "-2.5",
      "0.333333",
      "3.200e-12",
      "15000000000",
      "7.100e-4",
    ]);
  });
});

const graphs: fc.Arbitrary<Graph> = fc.integer({ min: 0, max: 12 }).chain((size) => {
  const id = fc.integer({ min: 0, max: size + 1 }).map(String);
  return fc.record({
    nodes: fc.constant(
      [...Array(size).keys()].map((n) => ({
        id: String(n),
        kind: "entity" as const,
        label: `n${n}`,
        url: null,
        attributes: {},
      })),
    ),
    edges: fc.array(fc.record({ source: id, target: id, relation: fc.constant("used") })),
  });
});

describe("a provenance graph", () => {
  it("is laid out without overlaps and within its size, circles or not", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const { nodes, edges, width, height } = layOut(graph);
        expect(nodes).toHaveLength(graph.nodes.length);
        for (const [index, a] of nodes.entries()) {
          expect(a.x).toBeGreaterThanOrEqual(0);
          expect(a.y).toBeGreaterThanOrEqual(0);
          expect(a.x + NODE_WIDTH).toBeLessThanOrEqual(width);
          expect(a.y + NODE_HEIGHT).toBeLessThanOrEqual(height);
          for (const b of nodes.slice(index + 1))
            expect(Math.abs(a.x - b.x) >= NODE_WIDTH || Math.abs(a.y - b.y) >= NODE_HEIGHT).toBe(
              true,
            );
        }
        for (const { path } of edges) expect(path).not.toMatch(/NaN|undefined/);
      }),
    );
  });
  it("has what was before on the left", () => {
    const names = ["map", "job", "events"];
    const nodes = names.map((id) => ({
      id,
      kind: "entity" as const,
      label: id,
      url: null,
      attributes: {},
    }));
    const edges = [
      { source: "map", target: "job", relation: "wasGeneratedBy" },
      { source: "job", target: "events", relation: "used" },
    ];
    const placed = layOut({ nodes, edges }).nodes;
    const left = placed.toSorted((a, b) => a.x - b.x).map(({ node }) => node.id);
    expect(left).toEqual(["events", "job", "map"]);
    expect(sentences({ nodes, edges })).toEqual(["map was made by job.", "job used events."]);
  });
  it("says relations in words, known or not", () => {
    expect(relationInWords("prov:wasDerivedFrom")).toBe("comes from");
    expect(relationInWords("wasStartedBy")).toBe("was started by");
  });
});

describe("a stored query", () => {
  it("opens as it was seen, else by what was asked", () => {
    expect(resultsPath(stored(1, { view: "/results?service=own&offset=50" }))).toBe(
      "/results?service=own&offset=50",
    );
    const written = resultsPath(stored(1, { view: "javascript:alert(1)" }));
    const params = new URLSearchParams(written.slice(written.indexOf("?")));
    expect(viewFromParams(params, "x")).toMatchObject({ service: "own", adql: stored(1).adql });
    const search = { conditions: [], energy: null } as unknown as Schemas["Search"];
    const asked = resultsPath(stored(1, { search }));
    expect(asked).toMatch(/search=/);
    expect(asked).not.toMatch(/adql=/);
  });
  it("has a name in any case", () => {
    expect(queryName(stored(1))).toBe("Query 1");
    expect(queryName(stored(1, { name: null, adql: "SELECT\n  1" }))).toBe("SELECT 1");
    expect(queryName(stored(1, { name: null, adql: "x".repeat(99) }))).toHaveLength(60);
  });
  it("is compared in words", () => {
    const query = stored(1, { release: "2.0" });
    const run = { query, count: 9, before: 7, release_before: "1.0", changed: true };
    expect(comparison(run)).toBe(
      "It finds 9 rows now, 2 more than before (7). The release was 1.0 then and is 2.0 now.",
    );
    expect(comparison({ ...run, count: 1, release_before: "2.0" })).toBe(
      "It finds 1 row now, 6 fewer than before (7). The release is the same (2.0).",
    );
    expect(comparison({ ...run, count: 7, changed: false, release_before: null })).toBe(
      "It finds 7 rows now, as many as before.",
    );
    expect(comparison({ ...run, before: null, release_before: null })).toMatch(/is not known/);
  });
});
