// All data of a basket as one file. From the server's baskets the browser streams it to disk by itself.
import { useRef, useState } from "react";
import { useAction } from "../account/action";
import { bytes, totalInWords } from "../account/format";
import { Failure } from "../account/parts";
import { openSink, type Sink } from "../account/saving";
import { ApiError, client, ROOT, type Schemas } from "../api/client";
import { useServiceLabels } from "./items";
import { byService, type Item } from "./stored";

interface Group {
  service: string;
  label: string;
  items: Item[];
}

/** Each service makes archives of its own data only. */
function useGroups(items: Item[]): Group[] {
  const label = useServiceLabels();
  const groups = byService(items);
  return [...groups].map(([service, some]) => ({ service, label: label(service), items: some }));
}

/** What a link or button says. */
function Words(props: { group: Group; isOnly: boolean }) {
  const { group, isOnly } = props;
  return (
    <>
      Download all{isOnly ? "" : ` of ${group.label}`} as one file, {totalInWords(group.items)}
    </>
  );
}

/** The bundle of a basket that is on the server: a plain link for each service. */
export function BundleLinks(props: { basket: Schemas["Basket"] }) {
  const { id, items } = props.basket;
  const groups = useGroups(items);
  const address = `${ROOT}/api/baskets/${encodeURIComponent(id)}/bundle`;
  return groups.map((group) => (
    <a
      key={group.service}
      className="btn btn-sm btn-primary"
      href={
        groups.length === 1 ? address : `${address}?service=${encodeURIComponent(group.service)}`
      }
      download
    >
      <Words group={group} isOnly={groups.length === 1} />
    </a>
  ));
}

/** The bundle of items that are in no basket on the server: a button for each service. */
export function BundleButtons(props: { items: Item[] }) {
  const groups = useGroups(props.items);
  return groups.map((group) => (
    <BundleButton key={group.service} group={group} isOnly={groups.length === 1} />
  ));
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

function BundleButton(props: { group: Group; isOnly: boolean }) {
  const action = useAction();
  const [done, setDone] = useState<number | null>(null);
  const [isSaved, setSaved] = useState(false);
  const abort = useRef<AbortController | null>(null);
  const start = async () => {
    const sink = await openSink("basket.tar");
    if (sink === null) return;
    abort.current = new AbortController();
    const { signal } = abort.current;
    await action.run(async () => {
      setDone(0);
      setSaved(false);
      try {
        await pour(await ask(props.group.items, signal), sink, setDone);
        setSaved(true);
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
        <Words {...props} />
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
        {isSaved && done === null && "Saved."}
      </span>
    </div>
  );
}
