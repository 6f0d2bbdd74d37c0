// Small parts that the pages of baskets, jobs, queries and the profile share.
import { type ReactNode, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/client";

/** A page's frame with its heading. */
export function PageFrame(props: { title: string; lead?: ReactNode; children: ReactNode }) {
  return (
    <div className="container-xl px-0">
      <h1 className="h4 text-break">{props.title}</h1>
      {props.lead && <p className="text-body-secondary">{props.lead}</p>}
      {props.children}
    </div>
  );
}

/** Words that only screen readers say: what a button acts on, where eyes see it beside it. */
export function Hidden(props: { children: ReactNode }) {
  return (
    <>
      {" "}
      <span className="visually-hidden">{props.children}</span>
    </>
  );
}

/** What went wrong, in words, and a way to try again. */
export function Failure(props: {
  error: Error | null;
  doing?: string;
  retry?: (() => unknown) | undefined;
  dismiss?: (() => void) | undefined;
}) {
  if (props.error === null) return null;
  const detail = props.error instanceof ApiError ? props.error.code : null;
  return (
    <div className="alert alert-danger d-flex flex-wrap gap-2 align-items-center" role="alert">
      <div className="me-auto">
        {props.doing && <strong>{props.doing}: </strong>}
        {props.error.message}
        {detail && <Hidden>({detail})</Hidden>}
      </div>
      {props.retry && (
        <button type="button" className="btn btn-sm btn-danger" onClick={props.retry}>
          Try again
        </button>
      )}
      {props.dismiss && (
        <button
          type="button"
          className="btn-close"
          aria-label="Dismiss the message"
          onClick={props.dismiss}
        />
      )}
    </div>
  );
}

/** Something is on its way. */
export function Loading(props: { what: string }) {
  return (
    <div className="d-flex align-items-center gap-2 py-3 text-body-secondary" role="status">
      <span className="spinner-border spinner-border-sm" aria-hidden="true" />
      Loading {props.what} …
    </div>
  );
}

/** There is nothing yet, and what to do about it. */
export function Empty(props: { title: string; children: ReactNode }) {
  return (
    <div className="border rounded p-4 text-center bg-body-tertiary">
      <p className="fw-semibold mb-1">{props.title}</p>
      <div className="text-body-secondary">{props.children}</div>
    </div>
  );
}

/** A button that asks before it does something that cannot be taken back. */
export function ConfirmButton(props: {
  label: string;
  /** What the button does to what, for screen readers, where the label alone does not say it. */
  of?: string;
  question: string;
  confirm: string;
  busy?: boolean;
  className?: string;
  onConfirm: () => unknown;
}) {
  const [asking, setAsking] = useState(false);
  const no = useRef<HTMLButtonElement>(null);
  const first = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  useEffect(() => {
    if (asking) no.current?.focus();
    else if (wasAsking.current) first.current?.focus();
    wasAsking.current = asking;
  }, [asking]);
  const close = () => setAsking(false);
  if (!asking)
    return (
      <button
        ref={first}
        type="button"
        className={props.className ?? "btn btn-sm btn-outline-danger"}
        disabled={props.busy}
        onClick={() => setAsking(true)}
      >
        {props.label}
        {props.of && <Hidden>{props.of}</Hidden>}
      </button>
    );
  return (
    <fieldset
      className="border border-danger rounded p-2 d-inline-flex flex-wrap gap-2 align-items-center"
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <legend className="fs-6 mb-0 w-auto float-none">{props.question}</legend>
      <button
        type="button"
        className="btn btn-sm btn-danger"
        disabled={props.busy}
        onClick={async () => {
          await props.onConfirm();
          close();
        }}
      >
        {props.confirm}
      </button>
      <button ref={no} type="button" className="btn btn-sm btn-outline-secondary" onClick={close}>
        Cancel
      </button>
    </fieldset>
  );
}

/** A button that copies a text, and says so. */
export function CopyButton(props: { text: string; label: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), 4000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.text);
      setSaid("Copied.");
    } catch {
      setSaid("The browser does not allow it: select the text and copy it by hand.");
    }
  };
  return (
    <span className="d-inline-flex align-items-center gap-2">
      <button type="button" className="btn btn-sm btn-outline-secondary" onClick={copy}>
        {props.label}
      </button>
      <span role="status" className="small">
        {said}
      </span>
    </span>
  );
}

/** A text that can be changed in place. */
export function InlineEdit(props: {
  value: string;
  label: string;
  longest: number;
  required?: boolean;
  multiline?: boolean;
  open: boolean;
  busy: boolean;
  onSave: (text: string) => unknown;
  onClose: () => void;
}) {
  const [text, setText] = useState(props.value);
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  useEffect(() => {
    if (!props.open) return;
    setText(props.value);
    field.current?.focus();
  }, [props.open, props.value]);
  if (!props.open) return null;
  const shared = {
    ref: field,
    className: "form-control form-control-sm",
    "aria-label": props.label,
    maxLength: props.longest,
    value: text,
    onChange: (event: { target: { value: string } }) => setText(event.target.value),
  };
  return (
    <form
      className="d-flex flex-wrap gap-2 align-items-start my-1"
      onSubmit={(event) => {
        event.preventDefault();
        if (!props.required || text.trim() !== "") props.onSave(text.trim());
      }}
      onKeyDown={(event) => event.key === "Escape" && props.onClose()}
    >
      <div className="flex-grow-1">
        {props.multiline ? <textarea rows={3} {...shared} /> : <input {...shared} />}
      </div>
      <button
        type="submit"
        className="btn btn-sm btn-primary"
        disabled={props.busy || (props.required && text.trim() === "")}
      >
        Save
      </button>
      <button type="button" className="btn btn-sm btn-outline-secondary" onClick={props.onClose}>
        Cancel
      </button>
    </form>
  );
}

/** Something was done that can be taken back. */
export function UndoBar(props: { text: string | null; undo: () => unknown; dismiss: () => void }) {
  // The region is there from the start, so that screen readers hear what comes into it.
  return (
    <div role="status">
      {props.text !== null && (
        <div className="alert alert-secondary d-flex flex-wrap gap-2 align-items-center py-2">
          <span className="me-auto">{props.text}</span>
          <button type="button" className="btn btn-sm btn-outline-dark" onClick={props.undo}>
            Undo
          </button>
          <button
            type="button"
            className="btn-close"
            aria-label="Dismiss the message"
            onClick={props.dismiss}
          />
        </div>
      )}
    </div>
  );
}
