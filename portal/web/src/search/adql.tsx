// The ADQL of the search as it grows, and ADQL that people write themselves.
import type { UseQueryResult } from "@tanstack/react-query";
import { type RefObject, useEffect, useId, useRef } from "react";
import type { Schemas } from "../api/client";
import { useConfig } from "../api/queries";
import { Failed } from "../shell/status";
import type { Page } from "./address";
import { Copy } from "./copy";
import { pyvoSnippet, topcatSnippet } from "./snippets";
import { type Tab, TextTabs } from "./tabs";

interface AdqlProps {
  page: Page;
  written: UseQueryResult<Schemas["Written"]>;
  /** Whether the text belongs to what is typed now. */
  isCurrent: boolean;
  /** Whether parts of the search are missing in it, because the service cannot answer them. */
  isIncomplete: boolean;
  /** Base URL of the TAP service, for snippets. */
  url: string | null;
  write: (own: Partial<Pick<Page, "own" | "usesOwn">>) => void;
}

interface ToFocus {
  toFocus: RefObject<boolean>;
}

function Text({ text, what }: { text: string; what: string }) {
  return (
    <>
      {/* Long texts scroll, so the keyboard has to reach them. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region needs the focus */}
      <section className="adql-box border rounded p-2 mb-2" tabIndex={0} aria-label={what}>
        <pre className="adql-text mb-0">{text}</pre>
      </section>
      <div className="d-flex gap-2 align-items-center mb-2">
        <Copy text={text} what={what} />
      </div>
    </>
  );
}

function snippetTabs(snippets: Schemas["Snippets"]): Tab[] {
  return [
    { key: "pyvo", label: "pyVO", content: <Text text={snippets.pyvo} what="pyVO snippet" /> },
    {
      key: "topcat",
      label: "TOPCAT",
      content: <Text text={snippets.topcat} what="TOPCAT snippet" />,
    },
  ];
}

function FromForm({ page, written, isCurrent, isIncomplete, write }: AdqlProps) {
  const { data, error } = written;
  if (error)
    return (
      <Failed
        error={error}
        what="The ADQL cannot be written"
        onRetry={() => void written.refetch()}
      />
    );
  if (!data) return <p className="mb-0">The ADQL appears here as the form is filled in.</p>;
  const adql = (
    <>
      <Text text={data.adql} what="ADQL" />
      <button
        type="button"
        className="btn btn-sm btn-outline-primary me-2"
        onClick={() => write({ own: data.adql, usesOwn: true })}
      >
        {page.own === null ? "Edit this ADQL" : "Edit this ADQL instead of mine"}
      </button>
      {page.own !== null && (
        <button
          type="button"
          className="btn btn-sm btn-outline-primary"
          onClick={() => write({ usesOwn: true })}
        >
          Back to my own ADQL
        </button>
      )}
    </>
  );
  return (
    <div className={isCurrent ? "" : "greyed"} aria-busy={!isCurrent}>
      {isIncomplete && (
        <p className="alert alert-warning small py-1 px-2 mb-2">
          Parts of the search are missing here, because the service cannot answer them.
        </p>
      )}
      <TextTabs
        label="The search as code"
        tabs={[{ key: "adql", label: "ADQL", content: adql }, ...snippetTabs(data.snippets)]}
      />
    </div>
  );
}

function OwnText({ page, write, toFocus }: Pick<AdqlProps, "page" | "write"> & ToFocus) {
  const id = useId();
  const text = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    // Whoever chose to write goes on in the text; a link that brings ADQL moves no focus.
    if (toFocus.current) text.current?.focus();
    toFocus.current = false;
  }, [toFocus]);
  const own = page.own ?? "";
  return (
    <>
      <textarea
        ref={text}
        className="form-control adql-text mb-1"
        aria-label="Your own ADQL"
        aria-describedby={id}
        rows={10}
        spellCheck={false}
        maxLength={100_000}
        value={own}
        onChange={(event) => write({ own: event.target.value })}
      />
      <p id={id} className="small">
        A SELECT without TOP, OFFSET and ORDER BY: the results are sorted and paged there. The form
        is not used meanwhile; what is filled in stays.
      </p>
      <div className="d-flex gap-2 align-items-center mb-2">
        <button
          type="button"
          className="btn btn-sm btn-outline-primary"
          onClick={() => write({ usesOwn: false })}
        >
          Back to the form
        </button>
        <Copy text={own} what="ADQL" />
      </div>
    </>
  );
}

function Own({ page, url, write, toFocus }: AdqlProps & ToFocus) {
  const own = page.own ?? "";
  const rows = useConfig().data?.limits.export_rows ?? 0;
  const text = <OwnText page={page} write={write} toFocus={toFocus} />;
  const tabs: Tab[] = [{ key: "adql", label: "Your ADQL", content: text }];
  if (url !== null && own.trim() !== "")
    tabs.push(
      ...snippetTabs({
        pyvo: pyvoSnippet(url, own, rows),
        topcat: topcatSnippet(url, own, rows),
      }),
    );
  return <TextTabs label="Your own query as code" tabs={tabs} />;
}

/** The box with the query. */
export function Adql(props: AdqlProps) {
  const { page, write } = props;
  const toFocus = useRef(false);
  const choose: AdqlProps["write"] = (own) => {
    toFocus.current = true;
    write(own);
  };
  return (
    <section className="card" aria-label="Query">
      <div className="card-header d-flex align-items-center py-1">
        <h2 className="h6 my-1 me-auto">{page.usesOwn ? "Your own ADQL" : "ADQL"}</h2>
        {page.usesOwn && page.own !== null && (
          <button
            type="button"
            className="btn btn-sm btn-link py-0"
            onClick={() => write({ own: null, usesOwn: false })}
          >
            Throw it away
          </button>
        )}
      </div>
      <div className="card-body py-2">
        {page.usesOwn ? (
          <Own {...props} toFocus={toFocus} />
        ) : (
          <FromForm {...props} write={choose} />
        )}
      </div>
    </section>
  );
}
