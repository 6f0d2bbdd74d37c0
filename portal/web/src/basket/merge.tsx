// Putting what is in other baskets into this one.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useAction } from "../account/action";
import { counted } from "../account/format";
import { Failure } from "../account/parts";
import { client, data, type Schemas } from "../api/client";
import { keepBasket } from "./basket";

export function MergeBox(props: { basket: Schemas["Basket"]; others: Schemas["BasketInfo"][] }) {
  const queries = useQueryClient();
  const action = useAction();
  const [sources, setSources] = useState<string[]>([]);
  const [said, setSaid] = useState("");
  const { basket } = props;
  if (props.others.length === 0) return null;
  const there = sources.filter((id) => props.others.some((other) => other.id === id));
  const merge = () =>
    action.run(async () => {
      const merged = await data(
        client.POST("/api/baskets/{id}/merge", {
          params: { path: { id: basket.id } },
          body: { sources: there },
        }),
      );
      const more = merged.items.length - basket.items.length;
      setSaid(
        more === 0
          ? "All of it was there already."
          : `${counted(more, "data set")} came in; the other baskets stay as they are.`,
      );
      setSources([]);
      keepBasket(queries, merged);
    });
  return (
    <details>
      <summary>Merge other baskets into this one</summary>
      <Failure error={action.error} doing="Merge" dismiss={action.clear} />
      <fieldset className="my-2">
        <legend className="visually-hidden">Baskets to put in</legend>
        {props.others.map((other) => (
          <div key={other.id} className="form-check">
            <input
              type="checkbox"
              className="form-check-input"
              id={`merge-${other.id}`}
              checked={there.includes(other.id)}
              onChange={(event) =>
                setSources(
                  event.target.checked
                    ? [...there, other.id]
                    : there.filter((id) => id !== other.id),
                )
              }
            />
            <label className="form-check-label text-break" htmlFor={`merge-${other.id}`}>
              {other.name} ({counted(other.count, "data set")})
            </label>
          </div>
        ))}
      </fieldset>
      <button
        type="button"
        className="btn btn-sm btn-outline-primary"
        disabled={action.busy || there.length === 0}
        onClick={merge}
      >
        Merge
      </button>
      <span role="status" className="ms-2 small">
        {said}
      </span>
    </details>
  );
}
