// All data of a basket as one file. From the server's baskets the browser streams it to disk by itself.
import { useRef, useState } from "react";
import { useAction } from "../account/action";
import { bytes, totalInWords } from "../account/format";
import { Failure } from "../account/parts";
import { openSink, type Sink } from "../account/saving";
import { ApiError, client, ROOT, type Schemas } from "../api/client";
import type { Item } from "./stored";

/** The bundle of a basket that is on the server: a plain link. */
export function BundleLink(props: { basket: Schemas["Basket"] }) {
  const { id, items, name } = props.basket;
  if (items.length === 0)
    return <p className="mb-0 text-body-secondary">There is nothing in it to download.</p>;
  return (
    <a
      className="btn btn-sm btn-primary"
      href={`${ROOT}/api/baskets/${encodeURIComponent(id)}/bundle`}
      download
    >
      Download all as one file<span className="visually-hidden"> ({name})</span>,{" "}
      {totalInWords(items)}
    </a>
  );
}

async function ask(items: Item[], signal: AbortSignal): Promise<Response> {
  let got: Awaited<ReturnType<typeof send>>;
  try {
    got = await send(items, signal);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached. Is the network there?", "unreachable", 0);
  }
  if (got.response.ok) return got.response;
  const problem = got.error as Partial<Schemas["Problem"]> | undefined;
  throw new ApiError(
    problem?.message ?? `The server answered with status ${got.response.status}.`,
    problem?.code ?? "unknown",
    got.response.status,
  );
}

function send(items: Item[], signal: AbortSignal) {
  return client.POST("/api/bundle", { body: { items }, parseAs: "stream", signal });
}

/** Pass an answer's bytes on, telling how many there were. Throws where it is cut short. */
async function pour(response: Response, sink: Sink, told: (bytes: number) => void): Promise<void> {
  const reader = response.body?.getReader();
  let done = 0;
  try {
    for (;;) {
      const next = await reader?.read();
      if (!next || next.done) break;
      done += next.value.length;
      await sink.write(next.value as Uint8Array<ArrayBuffer>);
      told(done);
    }
    await sink.finish();
  } catch (error) {
    await sink.abort();
    if (error instanceof DOMException) throw error;
    throw new ApiError(
      `The download was cut short after ${bytes(done)}. What has arrived was thrown away; please try again.`,
      "cut_short",
      0,
    );
  }
}

/** The bundle of the browser's own basket. */
export function BundleButton(props: { items: Item[] }) {
  const action = useAction();
  const [done, setDone] = useState<number | null>(null);
  const abort = useRef<AbortController | null>(null);
  const start = async () => {
    const sink = await openSink("basket.tar");
    if (sink === null) return;
    abort.current = new AbortController();
    const { signal } = abort.current;
    await action.run(async () => {
      setDone(0);
      try {
        await pour(await ask(props.items, signal), sink, setDone);
      } catch (error) {
        // People ended it themselves: there is nothing to tell them.
        if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
      } finally {
        setDone(null);
      }
    });
  };
  return (
    <div>
      <Failure error={action.error} doing="Download" retry={start} dismiss={action.clear} />
      <button
        type="button"
        className="btn btn-sm btn-primary"
        disabled={action.busy}
        onClick={start}
      >
        Download all as one file, {totalInWords(props.items)}
      </button>
      {action.busy && (
        <button
          type="button"
          className="btn btn-sm btn-outline-secondary ms-2"
          onClick={() => abort.current?.abort()}
        >
          Stop
        </button>
      )}
      <span role="status" className="ms-2 small">
        {done !== null && `${bytes(done)} so far`}
      </span>
    </div>
  );
}
