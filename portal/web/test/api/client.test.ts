// The client fetches the word that changes carry where it has none, or an old one.
import { beforeEach, expect, test, vi } from "vitest";

const PROBLEM = { code: "csrf", message: "No word.", detail: null, request_id: null };

let word = "";
let asked: { method: string; path: string; word: string | null; body: string }[] = [];

// Pages have addresses to which theirs are relative; Node's requests have none.
class LocalRequest extends Request {
  constructor(input: RequestInfo | URL, init?: RequestInit) {
    super(typeof input === "string" ? new URL(input, "http://localhost") : input, init);
  }
}

async function server(request: Request): Promise<Response> {
  const { method, url, headers } = request;
  const path = new URL(url).pathname.replace(/^\/explorer/, "");
  const given = headers.get("X-CSRF-Token");
  asked.push({ method, path, word: given, body: await request.text() });
  if (path === "/api/me") return Response.json({ user: null, csrf: word });
  if (given !== word) return Response.json(PROBLEM, { status: 403 });
  if (path === "/api/baskets")
    return Response.json({ ...PROBLEM, code: "origin" }, { status: 403 });
  return Response.json({ language: "shell", filename: "basket.sh", text: "" });
}

beforeEach(() => {
  vi.resetModules();
  asked = [];
  vi.stubGlobal("Request", LocalRequest);
  vi.stubGlobal("fetch", (request: Request) => server(request));
});

const BODY = { items: [{ service: "own", did: "ivo://x/~?a/1" }] };

async function ask() {
  const { client, data } = await import("../../src/api/client");
  return data(client.POST("/api/script", { body: BODY as never }));
}

test("a change before the page has its word is asked twice, with the same body", async () => {
  word = "first";
  expect((await ask()).filename).toBe("basket.sh");
  expect(asked.map(({ path, word }) => [path, word])).toEqual([
    ["/api/script", null],
    ["/api/me", null],
    ["/api/script", "first"],
  ]);
  expect(asked[2]?.body).toBe(asked[0]?.body);
  expect(JSON.parse(asked[2]?.body ?? "")).toEqual(BODY);
});

test("a word of a session that ended is fetched anew, and kept", async () => {
  word = "first";
  const { setCsrf } = await import("../../src/api/client");
  setCsrf("first");
  await ask();
  expect(asked).toHaveLength(1);
  word = "second";
  await ask();
  await ask();
  expect(asked.map(({ path, word }) => [path, word]).slice(1)).toEqual([
    ["/api/script", "first"],
    ["/api/me", null],
    ["/api/script", "second"],
    ["/api/script", "second"],
  ]);
});

test("other refusals are told, and asked once", async () => {
  word = "first";
  const { client, data, setCsrf } = await import("../../src/api/client");
  setCsrf("first");
  const refused = data(client.POST("/api/baskets", { body: { name: "Crab" } as never }));
  await expect(refused).rejects.toMatchObject({ code: "origin", status: 403 });
  expect(asked).toHaveLength(1);
});
