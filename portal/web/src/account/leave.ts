// Logging out: nothing of the user stays in this window.
import type { QueryClient } from "@tanstack/react-query";
import { client, data, ROOT } from "../api/client";
import { go } from "../lib/go";

/** End the session, and go on with a whole new page: where the provider logs out, or the search. */
export async function leave(queries: QueryClient): Promise<void> {
  const { redirect } = await data(client.POST("/auth/logout"));
  // Without asking anew, as the page that is still shown does not know yet that nobody is logged in.
  for (const query of queries.getQueryCache().getAll()) query.reset();
  // Browsers may keep this page for those who come back to it.
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) window.location.reload();
  });
  go(redirect ?? `${ROOT}/search`);
}
