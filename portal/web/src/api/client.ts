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

const guard: Middleware = {
  onRequest({ request }) {
    if (csrf && !["GET", "HEAD"].includes(request.method))
      request.headers.set("X-CSRF-Token", csrf);
    return request;
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
