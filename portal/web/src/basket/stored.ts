// The basket of those who are not logged in, as the browser's storage has it. Whatever stands there is read
// with care: other programs, older versions and people write to it, too.
import type { Schemas } from "../api/client";

export type Item = Schemas["Item"];
export type Key = [service: string, did: string];

/** Where the storage has it. */
export const STORAGE_KEY = "cherenkov-explorer.basket";
/** Where text goes that could not be read, so that nobody loses it. */
export const UNREADABLE_KEY = "cherenkov-explorer.basket.unreadable";
export const VERSION = 1;
export const MOST_ITEMS = 10_000;

/** What was read, and what to tell people about it. */
export interface Reading {
  items: Item[];
  problem: string | null;
  /** Whether the text has to be kept aside before something else is written. */
  damaged: boolean;
}

/** One text that stands for service and identifier; no two pairs have the same. */
export function keyOf(service: string, did: string): string {
  return JSON.stringify([service, did]);
}

/** The same, of an item. */
export function itemKey(item: Pick<Item, "service" | "did">): string {
  return keyOf(item.service, item.did);
}

function textOf(value: unknown, longest: number): string | null {
  return typeof value === "string" && value.length <= longest ? value : null;
}

/** An item out of anything, or null if there is none in it. */
export function readItem(value: unknown): Item | null {
  if (typeof value !== "object" || value === null) return null;
  const { service, did, label, note, size } = value as Record<string, unknown>;
  if (!textOf(service, 100) || !textOf(did, 1000)) return null;
  const isSize = typeof size === "number" && Number.isSafeInteger(size) && size >= 0;
  return {
    service: service as string,
    did: did as string,
    label: textOf(label, 300),
    note: textOf(note, 2000),
    size: isSize ? size : null,
  };
}

/** Items without those that say the same data set again; the later one's words count. */
export function distinct(items: Item[]): Item[] {
  return [...new Map(items.map((item) => [itemKey(item), item])).values()];
}

/** Items with others put in. What is known already stays where the new one does not say it. */
export function joined(there: Item[], items: Item[]): Item[] {
  const all = new Map(there.map((item) => [itemKey(item), item]));
  for (const item of items) {
    const known = all.get(itemKey(item));
    all.set(itemKey(item), {
      service: item.service,
      did: item.did,
      label: item.label ?? known?.label ?? null,
      note: item.note ?? known?.note ?? null,
      size: item.size ?? known?.size ?? null,
    });
  }
  return [...all.values()];
}

/** Items by their service, in their order. */
export function byService(items: Item[]): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item.service);
    if (group) group.push(item);
    else groups.set(item.service, [item]);
  }
  return groups;
}

const DAMAGED: Reading = {
  items: [],
  problem:
    "The basket in this browser could not be read. It was put aside, and a new one was begun.",
  damaged: true,
};

/** Read what the storage has. Never throws. */
export function readStored(text: string | null): Reading {
  if (text === null) return { items: [], problem: null, damaged: false };
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return DAMAGED;
  }
  if (typeof content !== "object" || content === null) return DAMAGED;
  const { version, items } = content as Record<string, unknown>;
  if (version !== VERSION || !Array.isArray(items)) return DAMAGED;
  const read = distinct(items.map(readItem).filter((item) => item !== null)).slice(0, MOST_ITEMS);
  const lost = items.length - read.length;
  if (lost === 0) return { items: read, problem: null, damaged: false };
  const problem = `${lost} of ${items.length} entries of this browser's basket could not be read or stand there twice; they were left out.`;
  return { items: read, problem, damaged: true };
}

/** The text that the storage gets. */
export function writeStored(items: Item[]): string {
  return JSON.stringify({ version: VERSION, items });
}
