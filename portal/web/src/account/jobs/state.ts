// How jobs go: their phases in words, and when to ask the server again.
import type { Query } from "@tanstack/react-query";
import { useQuery } from "@tanstack/react-query";
import { client, data, type Schemas } from "../../api/client";

export type Job = Schemas["Job"];
export type Phase = Schemas["Phase"];

export const JOBS = ["jobs"] as const;

const QUICK = 2_000;
const SLOW = 15_000;
const SLOWEST = 60_000;
const GROWTH = 1.3;

interface Words {
  label: string;
  colour: string;
  text: string;
}

const PHASES: Record<Phase, Words> = {
  PENDING: { label: "Pending", colour: "secondary", text: "It has not been started yet." },
  QUEUED: { label: "Queued", colour: "info", text: "It waits for other jobs to end." },
  EXECUTING: { label: "Running", colour: "primary", text: "It is at work." },
  COMPLETED: { label: "Done", colour: "success", text: "It has ended well." },
  ERROR: { label: "Failed", colour: "danger", text: "It ended with an error." },
  ABORTED: { label: "Aborted", colour: "warning", text: "It was ended before it was done." },
  UNKNOWN: { label: "Unknown", colour: "secondary", text: "The service does not say how it goes." },
  HELD: { label: "Held", colour: "warning", text: "The service holds it back for now." },
  SUSPENDED: { label: "Suspended", colour: "warning", text: "The service has paused it." },
  ARCHIVED: { label: "Archived", colour: "secondary", text: "Its results are no longer there." },
};

export function phaseWords(phase: Phase): Words {
  return PHASES[phase] ?? PHASES.UNKNOWN;
}

/** Whether a job may still change by itself. */
export function isActive(job: Pick<Job, "phase">): boolean {
  return ["PENDING", "QUEUED", "EXECUTING", "UNKNOWN", "HELD", "SUSPENDED"].includes(job.phase);
}

/** Whether a job can be ended. */
export function canAbort(job: Pick<Job, "phase">): boolean {
  return isActive(job);
}

/**
 * Milliseconds until the jobs are asked for again; false for never.
 *
 * The longer nothing has changed, the rarer; after errors, rarer still. (While the page is hidden,
 * nobody is asked: react-query's own rule.)
 */
export function pollAfter(
  jobs: Pick<Job, "phase">[] | undefined,
  quiet: number,
  failures: number,
): number | false {
  if (failures > 0) return Math.min(QUICK * 2 ** failures, SLOWEST);
  if (!jobs?.some(isActive)) return false;
  return Math.min(QUICK * GROWTH ** quiet, SLOW);
}

/** Counts how often an answer came that was the same as before. */
class Quiet {
  private last = "";
  private answers = -1;
  private times = 0;

  look(query: Query<Job[], Error>): number {
    const { data: jobs, dataUpdateCount } = query.state;
    if (dataUpdateCount === this.answers) return this.times;
    this.answers = dataUpdateCount;
    const now = JSON.stringify(jobs?.map((job) => [job.id, job.phase, job.progress, job.fraction]));
    this.times = now === this.last ? this.times + 1 : 0;
    this.last = now;
    return this.times;
  }
}

const quiet = new WeakMap<object, Quiet>();

function interval(query: Query<Job[], Error>): number | false {
  const known = quiet.get(query) ?? new Quiet();
  quiet.set(query, known);
  return pollAfter(query.state.data, known.look(query), query.state.fetchFailureCount);
}

/** All jobs of the user, asked for again while one of them runs. */
export function useJobs() {
  return useQuery({
    queryKey: JOBS,
    queryFn: ({ signal }) => data(client.GET("/api/jobs", { signal })),
    refetchInterval: (query) => interval(query as unknown as Query<Job[], Error>),
    refetchIntervalInBackground: false,
    refetchOnWindowFocus: true,
    staleTime: QUICK,
  });
}
