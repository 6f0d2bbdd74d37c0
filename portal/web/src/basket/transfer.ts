// From the browser's basket into one on the server. What is put in goes this way, too: an item leaves the
// browser only when the server's answer has it, so that a lost answer or a closed page loses nothing, and
// doing it twice does no harm.
import { ApiError, client, data, type Schemas } from "../api/client";
import { rememberBasket, rememberedBasket } from "./current";
import { getLocal, removeLocal } from "./local";
import { byService, type Item, itemKey } from "./stored";

/** The basket that is made where there is none. */
export const USUAL_NAME = "My basket";

/** What became of the last attempt. */
export interface Transfer {
  state: "idle" | "running" | "failed" | "done";
  error: ApiError | null;
  /** Where how many items went, and whether they had been put into the browser's basket before. */
  moved: { basket: string; count: number; carried: boolean } | null;
}

/** Hears what a basket holds now. */
export type Told = (basket: Schemas["Basket"]) => void;

const IDLE: Transfer = { state: "idle", error: null, moved: null };
let transfer: Transfer = IDLE;
let last: Promise<unknown> = Promise.resolve();
const listeners = new Set<() => void>();

function tell(next: Transfer): void {
  transfer = next;
  for (const listener of listeners) listener();
}

export function getTransfer(): Transfer {
  return transfer;
}

export function subscribeTransfer(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Take note of what was told. */
export function dismissTransfer(): void {
  tell(IDLE);
}

/** Do one thing after the other: in all tabs where the browser can, else in this one. */
async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  if (navigator.locks) return navigator.locks.request("cherenkov-explorer.basket", work);
  const mine = last.then(work, work);
  last = mine.catch(() => undefined);
  return mine;
}

async function findTarget(user: string): Promise<Schemas["BasketInfo"]> {
  const baskets = await data(client.GET("/api/baskets"));
  const remembered = rememberedBasket(user);
  const found =
    baskets.find((basket) => basket.id === remembered) ??
    baskets.find((basket) => basket.name === USUAL_NAME);
  // Made empty and filled afterwards: if the answer is lost, the next attempt finds it by its name.
  return (
    found ?? (await data(client.POST("/api/baskets", { body: { name: USUAL_NAME, items: [] } })))
  );
}

/** Put some items in, and take those that the answer has out of the browser. */
async function hand(id: string, items: Item[], told: Told): Promise<Schemas["Basket"]> {
  const basket = await data(
    client.POST("/api/baskets/{id}/items", { params: { path: { id } }, body: { items } }),
  );
  // First what the server has is known, then the browser forgets: pages never see an item in neither.
  told(basket);
  const there = new Set(basket.items.map(itemKey));
  const confirmed = items.filter((item) => there.has(itemKey(item)));
  removeLocal(confirmed.map((item) => [item.service, item.did]));
  const left = items.length - confirmed.length;
  if (left === 0) return basket;
  throw new ApiError(
    `The server did not take ${left} of ${items.length} data sets.`,
    "not_confirmed",
    200,
  );
}

async function move(user: string, told: Told): Promise<Schemas["Basket"] | null> {
  const items = getLocal(true).items;
  if (items.length === 0) return null;
  const { id } = await findTarget(user);
  rememberBasket(user, id);
  let basket: Schemas["Basket"] | null = null;
  let refused: ApiError | null = null;
  // Service by service: one that the operator has taken away must not keep back the others' data sets.
  for (const group of byService(items).values()) {
    try {
      basket = await hand(id, group, told);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) throw error;
      refused ??= error;
    }
  }
  if (refused) throw refused;
  return basket;
}

/** Put what is in the browser into the user's basket. What became of it stands in `getTransfer()`. */
export async function runTransfer(user: string, carried: boolean, told: Told): Promise<void> {
  const count = getLocal().items.length;
  tell({ ...transfer, state: "running" });
  try {
    const basket = await exclusively(() => move(user, told));
    tell(
      basket
        ? { state: "done", error: null, moved: { basket: basket.name, count, carried } }
        : IDLE,
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    tell({ state: "failed", error, moved: null });
  }
}
