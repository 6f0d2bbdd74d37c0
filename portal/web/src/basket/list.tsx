// The user's baskets, and making another one.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { useAction } from "../account/action";
import { counted } from "../account/format";
import { Failure } from "../account/parts";
import { client, data, type Schemas } from "../api/client";
import { keepBasket } from "./basket";

function NewBasket(props: { onMade: (id: string) => void }) {
  const queries = useQueryClient();
  const action = useAction();
  const [name, setName] = useState("");
  const make = () =>
    action.run(async () => {
      const basket = await data(
        client.POST("/api/baskets", { body: { name: name.trim(), items: [] } }),
      );
      keepBasket(queries, basket);
      setName("");
      props.onMade(basket.id);
    });
  return (
    <form
      className="mt-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== "") void make();
      }}
    >
      <Failure error={action.error} doing="New basket" dismiss={action.clear} />
      <div className="input-group input-group-sm">
        <input
          className="form-control"
          aria-label="Name of a new basket"
          placeholder="Name of a new basket"
          maxLength={200}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <button
          type="submit"
          className="btn btn-outline-primary"
          disabled={action.busy || name.trim() === ""}
        >
          Create
        </button>
      </div>
    </form>
  );
}

export function BasketList(props: {
  baskets: Schemas["BasketInfo"][];
  shown: string | null;
  current: string | null;
  onMade: (id: string) => void;
}) {
  return (
    <nav aria-label="Baskets">
      <ul className="list-group">
        {props.baskets.map((basket) => (
          <li key={basket.id} className="list-group-item p-0">
            <Link
              to={`/basket/${basket.id}`}
              className={`d-flex flex-wrap gap-1 px-3 py-2 text-decoration-none ${basket.id === props.shown ? "fw-semibold bg-primary-subtle text-primary-emphasis" : "link-body-emphasis"}`}
              aria-current={basket.id === props.shown ? "page" : undefined}
            >
              <span className="me-auto text-break">{basket.name}</span>
              {basket.id === props.current && (
                <span className="badge text-bg-primary align-self-center">current</span>
              )}
              {basket.shared && (
                <span className="badge text-bg-secondary align-self-center">shared</span>
              )}
              <span className="small w-100 fw-normal">{counted(basket.count, "data set")}</span>
            </Link>
          </li>
        ))}
      </ul>
      <NewBasket onMade={props.onMade} />
    </nav>
  );
}
