// What the search page asks the server while people type.
import { useQuery } from "@tanstack/react-query";
import { client, data, type Schemas } from "../api/client";
import type { Search } from "../state/view";

/** The ADQL of a search. What a newer search has made pointless is called off. */
export function useWritten(service: string, search: Search | null) {
  return useQuery({
    queryKey: ["adql", service, search],
    queryFn: ({ signal }) =>
      data(
        client.POST("/api/services/{service}/adql", {
          params: { path: { service } },
          body: search as Search,
          signal,
        }),
      ),
    enabled: search !== null,
    placeholderData: (before) => before,
  });
}

/** How many rows there are. What a newer question has made pointless is called off. */
export function useCounted(service: string, ask: Schemas["Ask"] | null) {
  return useQuery({
    queryKey: ["count", service, ask],
    queryFn: ({ signal }) =>
      data(
        client.POST("/api/services/{service}/count", {
          params: { path: { service } },
          body: ask as Schemas["Ask"],
          signal,
        }),
      ),
    enabled: ask !== null,
    retry: false,
  });
}

/** Values of a field, once they are wanted. */
export function useChoices(service: string, field: string, table: string | null, wanted: boolean) {
  return useQuery({
    queryKey: ["choices", service, field, table],
    queryFn: ({ signal }) =>
      data(
        client.GET("/api/services/{service}/choices/{field}", {
          params: { path: { service, field }, query: table ? { table } : {} },
          signal,
        }),
      ),
    enabled: wanted,
  });
}

/** The service's own targets whose names contain a text. */
export function useTargets(service: string, text: string, table: string | null) {
  return useQuery({
    queryKey: ["targets", service, text, table],
    queryFn: ({ signal }) =>
      data(
        client.GET("/api/services/{service}/targets", {
          params: { path: { service }, query: table ? { q: text, table } : { q: text } },
          signal,
        }),
      ),
    enabled: text !== "",
    placeholderData: (before) => (text === "" ? undefined : before),
  });
}

/** Look up where an object is. */
export function resolveName(
  name: string,
  resolver: Schemas["ResolveRequest"]["resolver"],
  service: string,
): Promise<Schemas["Resolved"]> {
  return data(client.POST("/api/resolve", { body: { name, resolver, service } }));
}
