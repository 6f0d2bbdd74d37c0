// One job: how it goes, what it gave, and what can be done to it.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { client, data, ROOT } from "../../api/client";
import { useConfig } from "../../api/queries";
import { type Action, useAction } from "../action";
import { counted, duration, when } from "../format";
import { ConfirmButton, Failure, Loading } from "../parts";
import { PhaseBadge, Progress } from "./list";
import { ProvenanceBox } from "./provenance";
import { Results } from "./results";
import { canAbort, isActive, JOBS, type Job, phaseWords } from "./state";

const at = (id: string) => ({ params: { path: { id } } });

interface Props {
  job: Job;
  onShow: (id: string | null) => void;
}

function useChanges(props: Props, action: Action) {
  const queries = useQueryClient();
  const { job } = props;
  const keep = (changed: Job) =>
    queries.setQueryData<Job[]>(JOBS, (jobs) => {
      const others = (jobs ?? []).filter((one) => one.id !== changed.id);
      const known = jobs?.some((one) => one.id === changed.id);
      return known
        ? jobs?.map((one) => (one.id === changed.id ? changed : one))
        : [changed, ...others];
    });
  return {
    abort: () =>
      action.run(async () => keep(await data(client.POST("/api/jobs/{id}/abort", at(job.id))))),
    retry: () =>
      action.run(async () => {
        const again = await data(client.POST("/api/jobs/{id}/retry", at(job.id)));
        keep(again);
        props.onShow(again.id);
      }),
    remove: () =>
      action.run(async () => {
        await data(client.DELETE("/api/jobs/{id}", at(job.id)));
        queries.setQueryData<Job[]>(JOBS, (jobs) => jobs?.filter((one) => one.id !== job.id));
        props.onShow(null);
      }),
  };
}

function Buttons(props: Props & { action: Action }) {
  const { job, action } = props;
  const { abort, retry, remove } = useChanges(props, action);
  return (
    <div className="d-flex flex-wrap gap-2 my-3">
      {canAbort(job) && (
        <ConfirmButton
          label="Abort"
          of={job.name}
          question="What it has done so far is lost."
          confirm="Abort the job"
          busy={action.busy}
          onConfirm={abort}
        />
      )}
      {!isActive(job) && (
        <button
          type="button"
          className="btn btn-sm btn-outline-primary"
          disabled={action.busy}
          onClick={retry}
        >
          {job.phase === "COMPLETED" ? "Run it again" : "Retry"}
        </button>
      )}
      {job.basket && (
        <Link className="btn btn-sm btn-outline-secondary" to={`/basket/${job.basket}`}>
          Open the basket
        </Link>
      )}
      <ConfirmButton
        label="Delete"
        of={`the job ${job.name}`}
        question="Delete the job with its results?"
        confirm="Delete the job"
        busy={action.busy}
        onConfirm={remove}
      />
    </div>
  );
}

async function readLog(id: string, signal: AbortSignal): Promise<string> {
  const answer = client.GET("/api/jobs/{id}/log", { ...at(id), parseAs: "text", signal });
  return (await data(answer as never)) as string;
}

function LogBox(props: { job: Job }) {
  const [open, setOpen] = useState(false);
  const { job } = props;
  const log = useQuery({
    queryKey: ["job-log", job.id, job.phase, job.progress],
    queryFn: ({ signal }) => readLog(job.id, signal),
    enabled: open,
    placeholderData: (before) => before,
  });
  return (
    <details className="my-3" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Log</summary>
      {log.error ? (
        <Failure error={log.error} retry={() => log.refetch()} />
      ) : log.data === undefined ? (
        <Loading what="the log" />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard
        <pre className="border rounded bg-body-tertiary p-2 small script-text" tabIndex={0}>
          {log.data === "" ? "Nothing is written there yet." : log.data}
        </pre>
      )}
      <a
        className="btn btn-sm btn-outline-secondary"
        href={`${ROOT}/api/jobs/${job.id}/log`}
        download={`${job.id}.log`}
      >
        Download the log
      </a>
    </details>
  );
}

function Facts(props: { job: Job }) {
  const { job } = props;
  const config = useConfig();
  const took = duration(job.started, job.ended);
  const facts: [string, string | null][] = [
    ["Basket", `${job.basket_name} (${counted(job.items, "data set")})`],
    ["Made", when(job.made)],
    ["Started", job.started && when(job.started)],
    ["Ended", job.ended && `${when(job.ended)}${took ? `, after ${took}` : ""}`],
    ["Run by", config.data?.runners.find(({ key }) => key === job.runner)?.label ?? job.runner],
    ...Object.entries(job.parameters),
  ];
  return (
    <details className="my-3">
      <summary>Times and parameters</summary>
      <dl className="row small mb-0 mt-2">
        {facts.map(
          ([name, value]) =>
            value && (
              <div key={name} className="col-sm-6 d-flex gap-2">
                <dt>{name}</dt>
                <dd className="text-break mb-1">{value}</dd>
              </div>
            ),
        )}
      </dl>
    </details>
  );
}

/** What the service says of a job that did not end well; that people ended it themselves is no fault. */
function WentWrong({ job }: { job: Job }) {
  if (!job.error) return null;
  const isAborted = job.phase === "ABORTED";
  return (
    <div
      className={`alert py-2 ${isAborted ? "alert-secondary" : "alert-danger"}`}
      role={isAborted ? undefined : "alert"}
    >
      {isAborted ? "The service says" : "What went wrong"}: {job.error}
    </div>
  );
}

export function JobDetail(props: Props) {
  const { job } = props;
  const action = useAction();
  return (
    <section aria-label={`Job ${job.name}`}>
      <h2 className="h4 text-break">
        {job.name} <PhaseBadge job={job} />
      </h2>
      <p className="mb-2" role="status">
        {phaseWords(job.phase).text}
      </p>
      <Progress job={job} />
      <WentWrong job={job} />
      <Failure error={action.error} dismiss={action.clear} />
      <Buttons {...props} action={action} />
      <Results job={job} />
      <Facts job={job} />
      <LogBox job={job} />
      {!isActive(job) && <ProvenanceBox job={job} />}
    </section>
  );
}
