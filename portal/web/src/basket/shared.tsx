// A basket that somebody shares: to read, and to keep a copy of.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import "../account/account.css";
import { useAction } from "../account/action";
import { when } from "../account/format";
import { Empty, Failure, Loading, PageFrame } from "../account/parts";
import { client, data, type Schemas } from "../api/client";
import { useMe } from "../api/queries";
import { keepBasket } from "./basket";
import { BundleButtons } from "./download";
import { ItemsTable } from "./items";
import { addLocal } from "./local";
import { ScriptBox } from "./script";

function KeepCopy(props: { basket: Schemas["Basket"] }) {
  const me = useMe();
  const queries = useQueryClient();
  const action = useAction();
  const [kept, setKept] = useState<string | null>(null);
  const { name, note, items } = props.basket;
  const user = me.data?.user ?? null;
  const keep = () =>
    action.run(async () => {
      if (user === null) {
        addLocal(items);
        setKept("/basket");
        return;
      }
      const copy = await data(client.POST("/api/baskets", { body: { name, note, items } }));
      keepBasket(queries, copy);
      setKept(`/basket/${copy.id}`);
    });
  return (
    <div className="mb-3">
      <Failure error={action.error} doing="Keep a copy" dismiss={action.clear} />
      <button
        type="button"
        className="btn btn-sm btn-outline-primary"
        disabled={action.busy || me.isPending || kept !== null}
        onClick={keep}
      >
        {user === null ? "Put all into the basket of this browser" : "Keep a copy"}
      </button>
      <span role="status" className="ms-2">
        {kept && (
          <>
            Done. <Link to={kept}>Go to your basket</Link>
          </>
        )}
      </span>
    </div>
  );
}

export default function SharedBasketPage() {
  const { token = "" } = useParams();
  const shared = useQuery({
    queryKey: ["shared-basket", token],
    queryFn: ({ signal }) =>
      data(client.GET("/api/shared/baskets/{token}", { params: { path: { token } }, signal })),
  });
  if (shared.isPending)
    return (
      <PageFrame title="Shared basket">
        <Loading what="the basket" />
      </PageFrame>
    );
  if (shared.error)
    return (
      <PageFrame title="Shared basket">
        <Failure error={shared.error} retry={() => shared.refetch()} />
        <p>
          Whoever shared it may have stopped that. <Link to="/search">Search for data</Link>
        </p>
      </PageFrame>
    );
  const basket = shared.data;
  return (
    <PageFrame
      title={basket.name}
      lead={`A basket that somebody shares with you, last changed ${when(basket.changed)}. You can read it and keep a copy.`}
    >
      {basket.note && <p className="fst-italic text-break text-pre-wrap">{basket.note}</p>}
      {basket.items.length === 0 ? (
        <Empty title="This basket is empty.">There is nothing to keep.</Empty>
      ) : (
        <>
          <KeepCopy basket={basket} />
          <div className="mb-3">
            <BundleButtons items={basket.items} />
          </div>
          <ItemsTable items={basket.items} />
          <ScriptBox basket={null} items={basket.items} />
        </>
      )}
    </PageFrame>
  );
}
