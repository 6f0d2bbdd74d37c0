// What can be done with an answer as a whole.
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useLocation } from "react-router";
import { client, data, type Schemas } from "../api/client";
import { useMe } from "../api/queries";
import { explain } from "../shell/status";
import { carryForm, type View, viewToParams } from "../state/view";
import { BasketButtons } from "./basketbutton";
import { Exporter } from "./exporter";
import { Menu } from "./menu";
import { wholeAdql } from "./questions";
import { send, tapUrl } from "./samp";

interface Props {
  view: View;
  config: Schemas["Config"];
  columns: string[] | null;
  page: Schemas["Page"] | undefined;
  overview: Schemas["Overview"] | undefined;
  total: number | null;
  selected: ReadonlySet<string>;
}

type Said = { text: string; isFault: boolean } | null;

function Told({ said }: { said: Said }) {
  if (!said) return null;
  return (
    <span
      role={said.isFault ? "alert" : "status"}
      className={`small ${said.isFault ? "text-danger" : ""}`}
    >
      {said.text}
    </span>
  );
}

/** Run something and say in words how it went. */
function useTold(): [Said, (act: () => Promise<string>) => Promise<boolean>] {
  const [said, setSaid] = useState<Said>(null);
  const run = async (act: () => Promise<string>) => {
    try {
      setSaid({ text: await act(), isFault: false });
      return true;
    } catch (error) {
      setSaid({ text: explain(error).replace(/^The page has a fault: /, ""), isFault: true });
      return false;
    }
  };
  return [said, run];
}

function CopyLink() {
  const [said, run] = useTold();
  const copy = () =>
    run(async () => {
      try {
        await navigator.clipboard.writeText(window.location.href);
      } catch {
        throw new Error("The browser does not allow it; the link is in the address bar.");
      }
      return "The link is copied; it shows just this view.";
    });
  return (
    <>
      <button type="button" className="btn btn-sm btn-outline-secondary" onClick={copy}>
        Copy link
      </button>
      <Told said={said} />
    </>
  );
}

async function storeQuery(view: View, name: string, address: string, count: number | null) {
  const body: Schemas["NewQuery"] = {
    service: view.service,
    name: name.trim() || null,
    adql: await wholeAdql(view),
    search: view.search,
    view: address.length <= 8000 ? address : null,
    count,
  };
  return data(client.POST("/api/queries", { body }));
}

function NameForm({
  onStore,
  onCancel,
}: {
  onStore: (name: string) => void;
  onCancel: () => void;
}) {
  const [name, setName] = useState("");
  const store = (event: FormEvent) => {
    event.preventDefault();
    onStore(name);
  };
  return (
    <form className="d-flex gap-1" onSubmit={store}>
      <input
        className="form-control form-control-sm"
        aria-label="Name of the query"
        placeholder="Name"
        maxLength={200}
        value={name}
        // biome-ignore lint/a11y/noAutofocus: the field comes where its button was pressed.
        autoFocus
        onChange={(event) => setName(event.target.value)}
      />
      <button className="btn btn-sm btn-primary" type="submit">
        Store
      </button>
      <button className="btn btn-sm btn-outline-secondary" type="button" onClick={onCancel}>
        Cancel
      </button>
    </form>
  );
}

/** Keeps the question in the query store of who is logged in. */
function Store({ view, total }: { view: View; total: number | null }) {
  const me = useMe();
  const queries = useQueryClient();
  const { pathname, search } = useLocation();
  const [isAsking, setIsAsking] = useState(false);
  const [said, run] = useTold();
  if (!me.data?.user) return null;
  const store = async (name: string) => {
    const isDone = await run(async () => {
      const kept = await storeQuery(view, name, `${pathname}${search}`, total);
      await queries.invalidateQueries({ queryKey: ["queries"] });
      return `Stored${kept.name ? ` as ${kept.name}` : ""}.`;
    });
    if (isDone) setIsAsking(false);
  };
  return (
    <>
      {isAsking ? (
        <NameForm onStore={store} onCancel={() => setIsAsking(false)} />
      ) : (
        <button
          type="button"
          className="btn btn-sm btn-outline-secondary"
          onClick={() => setIsAsking(true)}
        >
          Store this query
        </button>
      )}
      <Told said={said} />
    </>
  );
}

/** Sends rows to other programs: they get an address at which the service gives them. */
function Samp({ view, config, selected, total }: Omit<Props, "page" | "overview" | "columns">) {
  const [said, run] = useTold();
  const service = config.services.find(({ key }) => key === view.service);
  if (!service) return null;
  const table = (dids: string[]) =>
    run(async () => {
      const rows = dids.length > 0 ? dids.length * 2 : (total ?? config.limits.export_rows);
      const url = tapUrl(service.url, await wholeAdql(view), dids, Math.max(1, rows));
      const params = { url, name: `${config.title}: results`, "table-id": url };
      const takers = await send({ mtype: "table.load.votable", params });
      return `Sent to ${takers.join(", ")}.`;
    });
  return (
    <>
      <Menu label="Send (SAMP)">
        <li>
          <button
            type="button"
            className="dropdown-item"
            disabled={selected.size === 0}
            onClick={() => table([...selected])}
          >
            The selected rows as a table
          </button>
        </li>
        <li>
          <button type="button" className="dropdown-item" onClick={() => table([])}>
            The whole answer as a table
          </button>
        </li>
      </Menu>
      <Told said={said} />
    </>
  );
}

/** The row of actions above the views. */
export function Actions(props: Props) {
  const { view, config, columns, page, overview, total, selected } = props;
  const location = useLocation();
  const question = viewToParams({
    ...view,
    selected: [],
    open: null,
    tab: null,
    map: null,
    offset: 0,
  });
  const search = carryForm(new URLSearchParams(location.search), question);
  return (
    <div className="d-flex flex-wrap align-items-center gap-2 mb-2">
      <Link className="btn btn-sm btn-primary" to={{ pathname: "/search", search: `?${search}` }}>
        Change this search
      </Link>
      <BasketButtons
        service={view.service}
        page={page}
        overview={overview}
        selected={selected}
        most={config.limits.basket_items}
      />
      <Exporter view={view} columns={columns} total={total} most={config.limits.export_rows} />
      <Samp view={view} config={config} selected={selected} total={total} />
      <Store view={view} total={total} />
      <CopyLink />
    </div>
  );
}
