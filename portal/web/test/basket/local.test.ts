import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { STORAGE_KEY, UNREADABLE_KEY } from "../../src/basket/stored";
import { item } from "../account/fixtures";

type Local = typeof import("../../src/basket/local");
let local: Local;

/** Another tab: the same storage, another memory. */
async function tab(): Promise<Local> {
  vi.resetModules();
  return import("../../src/basket/local");
}

beforeEach(async () => {
  local = await tab();
});
afterEach(() => vi.restoreAllMocks());

const labels = (from: Local) => from.getLocal().items.map(({ label }) => label);

describe("the browser's basket", () => {
  it("keeps what is put in, and takes out what is taken out", async () => {
    local.addLocal([item(1), item(2), item(1)]);
    local.removeLocal([["own", item(1).did]]);
    expect(labels(local)).toEqual(["Run 2"]);
    expect(labels(await tab())).toEqual(["Run 2"]);
  });
  it("tells the same identifier of two services apart", () => {
    const twin = { ...item(1), service: "other" };
    local.addLocal([item(1), twin]);
    local.removeLocal([["own", item(1).did]]);
    expect(local.getLocal().items).toEqual([twin]);
  });
  it("keeps step with another tab, also when both change it", async () => {
    const heard = vi.fn();
    const other = await tab();
    const end = local.subscribeLocal(heard);
    local.getLocal();
    other.addLocal([item(1)]);
    window.dispatchEvent(new StorageEvent("storage", { key: STORAGE_KEY }));
    expect(heard).toHaveBeenCalledTimes(1);
    expect(labels(local)).toEqual(["Run 1"]);
    // The event of this change has not come yet, and nothing is lost none the less.
    other.addLocal([item(2)]);
    local.addLocal([item(3)]);
    expect(labels(local)).toEqual(["Run 1", "Run 2", "Run 3"]);
    end();
  });
  it("lives on, with words, where the storage is full", () => {
    vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    local.addLocal([item(1)]);
    local.addLocal([item(2)]);
    expect(labels(local)).toEqual(["Run 1", "Run 2"]);
    expect(local.getLocal().problem).toMatch(/storage is full/);
    vi.restoreAllMocks();
    local.addLocal([item(3)]);
    expect(labels(local)).toEqual(["Run 1", "Run 2", "Run 3"]);
    expect(local.getLocal().problem).toBeNull();
  });
  it("lives on, with words, where the storage is forbidden", () => {
    vi.spyOn(window, "localStorage", "get").mockImplementation(() => {
      throw new DOMException("no", "SecurityError");
    });
    expect(local.getLocal().problem).toMatch(/does not let the page store/);
    local.addLocal([item(1)]);
    const end = local.subscribeLocal(() => undefined);
    end();
    expect(labels(local)).toEqual(["Run 1"]);
  });
  it("puts aside what it cannot read", () => {
    window.localStorage.setItem(STORAGE_KEY, "{broken");
    expect(local.getLocal().problem).toMatch(/could not be read/);
    local.addLocal([item(1)]);
    expect(window.localStorage.getItem(UNREADABLE_KEY)).toBe("{broken");
    expect(labels(local)).toEqual(["Run 1"]);
  });
  it("never breaks, whatever stands in the storage", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
        window.localStorage.setItem(STORAGE_KEY, text);
        const fresh = await tab();
        fresh.addLocal([item(1)]);
        fresh.noteLocal(["own", item(1).did], "note");
        expect(fresh.getLocal().keys.has(JSON.stringify(["own", item(1).did]))).toBe(true);
        fresh.removeLocal([["own", item(1).did]]);
      }),
      { numRuns: 50 },
    );
  });
});
