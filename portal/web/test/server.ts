// A server for tests: fetch is replaced at the network boundary, and nothing else is.

/** What a test's server says to one request: data for a JSON answer with status 200, or a whole answer. */
export type Answer = unknown | Response;
export type Handler = (asked: Asked) => Answer | Promise<Answer>;

/** A request as it arrived. */
export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
  headers: Headers;
  signal: AbortSignal;
}

/** Answers by "METHOD /path"; a path may end in "*". */
export type Routes = Record<string, Handler | Answer>;

let routes: Routes = {};
let seen: Asked[] = [];

/** Answer from now on by these routes. Gives the list in which every request is written down. */
export function serve(given: Routes): Asked[] {
  routes = { ...given };
  seen = [];
  return seen;
}

/** Add or change routes. */
export function alsoServe(given: Routes): void {
  routes = { ...routes, ...given };
}

/** An answer that says what went wrong, as the real server does. */
export function problem(status: number, code: string, message: string): Response {
  return Response.json({ code, message, detail: null, request_id: null }, { status });
}

function find(key: string): Handler | Answer | undefined {
  if (key in routes) return routes[key];
  const stars = Object.keys(routes).filter(
    (route) => route.endsWith("*") && key.startsWith(route.slice(0, -1)),
  );
  stars.sort((a, b) => b.length - a.length);
  return stars[0] === undefined ? undefined : routes[stars[0]];
}

async function read(request: Request): Promise<Asked> {
  const url = new URL(request.url);
  const text = await request.text();
  return {
    method: request.method,
    path: url.pathname,
    query: url.searchParams,
    body: text === "" ? undefined : JSON.parse(text),
    headers: request.headers,
    signal: request.signal,
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  const error = () => new DOMException("The operation was aborted.", "AbortError");
  return new Promise((_, reject) => {
    if (signal.aborted) reject(error());
    signal.addEventListener("abort", () => reject(error()));
  });
}

async function respond(request: Request): Promise<Response> {
  const asked = await read(request);
  seen.push(asked);
  const handler = find(`${asked.method} ${asked.path}`);
  if (handler === undefined)
    return problem(404, "not_found", `The test's server has nothing at ${asked.path}.`);
  const given: Answer = typeof handler === "function" ? await (handler as Handler)(asked) : handler;
  if (given instanceof Response) return given.clone();
  return given === undefined ? new Response(null, { status: 204 }) : Response.json(given);
}

/** Put this server in fetch's place. The file that vitest runs first calls it once. */
export function install(): void {
  const Original = globalThis.Request;
  // Paths without a host, as browsers take them and Node does not.
  class LocalRequest extends Original {
    constructor(input: RequestInfo | URL, init?: RequestInit) {
      super(typeof input === "string" ? new URL(input, window.location.origin) : input, init);
    }
  }
  globalThis.Request = LocalRequest;
  globalThis.fetch = (input, init) => {
    const request = new LocalRequest(input, init);
    return Promise.race([respond(request), aborted(request.signal)]);
  };
}
