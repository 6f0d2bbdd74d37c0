// What every page asks: the configuration, what a service can do, and who is logged in.
import { QueryClient, useQuery } from "@tanstack/react-query";
import { ApiError, client, data, setCsrf } from "./client";

const MINUTE = 60_000;
const RETRIES = 2;

/** Whether to try again: never where the server refused the request itself. */
export function shouldRetry(failures: number, error: Error): boolean {
  if (failures >= RETRIES || !(error instanceof ApiError)) return false;
  return error.status === 0 || error.status >= 500;
}

/** The memory of all answers, with rules that are sensible for every page. */
export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: shouldRetry,
        retryDelay: (failures) => 500 * 2 ** failures,
        staleTime: MINUTE,
        refetchOnWindowFocus: false,
        // The pages may come from this machine: whether there is an internet does not matter.
        networkMode: "always",
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });
}

/** What the pages have to know first. */
export function useConfig() {
  return useQuery({
    queryKey: ["config"],
    queryFn: ({ signal }) => data(client.GET("/api/config", { signal })),
    staleTime: 10 * MINUTE,
  });
}

/** What can be searched in one table of a service; without a table, in its default one. */
export function useCapabilities(service: string, table?: string | null) {
  return useQuery({
    queryKey: ["capabilities", service, table ?? null],
    queryFn: ({ signal }) =>
      data(
        client.GET("/api/services/{service}/capabilities", {
          params: { path: { service }, query: table ? { table } : {} },
          signal,
        }),
      ),
    // What is told of a service that does not answer is asked again at the next occasion.
    staleTime: ({ state }) => (state.data?.notice ? 0 : 5 * MINUTE),
    enabled: service !== "",
    // While another table of the same service is asked for, the page keeps what it has.
    placeholderData: (before) => (before?.service === service ? before : undefined),
  });
}

/** Who is logged in. The word that protects changes is remembered on the way. */
export function useMe() {
  return useQuery({
    queryKey: ["me"],
    queryFn: async ({ signal }) => {
      const me = await data(client.GET("/api/me", { signal }));
      setCsrf(me.csrf);
      return me;
    },
  });
}
