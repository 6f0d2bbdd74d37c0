// Saves the rows of an answer as a file, as they arrive.
import { ApiError, client, type Schemas } from "../api/client";

export type Format = Schemas["ExportRequest"]["format"];

export const FORMATS: { key: Format; label: string; suffix: string; type: string }[] = [
  { key: "votable", label: "VOTable", suffix: ".vot", type: "application/x-votable+xml" },
  { key: "csv", label: "CSV", suffix: ".csv", type: "text/csv" },
  { key: "ecsv", label: "ECSV", suffix: ".ecsv", type: "text/plain" },
  { key: "parquet", label: "Parquet", suffix: ".parquet", type: "application/octet-stream" },
];

interface Sink {
  write(part: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Keep what was written, if possible under the name that the answer wishes for. */
  close(disposition: string | null): Promise<void>;
  abort(): Promise<void>;
}

type Picker = (options: object) => Promise<{
  createWritable(): Promise<{
    write(part: Uint8Array<ArrayBuffer>): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}>;

/** Give the browser a file to save. */
export function download(parts: BlobPart[], name: string, type: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function memorySink(usual: string, type: string): Sink {
  let parts: BlobPart[] = [];
  return {
    async write(part) {
      parts.push(part);
    },
    async close(disposition) {
      download(parts, fileName(disposition, usual), type);
    },
    async abort() {
      parts = [];
    },
  };
}

/** A place to save to. Browsers that can, write to disk at once; the others keep it in memory first. */
async function openSink(name: string, type: string): Promise<Sink> {
  const picker = (window as { showSaveFilePicker?: Picker }).showSaveFilePicker;
  if (!picker) return memorySink(name, type);
  const file = await picker.call(window, { suggestedName: name });
  const stream = await file.createWritable();
  return {
    write: (part) => stream.write(part),
    close: () => stream.close(),
    abort: () => stream.abort(),
  };
}

/** The name of a file that an answer wishes for. */
export function fileName(disposition: string | null, usual: string): string {
  const starred = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? "")?.[1];
  const plain = /filename="?([^";]+)"?/i.exec(disposition ?? "")?.[1];
  let name = plain ?? usual;
  try {
    if (starred) name = decodeURIComponent(starred);
  } catch {
    // A name that is written wrongly is no reason to lose the file.
  }
  return name.replace(/[/\\]/g, "_");
}

async function ask(
  service: string,
  body: Schemas["ExportRequest"],
  signal: AbortSignal,
): Promise<Response> {
  const asked = client
    .POST("/api/services/{service}/export", {
      params: { path: { service } },
      body,
      parseAs: "stream",
      signal,
    })
    .catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw new ApiError("The server cannot be reached. Is the network there?", "unreachable", 0);
    });
  const { error, response } = await asked;
  if (response.ok) return response;
  const problem = error as Partial<Schemas["Problem"]> | undefined;
  throw new ApiError(
    problem?.message ?? `The server answered with status ${response.status}.`,
    problem?.code ?? "unknown",
    response.status,
    problem?.detail ?? null,
  );
}

export interface Saved {
  bytes: number;
  /** Whether the server says that rows are missing. */
  isCut: boolean;
}

/** Save rows as a file. Gives what was saved, or null where people chose no place for it. */
export async function save(
  service: string,
  body: Schemas["ExportRequest"],
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Saved | null> {
  const format = FORMATS.find(({ key }) => key === body.format);
  if (!format) throw new ApiError(`There is no format ${body.format}.`, "no_format", 0);
  // The place is chosen first: browsers allow the question only right after a click.
  let sink: Sink;
  try {
    sink = await openSink(`results${format.suffix}`, format.type);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  }
  const saved: Saved = { bytes: 0, isCut: false };
  try {
    const response = await ask(service, body, signal);
    saved.isCut = response.headers.get("X-Truncated") === "true";
    const reader = (response.body ?? new ReadableStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      saved.bytes += value.byteLength;
      await sink.write(value);
      onBytes(saved.bytes);
    }
    await sink.close(response.headers.get("Content-Disposition"));
  } catch (error) {
    await sink.abort().catch(() => undefined);
    if (error instanceof ApiError || signal.aborted) throw error;
    throw new ApiError("The answer broke off; nothing was saved.", "broken", 0);
  }
  return saved;
}
