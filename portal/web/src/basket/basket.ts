// The basket that all pages put data sets into: in this browser, or the current one of who is logged in.
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { ApiError, client, data, type Schemas } from "../api/client";
import { useMe } from "../api/queries";
import { rememberBasket, rememberedBasket, subscribeCurrent } from "./current";
import { addLocal, getLocal, type LocalBasket, removeLocal, subscribeLocal } from "./local";
import { type Item, itemKey, type Key, keyOf, MOST_ITEMS } from "./stored";
import { getTransfer, runTransfer, subscribeTransfer, USUAL_NAME } from "./transfer";

export const BASKETS = ["baskets"] as const;

/** What the pages can do with the basket. */
export interface BasketHook {
  has(service: string, did: string): boolean;
  /** Put data sets in. Never rejects: what went wrong stands in `error`, and nothing is lost. */
  add(items: Item[]): Promise<void>;
  /** Take data sets out: pairs of service and identifier. Never rejects, either. */
  remove(keys: Key[]): Promise<void>;
  count: number;
  name: string;
  error: ApiError | null;
}

/** The browser's basket. */
export function useLocalBasket(): LocalBasket {
  return useSyncExternalStore(subscribeLocal, getLocal);
}

/** The user's baskets, without what is in them. */
export function useBaskets(enabled: boolean) {
  return useQuery({
    queryKey: BASKETS,
    queryFn: ({ signal }) => data(client.GET("/api/baskets", { signal })),
    enabled,
  });
}

/** One basket with what is in it. */
export function useOneBasket(id: string | null) {
  return useQuery({
    queryKey: [...BASKETS, id],
    queryFn: ({ signal }) =>
      data(client.GET("/api/baskets/{id}", { params: { path: { id: id ?? "" } }, signal })),
    enabled: id !== null,
  });
}

/** Write what the server said about a basket where all pages look for it. */
export function keepBasket(queries: QueryClient, basket: Schemas["Basket"]): void {
  queries.setQueryData([...BASKETS, basket.id], basket);
  const { items, ...rest } = basket;
  const info = { ...rest, count: items.length };
  queries.setQueryData<Schemas["BasketInfo"][]>(BASKETS, (list) => {
    const isKnown = list?.some((one) => one.id === info.id);
    return isKnown
      ? list?.map((one) => (one.id === info.id ? info : one))
      : list && [info, ...list];
  });
  void queries.invalidateQueries({ queryKey: BASKETS, exact: true });
}

/** The current one of some baskets: the one remembered here, else the one changed last. */
export function chooseCurrent<T extends { id: string; changed: string }>(
  baskets: T[],
  remembered: string | null,
): T | null {
  const latest = baskets.toSorted((a, b) => Date.parse(b.changed) - Date.parse(a.changed))[0];
  return baskets.find((basket) => basket.id === remembered) ?? latest ?? null;
}

/** The user's current basket; null where nobody is logged in or there is none yet. */
export function useCurrentBasket(user: string | null) {
  const baskets = useBaskets(user !== null);
  const remembered = useSyncExternalStore(subscribeCurrent, () =>
    user === null ? null : rememberedBasket(user),
  );
  return { baskets, current: user === null ? null : chooseCurrent(baskets.data ?? [], remembered) };
}

/** Put what is in the browser into the user's basket as soon as somebody is logged in and the server is there. */
export function useTransfer(user: string | null) {
  const queries = useQueryClient();
  const local = useLocalBasket();
  const transfer = useSyncExternalStore(subscribeTransfer, getTransfer);
  const run = useCallback(
    async (carried: boolean) => {
      if (user === null) return;
      await runTransfer(user, carried, (basket) => keepBasket(queries, basket));
      // The session has ended: the pages have to know that nobody is logged in.
      if (getTransfer().error?.status === 401) void queries.invalidateQueries({ queryKey: ["me"] });
    },
    [user, queries],
  );
  const waiting = user === null ? 0 : local.items.length;
  useEffect(() => {
    // Several components use this hook: only one of them starts. After a failure, people or the network do.
    if (waiting > 0 && getTransfer().state !== "running" && getTransfer().state !== "failed")
      void run(true);
  }, [waiting, run]);
  useEffect(() => {
    if (waiting === 0) return;
    const again = () => void run(true);
    window.addEventListener("online", again);
    return () => window.removeEventListener("online", again);
  }, [waiting, run]);
  return { transfer, waiting, run };
}

function refusal(count: number): ApiError {
  return new ApiError(
    `The basket holds ${MOST_ITEMS.toLocaleString("en")} data sets at most; ${count} were not put in.`,
    "basket_full",
    0,
  );
}

function useActions(user: string | null, current: Schemas["BasketInfo"] | null) {
  const queries = useQueryClient();
  const { run } = useTransfer(user);
  const [error, setError] = useState<ApiError | null>(null);
  const id = current?.id ?? null;
  const add = useCallback(
    async (items: Item[]) => {
      setError(null);
      if (user !== null && id !== null) rememberBasket(user, id);
      const refused = addLocal(items);
      if (refused > 0) setError(refusal(refused));
      if (user !== null) await run(false);
    },
    [user, id, run],
  );
  const remove = useCallback(
    async (keys: Key[]) => {
      setError(null);
      removeLocal(keys);
      if (id === null || keys.length === 0) return;
      try {
        const answer = client.POST("/api/baskets/{id}/items/remove", {
          params: { path: { id } },
          body: { keys },
        });
        keepBasket(queries, await data(answer));
      } catch (failure) {
        if (!(failure instanceof ApiError)) throw failure;
        setError(failure);
      }
    },
    [id, queries],
  );
  return { add, remove, error };
}

/** The basket, wherever it is. */
export function useBasket(): BasketHook {
  const user = useMe().data?.user?.id ?? null;
  const local = useLocalBasket();
  const { baskets, current } = useCurrentBasket(user);
  const there = useOneBasket(current?.id ?? null);
  const { transfer } = useTransfer(user);
  const { add, remove, error } = useActions(user, current);
  const items = there.data?.items;
  // What waits in the browser for the server counts as well.
  const keys = useMemo(
    () => new Set([...local.keys, ...(items ?? []).map(itemKey)]),
    [local.keys, items],
  );
  const has = useCallback((service: string, did: string) => keys.has(keyOf(service, did)), [keys]);
  const failure = error ?? transfer.error ?? asApiError(baskets.error ?? there.error);
  const storage = local.problem ? new ApiError(local.problem, "storage", 0) : null;
  const name = user === null ? "Basket in this browser" : (current?.name ?? USUAL_NAME);
  return { has, add, remove, count: keys.size, name, error: failure ?? storage };
}

function asApiError(error: Error | null): ApiError | null {
  if (error === null || error instanceof ApiError) return error;
  return new ApiError(error.message, "unknown", 0);
}
