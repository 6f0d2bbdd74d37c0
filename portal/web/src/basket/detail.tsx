// One of the user's baskets, with all that can be done to it.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { type Action, useAction } from "../account/action";
import { counted, when } from "../account/format";
import { ConfirmButton, Empty, Failure, InlineEdit, UndoBar } from "../account/parts";
import { ShareBox } from "../account/share";
import { client, data, type Schemas } from "../api/client";
import { useConfig } from "../api/queries";
import { BASKETS, keepBasket } from "./basket";
import { rememberBasket } from "./current";
import { BundleLinks } from "./download";
import { ItemsTable, itemName, keysOf } from "./items";
import { MergeBox } from "./merge";
import { ScriptBox } from "./script";
import type { Item } from "./stored";

type Basket = Schemas["Basket"];

interface Props {
  basket: Basket;
  others: Schemas["BasketInfo"][];
  isCurrent: boolean;
  user: string;
  /** Show another basket; null for whichever is left. */
  onShow: (id: string | null) => void;
}

const at = (id: string) => ({ params: { path: { id } } });

function usePatch(basket: Basket, action: Action) {
  const queries = useQueryClient();
  return (body: Schemas["BasketPatch"]) =>
    action.run(async () => {
      const info = await data(client.PATCH("/api/baskets/{id}", { ...at(basket.id), body }));
      keepBasket(queries, { ...info, items: basket.items });
    });
}

function Title(props: Props & { action: Action }) {
  const { basket, action } = props;
  const [editing, setEditing] = useState<"name" | "note" | null>(null);
  const patch = usePatch(basket, action);
  const save = (body: Schemas["BasketPatch"]) =>
    patch(body).then((done) => done && setEditing(null));
  const shared = { busy: action.busy, onClose: () => setEditing(null) };
  return (
    <header>
      {editing !== "name" && <h2 className="h4 text-break mb-1">{basket.name}</h2>}
      <InlineEdit
        {...shared}
        value={basket.name}
        label="Name of the basket"
        longest={200}
        required
        open={editing === "name"}
        onSave={(name) => save({ name })}
      />
      <p className="small text-body-secondary mb-2">
        Made {when(basket.made)}, changed {when(basket.changed)}
      </p>
      {basket.note && editing !== "note" && (
        <p className="fst-italic text-break text-pre-wrap">{basket.note}</p>
      )}
      <InlineEdit
        {...shared}
        value={basket.note ?? ""}
        label="Note on the basket"
        longest={10_000}
        multiline
        open={editing === "note"}
        onSave={(note) => save({ note: note === "" ? null : note })}
      />
      <div className="d-flex flex-wrap gap-2 mb-3">
        <button type="button" className={SMALL} onClick={() => setEditing("name")}>
          Rename
        </button>
        <button type="button" className={SMALL} onClick={() => setEditing("note")}>
          {basket.note ? "Change the note" : "Add a note"}
        </button>
        <Buttons {...props} />
      </div>
    </header>
  );
}

const SMALL = "btn btn-sm btn-outline-secondary";

function Buttons(props: Props & { action: Action }) {
  const { basket, action } = props;
  const queries = useQueryClient();
  const duplicate = () =>
    action.run(async () => {
      const copy = await data(client.POST("/api/baskets/{id}/duplicate", at(basket.id)));
      keepBasket(queries, copy);
      props.onShow(copy.id);
    });
  const remove = () =>
    action.run(async () => {
      await data(client.DELETE("/api/baskets/{id}", at(basket.id)));
      queries.setQueryData<Schemas["BasketInfo"][]>(BASKETS, (list) =>
        list?.filter((one) => one.id !== basket.id),
      );
      props.onShow(null);
      queries.removeQueries({ queryKey: [...BASKETS, basket.id] });
    });
  return (
    <>
      {!props.isCurrent && (
        <button
          type="button"
          className={SMALL}
          onClick={() => rememberBasket(props.user, basket.id)}
        >
          Make it the current one
        </button>
      )}
      <button type="button" className={SMALL} disabled={action.busy} onClick={duplicate}>
        Duplicate
      </button>
      <ConfirmButton
        label="Delete"
        of={`the basket ${basket.name}`}
        question={`Delete “${basket.name}” with ${counted(basket.items.length, "data set")}? The data themselves stay in the archive.`}
        confirm="Delete the basket"
        busy={action.busy}
        onConfirm={remove}
      />
    </>
  );
}

function useItems(basket: Basket, action: Action) {
  const queries = useQueryClient();
  const [removed, setRemoved] = useState<Item[]>([]);
  const put = (items: Item[]) =>
    action.run(async () =>
      keepBasket(
        queries,
        await data(client.POST("/api/baskets/{id}/items", { ...at(basket.id), body: { items } })),
      ),
    );
  const remove = async (items: Item[]) => {
    const done = await action.run(async () =>
      keepBasket(
        queries,
        await data(
          client.POST("/api/baskets/{id}/items/remove", {
            ...at(basket.id),
            body: { keys: keysOf(items) },
          }),
        ),
      ),
    );
    if (done) setRemoved(items);
    return done;
  };
  const undo = async () => {
    if (await put(removed)) setRemoved([]);
  };
  return { put, remove, undo, removed, forget: () => setRemoved([]) };
}

/** What was removed, in words; null for nothing. */
export function removedInWords(items: Item[]): string | null {
  if (items.length === 0) return null;
  const what =
    items.length === 1 && items[0] ? `“${itemName(items[0])}”` : counted(items.length, "data set");
  return `${what} ${items.length === 1 ? "was" : "were"} removed.`;
}

function JobLink(props: { basket: Basket }) {
  const jobs = useConfig().data?.jobs;
  if (jobs && !jobs.available)
    return (
      <p className="small text-body-secondary mb-0">
        Preview jobs are off: {jobs.reason ?? "the operator has not switched them on."}
      </p>
    );
  if (props.basket.items.length === 0) return null;
  return (
    <Link className="btn btn-sm btn-outline-primary" to={`/jobs?basket=${props.basket.id}`}>
      Run a preview job on it
    </Link>
  );
}

export function EmptyBasket() {
  return (
    <Empty title="This basket is empty.">
      <Link to="/search">Search for data</Link>, choose rows in the results and put them in.
    </Empty>
  );
}

export function BasketDetail(props: Props) {
  const { basket } = props;
  const action = useAction();
  const queries = useQueryClient();
  const items = useItems(basket, action);
  const shared = (token: string | null) => keepBasket(queries, { ...basket, shared: token });
  return (
    <section aria-label={`Basket ${basket.name}`}>
      <Failure error={action.error} dismiss={action.clear} />
      <Title {...props} action={action} />
      <UndoBar text={removedInWords(items.removed)} undo={items.undo} dismiss={items.forget} />
      {basket.items.length === 0 ? (
        <EmptyBasket />
      ) : (
        <>
          <div className="d-flex flex-wrap gap-2 mb-3">
            <BundleLinks basket={basket} />
            <JobLink basket={basket} />
          </div>
          <ItemsTable
            items={basket.items}
            busy={action.busy}
            onRemove={items.remove}
            onNote={(item, note) => items.put([{ ...item, note }])}
          />
          <ScriptBox basket={basket.id} items={basket.items} />
        </>
      )}
      <hr />
      <div className="row g-3">
        <div className="col-md-6">
          <ShareBox
            key={basket.id}
            kind="basket"
            name={basket.name}
            token={basket.shared}
            share={async () => {
              const answer = await data(client.POST("/api/baskets/{id}/share", at(basket.id)));
              shared(answer.token);
              return answer;
            }}
            stop={async () => {
              await data(client.DELETE("/api/baskets/{id}/share", at(basket.id)));
              shared(null);
            }}
          />
        </div>
        <div className="col-md-6">
          <MergeBox basket={basket} others={props.others} />
        </div>
      </div>
    </section>
  );
}
