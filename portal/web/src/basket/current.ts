// Which of a user's baskets is the current one in this browser.

const PREFIX = "cherenkov-explorer.current-basket.";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

// Where the storage refuses, the choice lives as long as the page.
const memory = new Map<string, string>();
const listeners = new Set<() => void>();

/** The id of the user's current basket, or null if none was chosen here. */
export function rememberedBasket(user: string): string | null {
  const chosen = memory.get(user);
  if (chosen !== undefined) return chosen;
  try {
    const stored = window.localStorage.getItem(PREFIX + user);
    return stored !== null && UUID.test(stored) ? stored : null;
  } catch {
    return null;
  }
}

/** Make a basket the current one. */
export function rememberBasket(user: string, basket: string): void {
  try {
    window.localStorage.setItem(PREFIX + user, basket);
    memory.delete(user);
  } catch {
    memory.set(user, basket);
  }
  for (const listener of listeners) listener();
}

/** Hear of another choice, also of one made in another tab. Gives what ends it. */
export function subscribeCurrent(listener: () => void): () => void {
  const onStorage = (event: StorageEvent) => {
    if (event.key === null || event.key.startsWith(PREFIX)) listener();
  };
  listeners.add(listener);
  window.addEventListener("storage", onStorage);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", onStorage);
  };
}
