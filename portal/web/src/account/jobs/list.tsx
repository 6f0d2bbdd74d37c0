// The user's jobs, and how they go.
import { Link } from "react-router";
import { counted, when } from "../format";
import { isActive, type Job, phaseWords } from "./state";

export function PhaseBadge(props: { job: Job }) {
  const words = phaseWords(props.job.phase);
  return (
    <span className={`badge text-bg-${words.colour}`} title={words.text}>
      {words.label}
    </span>
  );
}

/** How far a job is: a bar where the service tells a part, and words. */
export function Progress(props: { job: Job }) {
  const { job } = props;
  if (!isActive(job)) return null;
  const percent = job.fraction === null ? null : Math.round(job.fraction * 100);
  return (
    <div>
      <div
        className="progress"
        role="progressbar"
        aria-label={`Progress of ${job.name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent ?? undefined}
      >
        <div
          className={`progress-bar${percent === null ? " progress-bar-striped progress-bar-animated" : ""}`}
          style={{ width: `${percent ?? 100}%` }}
        />
      </div>
      <p className="small mb-0">
        {job.progress ?? phaseWords(job.phase).text}
        {percent !== null && ` (${percent} %)`}
      </p>
    </div>
  );
}

export function JobList(props: { jobs: Job[]; shown: string | null }) {
  return (
    <ul className="list-group" aria-label="Jobs">
      {props.jobs.map((job) => (
        <li key={job.id} className="list-group-item p-0">
          <Link
            to={`/jobs/${job.id}`}
            className={`d-block px-3 py-2 text-decoration-none ${job.id === props.shown ? "bg-primary-subtle text-primary-emphasis" : "link-body-emphasis"}`}
            aria-current={job.id === props.shown ? "page" : undefined}
          >
            <span className="d-flex gap-2">
              <span className="me-auto fw-semibold text-break">{job.name}</span>
              <span>
                <PhaseBadge job={job} />
              </span>
            </span>
            <span className="small d-block">
              {counted(job.items, "data set")} of “{job.basket_name}”
            </span>
            <span className="small d-block">{when(job.made)}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
