// What people have to know about the browser's basket on its way to the server.
import { counted } from "../account/format";
import { Failure } from "../account/parts";
import { useLocalBasket, useTransfer } from "./basket";
import { keysOf } from "./items";
import { removeLocal } from "./local";
import { dismissTransfer } from "./transfer";

/** Says where the browser's data sets went at login, or that they wait here because the server is away. */
export function TransferNotice(props: { user: string | null }) {
  const local = useLocalBasket();
  const { transfer, waiting, run } = useTransfer(props.user);
  const { moved, error, state } = transfer;
  return (
    <>
      {local.problem && (
        <div className="alert alert-warning" role="alert">
          {local.problem}
        </div>
      )}
      {state === "failed" && error && waiting > 0 && (
        <>
          <Failure
            error={error}
            doing={`${counted(waiting, "data set")} could not be put into your basket and ${waiting === 1 ? "waits" : "wait"} in this browser`}
            retry={() => run(true)}
          />
          <button
            type="button"
            className="btn btn-sm btn-link mb-3"
            onClick={() => {
              removeLocal(keysOf(local.items));
              dismissTransfer();
            }}
          >
            Give up on them
          </button>
        </>
      )}
      <div role="status">
        {state === "done" && moved?.carried && (
          <div className="alert alert-success d-flex py-2 align-items-center">
            <span className="me-auto">
              {counted(moved.count, "data set")} from this browser{" "}
              {moved.count === 1 ? "is" : "are"} now in your basket “{moved.basket}”.
            </span>
            <button
              type="button"
              className="btn-close"
              aria-label="Dismiss the message"
              onClick={dismissTransfer}
            />
          </div>
        )}
      </div>
    </>
  );
}
