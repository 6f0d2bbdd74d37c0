import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sorted } from "../../src/results/heading";
import { between, fitsLink, modeOf, pointed } from "../../src/results/selection";
import { emptyView, viewFromParams, viewToParams } from "../../src/state/view";

const dids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 12 });

describe("a selection", () => {
  it("is undone by pointing at the same twice", () => {
    fc.assert(
      fc.property(dids, dids, (before, some) => {
        const once = pointed(new Set(before), some, "toggle");
        expect(new Set(pointed(new Set(once), some, "toggle"))).toEqual(new Set(before));
      }),
    );
  });
  it("grows only, where it is added to", () => {
    fc.assert(
      fc.property(dids, dids, (before, some) => {
        expect(new Set(pointed(new Set(before), some, "add"))).toEqual(
          new Set([...before, ...some]),
        );
      }),
    );
  });
  it("never has a data set twice", () => {
    expect(pointed(new Set(), ["a", "a"], "replace")).toEqual(["a"]);
    expect(pointed(new Set(), ["a", "a"], "toggle")).toEqual(["a"]);
  });
  it("goes from one row to another, upwards as well", () => {
    const keys = ["a", "b", "c", "d"];
    expect(between(keys, "b", "d")).toEqual(["b", "c", "d"]);
    expect(between(keys, "d", "b")).toEqual(["b", "c", "d"]);
    expect(between(keys, "gone", "c")).toEqual(["c"]);
    expect(between(keys, "a", "gone")).toEqual([]);
  });
  it("fits into a link as long as servers take it", () => {
    const did = (at: number) => `ivo://cherenkov.example/~?hess_dr/${900_000 + at}`;
    expect(fitsLink(Array.from({ length: 40 }, (_, at) => did(at)))).toBe(true);
    expect(fitsLink(Array.from({ length: 400 }, (_, at) => did(at)))).toBe(false);
  });
  it("comes back from the link", () => {
    fc.assert(
      fc.property(dids, (selected) => {
        const view = { ...emptyView("own"), adql: "SELECT 1", selected };
        expect(viewFromParams(viewToParams(view), "own").selected).toEqual(selected);
      }),
    );
  });
  it("follows the keys that are held down", () => {
    const keys = { ctrlKey: false, metaKey: false, shiftKey: false };
    expect(modeOf(keys)).toBe("replace");
    expect(modeOf({ ...keys, metaKey: true })).toBe("toggle");
    expect(modeOf({ ...keys, shiftKey: true })).toBe("add");
  });
});

describe("sorting", () => {
  const up = (column: string) => ({ column, descending: false });
  const down = (column: string) => ({ column, descending: true });
  it("goes up, down, and back to none", () => {
    expect(sorted([], "a", false)).toEqual([up("a")]);
    expect(sorted([up("a")], "a", false)).toEqual([down("a")]);
    expect(sorted([down("a")], "a", false)).toEqual([]);
  });
  it("by another column replaces, or with the shift key comes after", () => {
    expect(sorted([up("a")], "b", false)).toEqual([up("b")]);
    expect(sorted([up("a")], "b", true)).toEqual([up("a"), up("b")]);
    expect(sorted([up("a"), up("b")], "a", true)).toEqual([down("a"), up("b")]);
    expect(sorted([down("a"), up("b")], "a", true)).toEqual([up("b")]);
  });
  it("takes three columns, as the service does", () => {
    expect(sorted([up("a"), up("b"), up("c")], "d", true)).toHaveLength(3);
  });
});
