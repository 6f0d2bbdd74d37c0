// What a job gave: maps in Aladin, plots, the summary as a table, and every file to download.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, type Schemas } from "../../api/client";
import { filePath } from "../addresses";
import { bytes } from "../format";
import { Empty, Failure, Loading } from "../parts";
import { FitsMap } from "./map";
import { isActive, type Job } from "./state";
import { SummaryTable } from "./summary";

type Result = Schemas["JobResult"];

const MIB = 1 << 20;

function isKind(result: Result, type: RegExp, ending: string): boolean {
  return type.test(result.content_type ?? "") || result.id.toLowerCase().endsWith(ending);
}

export const isFits = (result: Result) => isKind(result, /^(image|application)\/fits/, ".fits");
export const isPng = (result: Result) => isKind(result, /^image\/png/, ".png");
export const isJson = (result: Result) => isKind(result, /^application\/(\w+\+)?json/, ".json");

/** Where a result is on this server. */
function addressOf(result: Result): string {
  return filePath(result.url) ?? "#";
}

/** Figures for people, not what is written for programs about provenance. */
const isSummary = (result: Result) =>
  isJson(result) && !/prov/i.test(result.id) && (result.size ?? 0) < MIB;

function stem(result: Result): string {
  return result.id.replace(/\.[^.]+$/, "").toLowerCase();
}

/** The map that is shown first: the significance, else the first there is. */
export function chooseMap(results: Result[]): Result | null {
  const maps = results.filter(isFits);
  return maps.find((map) => stem(map).includes("significance")) ?? maps[0] ?? null;
}

/** The plot that shows the same as a map, for browsers without WebGL. */
export function pictureOf(map: Result, results: Result[]): Result | null {
  const plots = results.filter(isPng);
  return (
    plots.find((plot) => stem(plot) === stem(map)) ??
    plots.find((plot) => stem(plot).includes(stem(map)) || stem(map).includes(stem(plot))) ??
    null
  );
}

function SummaryOf(props: { result: Result }) {
  const summary = useQuery({
    queryKey: ["job-summary", props.result.url],
    queryFn: async ({ signal }) => {
      const response = await fetch(addressOf(props.result), { signal, credentials: "same-origin" });
      if (!response.ok)
        throw new ApiError(
          `The server answered with status ${response.status}.`,
          "result",
          response.status,
        );
      return (await response.json()) as unknown;
    },
    staleTime: Number.POSITIVE_INFINITY,
    enabled: (props.result.size ?? 0) < MIB,
  });
  return (
    <div className="col-12">
      <h3 className="h6">{props.result.label}</h3>
      {summary.error ? (
        <Failure error={summary.error} retry={() => summary.refetch()} />
      ) : summary.data === undefined ? (
        <Loading what="the summary" />
      ) : (
        <SummaryTable content={summary.data} caption={props.result.label} />
      )}
    </div>
  );
}

function Plot(props: { plot: Result }) {
  const { plot } = props;
  const [isLost, setLost] = useState(false);
  if (isLost)
    return (
      <p className="col-md-6 mb-0 text-danger">
        {plot.label}: the server does not have it any more.
      </p>
    );
  return (
    <figure className="col-md-6 mb-0">
      <a href={addressOf(plot)}>
        <img
          className="img-fluid border rounded job-plot"
          src={addressOf(plot)}
          alt={plot.label}
          onError={() => setLost(true)}
        />
      </a>
      <figcaption className="small">{plot.label}</figcaption>
    </figure>
  );
}

function Downloads(props: { results: Result[] }) {
  return (
    <div className="col-12">
      <h3 className="h6">Files</h3>
      <ul className="list-group">
        {props.results.map((result) => (
          <li key={result.id} className="list-group-item d-flex flex-wrap gap-2 py-1">
            <a className="me-auto text-break" href={addressOf(result)} download={result.id}>
              {result.label}
            </a>
            <code className="small text-break">{result.id}</code>
            <span className="small text-nowrap">{bytes(result.size)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function Results(props: { job: Job }) {
  const { results } = props.job;
  if (results.length === 0)
    return isActive(props.job) ? null : (
      <Empty title="This job gave no results.">
        The log below says why; “Retry” runs it again.
      </Empty>
    );
  const map = chooseMap(results);
  // What the map shows already, or can show, is not shown again as a picture.
  const asMaps = results.filter(isFits).map((one) => pictureOf(one, results));
  const plots = results.filter((result) => isPng(result) && !asMaps.includes(result));
  return (
    <div className="row g-4">
      {map && (
        <div className="col-12">
          <FitsMap maps={results.filter(isFits)} first={map} results={results} />
        </div>
      )}
      {plots.map((plot) => (
        <Plot key={plot.id} plot={plot} />
      ))}
      {results.filter(isSummary).map((result) => (
        <SummaryOf key={result.id} result={result} />
      ))}
      <Downloads results={results} />
    </div>
  );
}
