// The typed client of this server's API. Its types come from the OpenAPI description ("npm run api").
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Path below which everything of the explorer lies, without a slash at the end. */
export const ROOT = import.meta.env.BASE_URL.replace(/\/$/, "");

/** What the server said went wrong, or that it could not be reached. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly status: number,
    readonly detail: Record<string, unknown> | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

let csrf: string | null = null;

/** Remember the word that requests which change something have to carry. */
export function setCsrf(word: string): void {
  csrf = word;
}

// Requests as they were, to be sent once more: their bodies can be read once only.
const spare = new WeakMap<Request, Request>();

async function isWordWrong(response: Response): Promise<boolean> {
  if (response.status !== 403) return false;
  const problem: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  return (problem as { code?: unknown } | null)?.code === "csrf";
}

const guard: Middleware = {
  onRequest({ request }) {
    if (["GET", "HEAD"].includes(request.method)) return request;
    if (csrf) request.headers.set("X-CSRF-Token", csrf);
    spare.set(request, request.clone());
    return request;
  },
  // The page may ask before it has its word, and sessions end: then the word is fetched, and asked with once more.
  async onResponse({ request, response }) {
    const again = spare.get(request);
    if (!again || !(await isWordWrong(response))) return undefined;
    const me = await client.GET("/api/me", { signal: request.signal });
    if (!me.data) return undefined;
    setCsrf(me.data.csrf);
    again.headers.set("X-CSRF-Token", me.data.csrf);
    return globalThis.fetch(again);
  },
};

export const client = createClient<paths>({ baseUrl: ROOT, credentials: "same-origin" });
client.use(guard);

/** Give the data of an answer, or throw what went wrong in words for people. */
export async function data<T>(
  answer: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  let got: Awaited<typeof answer>;
  try {
    got = await answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached. Is the network there?", "unreachable", 0);
  }
  if (got.response.ok) return got.data as T;
  const problem = got.error as Partial<Schemas["Problem"]> | undefined;
  throw new ApiError(
    problem?.message ?? `The server answered with status ${got.response.status}.`,
    problem?.code ?? "unknown",
    got.response.status,
    problem?.detail ?? null,
  );
}
