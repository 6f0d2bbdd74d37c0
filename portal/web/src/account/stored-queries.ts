// Stored queries, as the server has them.
import { client, data, type Schemas } from "../api/client";

export type StoredQuery = Schemas["StoredQuery"];
export const QUERIES = ["queries"] as const;

const at = (id: string) => ({ params: { path: { id } } });

/** The client's types forget that an interval has two ends; those of the API's description do not. */
function told<T>(answer: Promise<{ data?: unknown; error?: unknown; response: Response }>) {
  return data(answer as Promise<{ data?: T; error?: unknown; response: Response }>);
}

export function listQueries(signal: AbortSignal): Promise<StoredQuery[]> {
  return told(client.GET("/api/queries", { signal }));
}

export function storeQuery(body: Schemas["NewQuery"]): Promise<StoredQuery> {
  return told(client.POST("/api/queries", { body }));
}

export function renameQuery(id: string, name: string): Promise<StoredQuery> {
  return told(client.PATCH("/api/queries/{id}", { ...at(id), body: { name } }));
}

export function rerunQuery(id: string): Promise<Schemas["Rerun"]> {
  return told(client.POST("/api/queries/{id}/run", at(id)));
}

export function deleteQuery(id: string): Promise<unknown> {
  return told(client.DELETE("/api/queries/{id}", at(id)));
}

export function shareQuery(id: string): Promise<Schemas["Shared"]> {
  return told(client.POST("/api/queries/{id}/share", at(id)));
}

export function unshareQuery(id: string): Promise<unknown> {
  return told(client.DELETE("/api/queries/{id}/share", at(id)));
}

export function getSharedQuery(token: string, signal: AbortSignal): Promise<StoredQuery> {
  return told(client.GET("/api/shared/queries/{token}", { params: { path: { token } }, signal }));
}
