// The basket in this browser: one for all tabs. Where the storage refuses, it lives as long as the page does.
import {
  type Item,
  itemKey,
  joined,
  type Key,
  keyOf,
  MOST_ITEMS,
  readStored,
  STORAGE_KEY,
  UNREADABLE_KEY,
  writeStored,
} from "./stored";

/** What components see; a new object whenever something changed. */
export interface LocalBasket {
  items: Item[];
  keys: ReadonlySet<string>;
  /** What people have to know: that the storage refuses, or that something could not be read. */
  problem: string | null;
}

const FORBIDDEN =
  "This browser does not let the page store anything: the basket is lost when the page is closed. Logging in keeps it.";
const FULL =
  "This browser's storage is full: the basket's last change is lost when the page is closed. Logging in keeps it.";

let current: LocalBasket | null = null;
/** Whether this page's memory is newer than the storage, because the storage refused the last change. */
let unwritten = false;
const listeners = new Set<() => void>();

function snapshot(items: Item[], problem: string | null): LocalBasket {
  return { items, keys: new Set(items.map(itemKey)), problem };
}

function load(): LocalBasket {
  let text: string | null;
  try {
    text = window.localStorage.getItem(STORAGE_KEY);
  } catch {
    return snapshot([], FORBIDDEN);
  }
  const reading = readStored(text);
  if (reading.damaged && text !== null) {
    try {
      window.localStorage.setItem(UNREADABLE_KEY, text);
    } catch {
      // There is no room for a copy. What could be read is shown, and the words say that something is missing.
    }
  }
  return snapshot(reading.items, reading.problem);
}

function tell(next: LocalBasket): void {
  current = next;
  for (const listener of listeners) listener();
}

function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === "QuotaExceededError";
}

/** Change what is there now, which another tab may have changed since this one looked. */
function update(change: (items: Item[]) => Item[]): void {
  const items = change(unwritten ? getLocal().items : load().items);
  let problem: string | null = null;
  unwritten = false;
  try {
    window.localStorage.setItem(STORAGE_KEY, writeStored(items));
  } catch (error) {
    unwritten = true;
    problem = isFull(error) ? FULL : FORBIDDEN;
  }
  tell(snapshot(items, problem));
}

function onStorage(event: StorageEvent): void {
  // A key of null: the other tab has cleared everything.
  if (event.key === STORAGE_KEY || event.key === null) tell(load());
}

/** What is in the basket now; as it stands in the storage if `fresh`. */
export function getLocal(fresh = false): LocalBasket {
  if (fresh && !unwritten) current = null;
  current ??= load();
  return current;
}

/** Hear of changes, also of those made in other tabs. Gives what ends it. */
export function subscribeLocal(listener: () => void): () => void {
  if (listeners.size === 0) window.addEventListener("storage", onStorage);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    window.removeEventListener("storage", onStorage);
    if (!unwritten) current = null; // Nobody hears of other tabs' changes now: look again next time.
  };
}

/** Put items in. Gives how many found no room. */
export function addLocal(items: Item[]): number {
  let refused = 0;
  update((there) => {
    const all = joined(there, items);
    refused = Math.max(0, all.length - MOST_ITEMS);
    return all.slice(0, MOST_ITEMS);
  });
  return refused;
}

/** Take items out. */
export function removeLocal(keys: Key[]): void {
  const gone = new Set(keys.map(([service, did]) => keyOf(service, did)));
  update((there) => there.filter((item) => !gone.has(itemKey(item))));
}

/** Write down a note of an item; an empty one takes it away. */
export function noteLocal(key: Key, note: string): void {
  const wanted = keyOf(...key);
  update((there) =>
    there.map((item) =>
      itemKey(item) === wanted ? { ...item, note: note === "" ? null : note } : item,
    ),
  );
}
