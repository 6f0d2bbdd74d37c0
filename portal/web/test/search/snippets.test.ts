import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pyvoSnippet, topcatSnippet } from "../../src/search/snippets";

const URL = "http://archive.example/tap";

describe("snippets of own ADQL", () => {
  it("are programs that ask just this", () => {
    const adql = "SELECT obs_id\nFROM t\nWHERE name = 'Sgr A*'";
    const python = pyvoSnippet(URL, adql, 100);
    expect(python).toContain('"SELECT obs_id\\n"');
    expect(python).toContain("maxrec=100");
    expect(topcatSnippet(URL, adql, 100)).toContain("tapurl='http://archive.example/tap'");
  });
  it("hold any text as it is, in a shell", () => {
    // Control characters are no part of a query; a shell ends a word at NUL.
    const texts = fc.string({ unit: "grapheme", maxLength: 60 }).map((text) => text.trim());
    fc.assert(
      fc.property(texts, (adql) => {
        const command = topcatSnippet(URL, adql, 1).replace("stilts", "printf '%s\\0'");
        const words = execFileSync("sh", ["-c", command], { encoding: "utf-8" }).split("\0");
        expect(words.find((word) => word.startsWith("adql="))).toBe(`adql=${adql}`);
      }),
      { numRuns: 30 },
    );
  });
  it("hold any text as it is, in Python", () => {
    // The snippet itself is run, with a service that prints what it is asked.
    const service = `
import sys, types
class TAPService:
    def __init__(self, url): pass
    def run_sync(self, query, maxrec):
        sys.stdout.buffer.write(query.encode())
        sys.exit(0)
sys.modules["pyvo"] = types.SimpleNamespace(dal=types.SimpleNamespace(TAPService=TAPService))
`;
    const texts = fc.string({ unit: "grapheme", maxLength: 60 }).map((text) => text.trim());
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 3 }), (lines) => {
        const adql = lines.join("\n").trim();
        const input = service + pyvoSnippet(URL, adql, 1);
        expect(execFileSync("python3", ["-"], { input, encoding: "utf-8" })).toBe(adql);
      }),
      { numRuns: 30 },
    );
  });
});
