// What all tests of the search page do.
import { render, screen } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { App } from "../../src/app";
import type { Asked } from "../server";

/** Open the search page, with a search in its address or without. */
export function open(search: object | null = null, more = ""): UserEvent {
  const asked = search ? `&search=${encodeURIComponent(JSON.stringify(search))}` : "";
  window.history.replaceState(null, "", `/search?service=own${asked}${more}`);
  render(<App />);
  return userEvent.setup();
}

/** Wait until the form is there. */
export const loaded = () => screen.findByRole("region", { name: "Position" });

export const address = () => new URLSearchParams(window.location.search);

/** The search in the address. */
export const searched = () => JSON.parse(address().get("search") ?? "null");

/** What was sent to a path. */
export const bodies = (seen: Asked[], path: string) =>
  seen.filter((asked) => asked.path.endsWith(path)).map(({ body }) => body);

/** Press Search. */
export async function press(user: UserEvent): Promise<void> {
  await user.click(screen.getByRole("button", { name: "Search" }));
}
