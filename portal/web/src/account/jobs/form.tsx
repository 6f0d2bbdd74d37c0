// Starting a preview job on a basket: what it can be told is prefilled and explained.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useRef, useState } from "react";
import { Link } from "react-router";
import { client, data, type Schemas } from "../../api/client";
import { useAction } from "../action";
import { counted } from "../format";
import { Empty, Failure, Loading } from "../parts";
import { complaints, limitsInWords, type Parameter, toSend } from "./checks";
import { JOBS, type Job } from "./state";

type Runner = Schemas["RunnerInfo"];

function Field(props: {
  parameter: Parameter;
  value: string;
  wrong: string | undefined;
  onChange: (value: string) => void;
}) {
  const { parameter, wrong } = props;
  const id = useId();
  const limits = limitsInWords(parameter);
  const shared = {
    id,
    name: parameter.name,
    value: props.value,
    "aria-describedby": `${id}-help ${id}-wrong`,
    "aria-invalid": wrong !== undefined,
    onChange: (event: { target: { value: string } }) => props.onChange(event.target.value),
  };
  const invalid = wrong === undefined ? "" : " is-invalid";
  return (
    <div className="col-sm-6 col-lg-4">
      <label className="form-label mb-1" htmlFor={id}>
        {parameter.label}
      </label>
      <div className="input-group input-group-sm has-validation">
        {parameter.kind === "choice" ? (
          <select className={`form-select${invalid}`} {...shared}>
            {parameter.value === null && <option value="">left to the service</option>}
            {(parameter.choices ?? []).map((choice) => (
              <option key={choice}>{choice}</option>
            ))}
          </select>
        ) : (
          <input
            className={`form-control${invalid}`}
            inputMode={parameter.kind === "number" ? "decimal" : "text"}
            placeholder={parameter.value === null ? "from the data" : ""}
            autoComplete="off"
            {...shared}
          />
        )}
        {parameter.unit && <span className="input-group-text">{parameter.unit}</span>}
      </div>
      <div id={`${id}-wrong`} className="small text-danger" role={wrong ? "alert" : undefined}>
        {wrong}
      </div>
      <div id={`${id}-help`} className="form-text mt-0">
        {parameter.description}
        {limits && <> Allowed: {limits}.</>}
      </div>
    </div>
  );
}

function Parameters(props: {
  form: Schemas["JobForm"];
  basket: string;
  basketName: string;
  onStarted: (job: Job) => void;
}) {
  const { form } = props;
  const queries = useQueryClient();
  const action = useAction();
  const box = useRef<HTMLFormElement>(null);
  const [name, setName] = useState("");
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(form.parameters.map((parameter) => [parameter.name, parameter.value ?? ""])),
  );
  const send = async () => {
    const found = complaints(form.parameters, values);
    setWrong(found);
    const first = form.parameters.find((parameter) => parameter.name in found);
    if (first) {
      box.current?.querySelector<HTMLElement>(`[name="${CSS.escape(first.name)}"]`)?.focus();
      return;
    }
    await action.run(async () => {
      const body = {
        runner: form.runner,
        basket: props.basket,
        name: name.trim() === "" ? null : name.trim(),
        parameters: toSend(form.parameters, values),
      };
      const job = await data(client.POST("/api/jobs", { body }));
      queries.setQueryData<Job[]>(JOBS, (jobs) => [job, ...(jobs ?? [])]);
      props.onStarted(job);
    });
  };
  return (
    <form
      ref={box}
      noValidate
      aria-label="Preview job"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <p className="mb-2">
        It uses {counted(form.items, "data set")} of “{props.basketName}”.
      </p>
      {form.left_out.length > 0 && (
        <div className="alert alert-warning py-2">
          Not used:
          <ul className="mb-0">
            {form.left_out.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </div>
      )}
      <div className="row g-3 mb-3">
        <div className="col-sm-6 col-lg-4">
          <label className="form-label mb-1" htmlFor="job-name">
            Name of the job
          </label>
          <input
            id="job-name"
            className="form-control form-control-sm"
            maxLength={200}
            placeholder={props.basketName}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <div className="form-text mt-0">By which you find it again. May stay empty.</div>
        </div>
        {form.parameters.map((parameter) => (
          <Field
            key={parameter.name}
            parameter={parameter}
            value={values[parameter.name] ?? ""}
            wrong={wrong[parameter.name]}
            onChange={(value) => {
              setValues({ ...values, [parameter.name]: value });
              const { [parameter.name]: _, ...others } = wrong;
              setWrong(others);
            }}
          />
        ))}
      </div>
      <Failure error={action.error} doing="The job was not started" dismiss={action.clear} />
      <button type="submit" className="btn btn-primary" disabled={action.busy || form.items === 0}>
        {action.busy ? "Starting …" : "Start the job"}
      </button>
      {form.items === 0 && (
        <span className="ms-2">There is nothing in this basket that a job could use.</span>
      )}
    </form>
  );
}

function FormOf(props: {
  basket: Schemas["BasketInfo"];
  runner: string;
  onStarted: (job: Job) => void;
}) {
  const { basket, runner } = props;
  const form = useQuery({
    queryKey: ["job-form", basket.id, runner, basket.changed],
    queryFn: ({ signal }) =>
      data(
        client.GET("/api/jobs/form", { params: { query: { basket: basket.id, runner } }, signal }),
      ),
  });
  if (form.isPending) return <Loading what="what a job can be told" />;
  if (!form.data) return <Failure error={form.error} retry={() => form.refetch()} />;
  return (
    <Parameters
      form={form.data}
      basket={basket.id}
      basketName={basket.name}
      onStarted={props.onStarted}
    />
  );
}

/** Who runs the job: a choice only where there is one. */
function RunnerChoice(props: {
  runners: Runner[];
  runner: Runner;
  onChoose: (key: string) => void;
}) {
  const { runners, runner } = props;
  const id = useId();
  if (runners.length < 2) return null;
  return (
    <>
      <label className="form-label mb-1" htmlFor={id}>
        Run by
      </label>
      <select
        id={id}
        className="form-select form-select-sm mb-3"
        value={runner.key}
        onChange={(event) => props.onChoose(event.target.value)}
      >
        {runners.map((one) => (
          <option key={one.key} value={one.key}>
            {one.label}
            {one.is_own ? "" : " (another service)"}
          </option>
        ))}
      </select>
    </>
  );
}

export function NewJob(props: {
  baskets: Schemas["BasketInfo"][];
  chosen: string | null;
  runners: Runner[];
  /** The one that is wanted; null for the first. */
  wanted: string | null;
  onChoose: (id: string) => void;
  onRunner: (key: string) => void;
  onStarted: (job: Job) => void;
}) {
  const { baskets, runners, wanted } = props;
  const runner = wanted === null ? runners[0] : runners.find((one) => one.key === wanted);
  const basket = baskets.find((one) => one.id === props.chosen);
  if (baskets.length === 0)
    return (
      <Empty title="A preview job needs a basket.">
        <Link to="/search">Search for data</Link> and put some into your basket first.
      </Empty>
    );
  return (
    <section aria-label="Start a preview job" className="border rounded p-3 mb-4">
      <h2 className="h5">Start a preview job</h2>
      <label className="form-label mb-1" htmlFor="job-basket">
        Basket
      </label>
      <select
        id="job-basket"
        className="form-select form-select-sm mb-3"
        value={basket?.id ?? ""}
        onChange={(event) => props.onChoose(event.target.value)}
      >
        <option value="" disabled>
          Choose a basket
        </option>
        {baskets.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name} ({counted(one.count, "data set")})
          </option>
        ))}
      </select>
      {runner ? (
        <RunnerChoice runners={runners} runner={runner} onChoose={props.onRunner} />
      ) : (
        <p role="alert">
          The link names the service “{wanted}” for jobs, which is not there.{" "}
          {runners.map((one) => (
            <button
              key={one.key}
              type="button"
              className="btn btn-sm btn-outline-secondary me-1"
              onClick={() => props.onRunner(one.key)}
            >
              Take {one.label}
            </button>
          ))}
        </p>
      )}
      {basket && runner && (
        <FormOf
          key={`${basket.id} ${runner.key}`}
          basket={basket}
          runner={runner.key}
          onStarted={props.onStarted}
        />
      )}
    </section>
  );
}
