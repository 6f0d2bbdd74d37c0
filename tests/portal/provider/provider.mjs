// A real OpenID provider for tests, with users that can be changed while it runs. Consent is given by itself.
//   PROVIDER_PORT, PROVIDER_ACCESS_SECONDS (how long it stands by what it said, 600)
//   PROVIDER_CALLBACKS: JSON list of redirect URIs; PROVIDER_AFTER_LOGOUT: JSON list of URIs
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const web = createRequire(new URL("../../../portal/web/package.json", import.meta.url));
const { Provider } = await import(pathToFileURL(web.resolve("oidc-provider")).href);

const port = Number(process.env.PROVIDER_PORT);
const issuer = `http://127.0.0.1:${port}`;
const list = (name, usual) => JSON.parse(process.env[name] ?? JSON.stringify(usual));

const users = new Map([
  ["anna", { name: "Anna Observer", email: "anna@example.org", groups: ["ctao-members", "staff"] }],
  ["ben", { name: "Ben Guest", email: "ben@example.org", groups: [] }],
]);

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "explorer",
      client_secret: "a secret: of 100% (tests)",
      redirect_uris: list("PROVIDER_CALLBACKS", ["https://explorer.example/explorer/auth/callback"]),
      post_logout_redirect_uris: list("PROVIDER_AFTER_LOGOUT", ["https://explorer.example/explorer/"]),
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  scopes: ["openid", "offline_access", "profile", "email"],
  claims: { openid: ["sub"], profile: ["name", "groups"], email: ["email"] },
  cookies: { keys: ["a key for cookies of tests"] },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  ttl: { AccessToken: Number(process.env.PROVIDER_ACCESS_SECONDS ?? 600), IdToken: 600, Interaction: 600, Session: 3600, Grant: 3600, RefreshToken: 3600 },
  rotateRefreshToken: true,
  async findAccount(_, sub) {
    const user = users.get(sub);
    return user && { accountId: sub, claims: async () => ({ sub, ...user }) };
  },
});

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

async function interact(request, response) {
  const details = await provider.interactionDetails(request, response);
  if (details.prompt.name === "login") {
    if (request.method === "POST") {
      const user = new URLSearchParams(await body(request)).get("user");
      const result = users.has(user)
        ? { login: { accountId: user } }
        : { error: "access_denied", error_description: "no such user" };
      return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    }
    const buttons = [...users.keys()].map(
      (user) => `<button name="user" value="${escaped(user)}">Log in as ${escaped(user)}</button>`,
    );
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    return response.end(
      `<!doctype html><html lang="en"><title>Log in</title><h1>Log in</h1><form method="post">${buttons.join(" ")}</form></html>`,
    );
  }
  const { grantId, params, session } = details;
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

async function change(request, response, name) {
  if (request.method === "DELETE") users.delete(name);
  else users.set(name, { ...users.get(name), ...JSON.parse(await body(request)) });
  response.statusCode = 204;
  response.end();
}

const callback = provider.callback();
createServer((request, response) => {
  const [, first, second] = new URL(request.url, issuer).pathname.split("/");
  let answered = null;
  if (first === "interaction") answered = interact(request, response);
  else if (first === "users") answered = change(request, response, decodeURIComponent(second));
  else return callback(request, response);
  return answered.catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
}).listen(port, "127.0.0.1");
