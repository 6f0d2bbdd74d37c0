// Code that gets a basket's data, to read, copy and keep.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { CopyButton, Failure, Loading } from "../account/parts";
import { saveBlob } from "../account/saving";
import { client, data, type Schemas } from "../api/client";
import { type Item, itemKey } from "./stored";

type Language = Schemas["Script"]["language"];
const LANGUAGES: [Language, string][] = [
  ["python", "Python"],
  ["shell", "Shell"],
];

function useScript(language: Language, basket: string | null, items: Item[]) {
  return useQuery({
    queryKey: ["script", language, basket, items.map(itemKey)],
    queryFn: ({ signal }) =>
      data(
        basket === null
          ? client.POST("/api/script", {
              params: { query: { language } },
              body: { items },
              signal,
            })
          : client.GET("/api/baskets/{id}/script", {
              params: { path: { id: basket }, query: { language } },
              signal,
            }),
      ),
  });
}

function Shown(props: { language: Language; basket: string | null; items: Item[] }) {
  const script = useScript(props.language, props.basket, props.items);
  if (script.isPending) return <Loading what="the script" />;
  if (script.error) return <Failure error={script.error} retry={() => script.refetch()} />;
  const { text, filename } = script.data;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard */}
      <pre className="border rounded bg-body-tertiary p-2 small script-text" tabIndex={0}>
        {text}
      </pre>
      <div className="d-flex flex-wrap gap-2">
        <button
          type="button"
          className="btn btn-sm btn-outline-primary"
          onClick={() => saveBlob(new Blob([text], { type: "text/plain" }), filename)}
        >
          Download {filename}
        </button>
        <CopyButton text={text} label="Copy" />
      </div>
    </>
  );
}

export function ScriptBox(props: { basket: string | null; items: Item[] }) {
  const [language, setLanguage] = useState<Language | null>(null);
  if (props.items.length === 0) return null;
  return (
    <div>
      <fieldset className="d-flex flex-wrap gap-2 align-items-center mb-2">
        <legend className="fs-6 w-auto float-none mb-0">Script that gets the data:</legend>
        {LANGUAGES.map(([key, label]) => (
          <button
            key={key}
            type="button"
            className={`btn btn-sm ${language === key ? "btn-secondary" : "btn-outline-secondary"}`}
            aria-pressed={language === key}
            onClick={() => setLanguage(language === key ? null : key)}
          >
            {label}
          </button>
        ))}
      </fieldset>
      {language && <Shown language={language} basket={props.basket} items={props.items} />}
    </div>
  );
}
