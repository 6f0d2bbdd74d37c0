import { QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { beforeEach, describe, expect, it } from "vitest";
import { makeQueryClient } from "../../src/api/queries";
import { chooseCurrent, useBasket } from "../../src/basket/basket";
import { rememberedBasket } from "../../src/basket/current";
import { addLocal, getLocal, removeLocal } from "../../src/basket/local";
import { dismissTransfer, getTransfer, runTransfer } from "../../src/basket/transfer";
import { ANONYMOUS, basket, item, USER } from "../account/fixtures";
import { type Asked, alsoServe, problem, serve } from "../server";
import { Baskets } from "./baskets";

function hook() {
  const queries = makeQueryClient();
  queries.setDefaultOptions({ queries: { retry: false } });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  return renderHook(() => useBasket(), { wrapper }).result;
}

beforeEach(() => {
  removeLocal(getLocal(true).items.map(({ service, did }) => [service, did]));
  dismissTransfer();
});

describe("for those who are not logged in", () => {
  it("is the browser's", async () => {
    const seen = serve(ANONYMOUS);
    const shown = hook();
    await act(() => shown.current.add([item(1), item(2)]));
    expect(shown.current.count).toBe(2);
    expect(shown.current.has("own", item(1).did)).toBe(true);
    expect(shown.current.has("other", item(1).did)).toBe(false);
    await act(() => shown.current.remove([["own", item(1).did]]));
    expect(shown.current.count).toBe(1);
    expect(shown.current.name).toMatch(/this browser/);
    expect(seen.map(({ path }) => path)).toEqual(["/api/me"]);
  });
});

describe("at login", () => {
  it("what is in the browser goes into a basket on the server, once", async () => {
    const server = new Baskets([]);
    addLocal([item(1), item(2)]);
    serve(server.routes());
    const shown = hook();
    await waitFor(() => expect(getLocal().items).toEqual([]));
    await waitFor(() => expect(shown.current.count).toBe(2));
    expect(server.all.map(({ name, count }) => [name, count])).toEqual([["My basket", 2]]);
    expect(getTransfer().moved).toEqual({ basket: "My basket", count: 2, carried: true });
  });
  it("goes into the basket that is the current one in this browser", async () => {
    const server = new Baskets([basket(1), basket(2)]);
    serve(server.routes());
    localStorage.setItem(`cherenkov-explorer.current-basket.${USER.id}`, basket(1).id);
    addLocal([item(1)]);
    const shown = hook();
    await waitFor(() => expect(shown.current.name).toBe("Basket 1"));
    await waitFor(() => expect(server.find(basket(1).id)?.count).toBe(1));
  });
  it("stays in the browser while the server is away, and goes later", async () => {
    const server = new Baskets([]);
    server.away = true;
    addLocal([item(1)]);
    serve(server.routes());
    const shown = hook();
    await waitFor(() => expect(getTransfer().state).toBe("failed"));
    expect(shown.current.count).toBe(1);
    expect(shown.current.error?.message).toMatch(/cannot be reached/);
    server.away = false;
    act(() => void window.dispatchEvent(new Event("online")));
    await waitFor(() => expect(server.all[0]?.count).toBe(1));
    expect(getLocal().items).toEqual([]);
  });
  it("makes nothing twice when an answer was lost", async () => {
    const server = new Baskets([]);
    server.mute = true;
    addLocal([item(1)]);
    serve(server.routes());
    await runTransfer(USER.id, true, () => undefined);
    await runTransfer(USER.id, true, () => undefined);
    expect(getLocal().items).toHaveLength(1);
    server.mute = false;
    await Promise.all([
      runTransfer(USER.id, true, () => undefined),
      runTransfer(USER.id, true, () => undefined),
    ]);
    expect(server.all.map(({ items }) => items.length)).toEqual([1]);
    expect(getLocal().items).toEqual([]);
  });
  it("keeps in the browser what the server does not confirm", async () => {
    const server = new Baskets([]);
    serve(server.routes());
    addLocal([item(1), item(2)]);
    alsoServe({
      [`POST /api/baskets/${basket(1).id}/items`]: basket(1, { items: [item(1)] }),
    });
    await runTransfer(USER.id, true, () => undefined);
    expect(getLocal().items.map(({ label }) => label)).toEqual(["Run 2"]);
    expect(getTransfer().error?.message).toMatch(/did not take 1 of 2/);
  });
  it("does not let a service that is gone keep back the others", async () => {
    const server = new Baskets([basket(1, { name: "My basket" })]);
    serve(server.routes());
    const put = server.routes()["POST /api/baskets/*"] as (asked: Asked) => unknown;
    alsoServe({
      [`POST /api/baskets/${basket(1).id}/items`]: (asked: Asked) =>
        (asked.body as { items: { service: string }[] }).items[0]?.service === "gone"
          ? problem(404, "unknown_service", "There is no service 'gone' here.")
          : put(asked),
    });
    addLocal([item(1, "gone"), item(2)]);
    await runTransfer(USER.id, true, () => undefined);
    expect(getLocal().items.map(({ service }) => service)).toEqual(["gone"]);
    expect(server.all[0]?.items.map(({ label }) => label)).toEqual(["Run 2"]);
    expect(getTransfer().error?.code).toBe("unknown_service");
  });
});

describe("for those who are logged in", () => {
  it("is the current basket on the server", async () => {
    const server = new Baskets([basket(1, { items: [item(1)] }), basket(2)]);
    serve(server.routes());
    const shown = hook();
    await waitFor(() => expect(shown.current.name).toBe("Basket 2"));
    await act(() => shown.current.add([item(3)]));
    expect(server.find(basket(2).id)?.items).toEqual([item(3)]);
    expect(rememberedBasket(USER.id)).toBe(basket(2).id);
    expect(shown.current.has("own", item(3).did)).toBe(true);
    await act(() => shown.current.remove([["own", item(3).did]]));
    expect(server.find(basket(2).id)?.items).toEqual([]);
    expect(shown.current.count).toBe(0);
  });
  it("loses nothing when putting in fails, and says so", async () => {
    const server = new Baskets([basket(1)]);
    serve(server.routes());
    const shown = hook();
    await waitFor(() => expect(shown.current.name).toBe("Basket 1"));
    server.away = true;
    await act(() => shown.current.add([item(1)]));
    expect(shown.current.has("own", item(1).did)).toBe(true);
    expect(shown.current.error?.code).toBe("unreachable");
    server.away = false;
    await act(() => shown.current.add([item(2)]));
    expect(server.all[0]?.items.map(({ label }) => label)).toEqual(["Run 1", "Run 2"]);
    expect(shown.current.error).toBeNull();
  });
  it("says why something could not be taken out", async () => {
    const server = new Baskets([basket(1, { items: [item(1)] })]);
    serve(server.routes());
    const shown = hook();
    await waitFor(() => expect(shown.current.count).toBe(1));
    server.away = true;
    await act(() => shown.current.remove([["own", item(1).did]]));
    expect(shown.current.count).toBe(1);
    expect(shown.current.error?.code).toBe("unreachable");
  });
});

it("the current basket is the one remembered, else the one changed last", () => {
  expect(chooseCurrent([basket(1), basket(2)], basket(1).id)?.name).toBe("Basket 1");
  expect(chooseCurrent([basket(1), basket(2)], "gone")?.name).toBe("Basket 2");
  expect(chooseCurrent([], null)).toBeNull();
});
