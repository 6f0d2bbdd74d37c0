// Sharing something by a link that cannot be guessed, and stopping it.
import { useState } from "react";
import { ROOT, type Schemas } from "../api/client";
import { useAction } from "./action";
import { ConfirmButton, CopyButton, Failure, Hidden } from "./parts";

/** The whole address of something shared. */
export function sharedAddress(kind: "basket" | "queries", token: string): string {
  return `${window.location.origin}${ROOT}/${kind}/shared/${encodeURIComponent(token)}`;
}

export function ShareBox(props: {
  kind: "basket" | "queries";
  name: string;
  token: string | null;
  share: () => Promise<Schemas["Shared"]>;
  stop: () => Promise<unknown>;
}) {
  const action = useAction();
  const [stopped, setStopped] = useState(false);
  const address = props.token === null ? null : sharedAddress(props.kind, props.token);
  return (
    <div>
      <Failure error={action.error} doing="Sharing" dismiss={action.clear} />
      {address === null ? (
        <button
          type="button"
          className="btn btn-sm btn-outline-primary"
          disabled={action.busy}
          onClick={() => {
            setStopped(false);
            void action.run(props.share);
          }}
        >
          Share by link<Hidden>{props.name}</Hidden>
        </button>
      ) : (
        <>
          <label className="form-label small mb-1 d-block">
            Whoever has this link can read it, without logging in:
            <input
              className="form-control form-control-sm mt-1"
              readOnly
              value={address}
              onFocus={(event) => event.target.select()}
            />
          </label>
          <div className="d-flex flex-wrap gap-2 align-items-start">
            <CopyButton text={address} label="Copy the link" />
            <ConfirmButton
              label="Stop sharing"
              of={props.name}
              question="The link stops working for everybody."
              confirm="Stop sharing"
              busy={action.busy}
              onConfirm={async () => setStopped(await action.run(props.stop))}
            />
          </div>
        </>
      )}
      <span role="status" className="small">
        {stopped && address === null ? "The link works no longer." : ""}
      </span>
    </div>
  );
}
