import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  byService,
  distinct,
  type Item,
  itemKey,
  joined,
  keyOf,
  readStored,
  VERSION,
  writeStored,
} from "../../src/basket/stored";

const items: fc.Arbitrary<Item[]> = fc.array(
  fc.record({
    service: fc.string({ minLength: 1, maxLength: 8 }),
    did: fc.string({ minLength: 1, maxLength: 30 }),
    label: fc.option(fc.string({ maxLength: 20 }), { nil: null }),
    note: fc.option(fc.string({ maxLength: 20 }), { nil: null }),
    size: fc.option(fc.nat(), { nil: null }),
  }),
);

describe("what the storage has", () => {
  it("is read whatever it is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.constant(null)), (text) => {
        const reading = readStored(text);
        expect(new Set(reading.items.map(itemKey)).size).toBe(reading.items.length);
        if (reading.items.length === 0 && text !== null)
          expect(reading.damaged).toBe(reading.problem !== null);
      }),
    );
  });
  it("is read item by item where it is half right", () => {
    const half = fc.array(fc.oneof(fc.jsonValue(), fc.constant({ service: "s", did: "d" })));
    fc.assert(
      fc.property(half, (content) => {
        const reading = readStored(JSON.stringify({ version: VERSION, items: content }));
        expect(reading.damaged).toBe(reading.items.length < content.length);
        for (const item of reading.items) {
          expect(item.service.length).toBeGreaterThan(0);
          expect(item.did.length).toBeGreaterThan(0);
        }
      }),
    );
  });
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(items, (some) => {
        const written = distinct(some);
        expect(readStored(writeStored(written))).toEqual({
          items: written,
          problem: null,
          damaged: false,
        });
      }),
    );
  });
  it("of another version is put aside, not misread", () => {
    expect(readStored('{"version":2,"items":[{"service":"s","did":"d"}]}').damaged).toBe(true);
  });
});

describe("keys", () => {
  it("differ where service or identifier differ", () => {
    const text = fc.string();
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        expect(keyOf(a, b) === keyOf(c, d)).toBe(a === c && b === d);
      }),
    );
  });
});

describe("putting in", () => {
  it("twice is the same as once", () => {
    fc.assert(
      fc.property(items, items, (a, b) => {
        const once = joined(distinct(a), b);
        expect(joined(once, b)).toEqual(once);
      }),
    );
  });
  it("keeps what is known already", () => {
    const known = { service: "s", did: "d", label: "Run", note: "good", size: 7 };
    const blank = { service: "s", did: "d", label: null, note: null, size: null };
    expect(joined([known], [blank])).toEqual([known]);
  });
});

it("groups hold all items in their order", () => {
  fc.assert(
    fc.property(items, (some) => {
      const groups = byService(some);
      expect([...groups.values()].flat()).toHaveLength(some.length);
      for (const [service, group] of groups)
        expect(group).toEqual(some.filter((item) => item.service === service));
    }),
  );
});
