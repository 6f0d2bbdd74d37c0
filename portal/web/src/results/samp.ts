// Sends to other programs on this machine through the Web profile of SAMP 1.3.
import { readResponse, type Value, writeCall } from "./xmlrpc";

/** Where the Web profile's hub listens, as the standard has it. */
export const HUB = "http://localhost:21012/";

/** Why nothing was sent, for people. */
export class SampError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SampError";
  }
}

export interface Message {
  mtype: string;
  params: Record<string, string>;
}

async function call(method: string, ...parameters: Value[]): Promise<Value> {
  let answer: Response;
  try {
    answer = await fetch(HUB, {
      method: "POST",
      body: writeCall(method, parameters),
      headers: { "Content-Type": "text/plain" },
      credentials: "omit",
    });
  } catch {
    throw new SampError(
      "No SAMP hub answers on this machine. Start TOPCAT or Aladin Desktop, and try again.",
    );
  }
  if (!answer.ok) throw new SampError(`The SAMP hub answered with status ${answer.status}.`);
  return readResponse(await answer.text());
}

function text(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}

async function namesOf(key: string, ids: string[]): Promise<string[]> {
  const names = ids.map(async (id) => {
    const about = await call("samp.webhub.getMetadata", key, id);
    const name = typeof about === "object" && !Array.isArray(about) ? about["samp.name"] : "";
    return text(name) || id;
  });
  return Promise.all(names);
}

async function deliver(key: string, message: Message): Promise<string[]> {
  const takers = await call("samp.webhub.getSubscribedClients", key, message.mtype);
  const ids = typeof takers === "object" && !Array.isArray(takers) ? Object.keys(takers) : [];
  if (ids.length === 0)
    throw new SampError(`No program that runs takes this (${message.mtype}). TOPCAT takes tables.`);
  const names = await namesOf(key, ids);
  await call("samp.webhub.notifyAll", key, {
    "samp.mtype": message.mtype,
    "samp.params": message.params,
  });
  return names;
}

/** Send a message to every program that takes it. Gives the names of these programs. */
export async function send(message: Message): Promise<string[]> {
  let registered: Value;
  try {
    registered = await call("samp.webhub.register", { "samp.name": "Data explorer" });
  } catch (error) {
    if (error instanceof SampError) throw error;
    throw new SampError(`The SAMP hub let nobody in: ${(error as Error).message}`);
  }
  const key =
    typeof registered === "object" && !Array.isArray(registered)
      ? text(registered["samp.private-key"])
      : "";
  if (key === "") throw new SampError("The SAMP hub gave no key.");
  try {
    await call("samp.webhub.declareMetadata", key, {
      "samp.name": "Data explorer",
      "samp.description.text": "Observations of Cherenkov telescopes",
      "samp.homepage.page": window.location.origin,
    });
    return await deliver(key, message);
  } finally {
    await call("samp.webhub.unregister", key).catch(() => undefined);
  }
}

/** The message that takes a file to programs which can read it; null if there is none for it. */
export function messageFor(url: string, type: string | null, name: string): Message | null {
  const kind = (type ?? "").toLowerCase();
  const path = url.split(/[?#]/)[0] ?? "";
  if (kind.includes("votable"))
    return { mtype: "table.load.votable", params: { url, name, "table-id": url } };
  if (kind.includes("fits") && !/image/.test(kind) && /\.fits(\.gz)?$/i.test(path))
    return { mtype: "table.load.fits", params: { url, name, "table-id": url } };
  if (kind.startsWith("image/fits"))
    return { mtype: "image.load.fits", params: { url, name, "image-id": url } };
  return null;
}

/** Characters of a URL that programs and services are sure to take. */
const URL_CHARACTERS = 6000;

function quoted(word: string): string {
  return `'${word.replace(/'/g, "''")}'`;
}

/** A URL at which the TAP service itself gives the rows of ADQL, all or some of them. */
export function tapUrl(
  service: string,
  adql: string,
  dids: readonly string[],
  rows: number,
): string {
  const query =
    dids.length === 0
      ? adql
      : `SELECT * FROM (${adql}) AS answer WHERE obs_publisher_did IN (${dids.map(quoted).join(", ")})`;
  const params = new URLSearchParams({
    REQUEST: "doQuery",
    LANG: "ADQL",
    RESPONSEFORMAT: "votable",
    MAXREC: String(rows),
    QUERY: query,
  });
  const url = `${service.replace(/\/$/, "")}/sync?${params}`;
  if (url.length > URL_CHARACTERS)
    throw new SampError(
      "This is too much for one address. Select fewer data sets, send the whole answer, or save the table as a file.",
    );
  return url;
}
