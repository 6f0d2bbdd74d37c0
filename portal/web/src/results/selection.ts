// The data sets that are selected: one set for table, map and plots, keyed by obs_publisher_did.
import { useCallback, useMemo, useState } from "react";
import type { View } from "../state/view";

/** How a click changes a selection: it replaces it, or it adds or takes away. */
export type Mode = "replace" | "toggle" | "add";

/** What a click with these keys held down does. */
export function modeOf(event: { ctrlKey: boolean; metaKey: boolean; shiftKey: boolean }): Mode {
  if (event.shiftKey) return "add";
  return event.ctrlKey || event.metaKey ? "toggle" : "replace";
}

/** Characters of an address that a selection may fill; longer ones are refused by many servers. */
export const LINK_CHARACTERS = 4000;

/** The selection after some data sets were pointed at. */
export function pointed(
  before: ReadonlySet<string>,
  dids: readonly string[],
  mode: Mode,
): string[] {
  if (mode === "replace") return [...new Set(dids)];
  if (mode === "add") return [...new Set([...before, ...dids])];
  const after = new Set(before);
  for (const did of new Set(dids)) if (!after.delete(did)) after.add(did);
  return [...after];
}

/** Rows from one to another, both included, whichever comes first. */
export function between(keys: readonly string[], from: string, to: string): string[] {
  const [first, last] = [keys.indexOf(from), keys.indexOf(to)];
  if (last < 0) return [];
  if (first < 0) return [to];
  return keys.slice(Math.min(first, last), Math.max(first, last) + 1);
}

/** Whether a selection fits into a link. */
export function fitsLink(dids: readonly string[]): boolean {
  let characters = 0;
  for (const did of dids) {
    characters += encodeURIComponent(did).length + "&selected=".length;
    if (characters > LINK_CHARACTERS) return false;
  }
  return true;
}

export interface Selection {
  dids: ReadonlySet<string>;
  /** Whether it is too large for the address bar, and so only on this page. */
  isLarge: boolean;
  point: (dids: readonly string[], mode: Mode) => void;
  clear: () => void;
}

/** The selection of a view; a large one is kept beside the address bar. */
export function useSelection(view: View, change: (patch: Partial<View>) => void): Selection {
  const [large, setLarge] = useState<string[] | null>(null);
  const listed = large ?? view.selected;
  const word = listed.join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is made anew with every address.
  const dids = useMemo(() => new Set(listed), [word]);
  const set = useCallback(
    (after: string[]) => {
      const fits = fitsLink(after);
      setLarge(fits ? null : after);
      change({ selected: fits ? after : [] });
    },
    [change],
  );
  const point = useCallback(
    (some: readonly string[], mode: Mode) => set(pointed(dids, some, mode)),
    [dids, set],
  );
  const clear = useCallback(() => set([]), [set]);
  return useMemo(
    () => ({ dids, isLarge: large !== null, point, clear }),
    [dids, large, point, clear],
  );
}
