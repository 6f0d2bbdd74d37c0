import { useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import "../account/account.css";
import { JobDetail } from "../account/jobs/detail";
import { NewJob } from "../account/jobs/form";
import { JobList } from "../account/jobs/list";
import { useJobs } from "../account/jobs/state";
import { ForUsers } from "../account/login";
import { Empty, Failure, Loading, PageFrame } from "../account/parts";
import type { Schemas } from "../api/client";
import { useConfig } from "../api/queries";
import { useCurrentBasket } from "../basket/basket";

const WHAT =
  "Preview jobs look quickly at what is in a basket: counts, significance map, spectrum and light curve. Log in to run them.";

function Form(props: {
  user: string;
  runners: Schemas["RunnerInfo"][];
  onStarted: (id: string) => void;
}) {
  const [params, setParams] = useSearchParams();
  const set = (name: string, value: string) => {
    params.set(name, value);
    setParams(params, { replace: true });
  };
  const { baskets, current } = useCurrentBasket(props.user);
  if (baskets.isPending) return <Loading what="your baskets" />;
  const failure = <Failure error={baskets.error} retry={() => baskets.refetch()} />;
  if (!baskets.data) return failure;
  return (
    <>
      {failure}
      <NewJob
        baskets={baskets.data}
        chosen={params.get("basket") ?? current?.id ?? null}
        runners={props.runners}
        wanted={params.get("runner")}
        onChoose={(id) => set("basket", id)}
        onRunner={(key) => set("runner", key)}
        onStarted={(job) => props.onStarted(job.id)}
      />
    </>
  );
}

function Jobs(props: { user: string }) {
  const { id } = useParams();
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const config = useConfig();
  const jobs = useJobs();
  const [wanted, setWanted] = useState(false);
  const show = (next: string | null) => navigate(next === null ? "/jobs" : `/jobs/${next}`);
  const all = jobs.data?.toSorted((a, b) => Date.parse(b.made) - Date.parse(a.made)) ?? [];
  const job = all.find((one) => one.id === id);
  const isOn = config.data?.jobs.available !== false;
  const runners = config.data?.runners;
  const isForm = params.has("basket") || wanted || (jobs.isSuccess && all.length === 0);
  return (
    <>
      {!isOn && (
        <div className="alert alert-warning">
          New preview jobs cannot be started: {config.data?.jobs.reason ?? "they are switched off."}
        </div>
      )}
      {isOn && !job && isForm && !runners && !config.error && (
        <Loading what="which services run jobs" />
      )}
      {isOn && !job && isForm && runners && (
        <Form
          user={props.user}
          runners={runners}
          onStarted={(started) => {
            setWanted(false);
            show(started);
          }}
        />
      )}
      {isOn && (job || !isForm) && (
        <Link className="btn btn-sm btn-primary mb-3" to="/jobs" onClick={() => setWanted(true)}>
          New job
        </Link>
      )}
      <Failure
        error={config.error}
        doing="Which services run jobs is not known"
        retry={() => config.refetch()}
      />
      <Failure
        error={jobs.error}
        doing={jobs.data ? "How the jobs go is not known at the moment" : "Your jobs"}
        retry={() => jobs.refetch()}
      />
      {jobs.isPending ? (
        <Loading what="your jobs" />
      ) : all.length === 0 && !jobs.error ? (
        <Empty title="You have no preview jobs yet.">
          Choose a basket above, look at the parameters and start one.
        </Empty>
      ) : (
        <div className="row g-4">
          <div className={`col-lg-4${job ? " d-none d-lg-block" : ""}`}>
            <JobList jobs={all} shown={id ?? null} />
          </div>
          <div className="col-lg-8">
            {job ? (
              <>
                <Link className="d-lg-none d-block mb-2" to="/jobs">
                  All jobs
                </Link>
                <JobDetail key={job.id} job={job} onShow={show} />
              </>
            ) : id ? (
              <Empty title="There is no such job.">
                It may have been deleted. Choose another one from the list.
              </Empty>
            ) : (
              <p className="text-body-secondary">Choose a job from the list to see its results.</p>
            )}
          </div>
        </div>
      )}
    </>
  );
}

export default function JobsPage() {
  return (
    <PageFrame title="Preview Jobs">
      <ForUsers what={WHAT}>{(user) => <Jobs user={user.id} />}</ForUsers>
    </PageFrame>
  );
}
