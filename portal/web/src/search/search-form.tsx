// The search page once the service has said what it can do.
import { type FormEvent, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import type { Schemas } from "../api/client";
import { useDebounced } from "../lib/debounce";
import { useService } from "../shell/service";
import { carryForm, emptyView, viewToParams } from "../state/view";
import { Action } from "./action";
import { pageToParams } from "./address";
import { Adql } from "./adql";
import { useCounted, useWritten } from "./asking";
import { type Built, buildSearch, type Problem } from "./build";
import { Energy } from "./energy";
import { Fields, Tables } from "./fields";
import type { Form } from "./form";
import { findImpossible, joined } from "./impossible";
import { type LookUp, useLookUp } from "./look-up";
import type { PageState } from "./page-state";
import { Place } from "./place";
import { Time } from "./time";

interface SearchFormProps {
  service: string;
  capabilities: Schemas["Capabilities"];
  state: PageState;
  built: Built;
}

const ASK_AFTER = 500;

/** The question as it stands, and as it stood still for a while. */
function useQuestion({ service, capabilities, state, built }: SearchFormProps) {
  const { page } = state;
  const own = page.usesOwn ? (page.own ?? "") : null;
  const { search, problems } = built;
  const text = JSON.stringify(own === null ? { search } : { adql: own });
  const still = useDebounced(text, ASK_AFTER);
  const isCurrent = text === still;
  const asked = useMemo(() => JSON.parse(still) as Schemas["Ask"], [still]);
  const ready = own === null ? problems.length === 0 : own.trim() !== "";
  const written = useWritten(service, ready && isCurrent ? (asked.search ?? null) : null);
  const here = own === null ? findImpossible(search, capabilities) : [];
  const there = own === null && ready && isCurrent ? (written.data?.impossible ?? []) : [];
  const impossible = joined(here, written.isPlaceholderData ? [] : there);
  // What is impossible is not counted, and so the server's word on it is waited for.
  const known = own !== null || (written.isSuccess && !written.isPlaceholderData);
  const canCount = ready && impossible.length === 0;
  const counted = useCounted(service, canCount && isCurrent && known ? asked : null);
  return {
    written,
    counted,
    isCurrent: isCurrent && known,
    canCount: canCount && !written.isError,
    impossible,
    problems: own === null ? problems : own.trim() === "" ? [NO_ADQL] : [],
  };
}

const NO_ADQL: Problem = { at: "adql", message: "There is no ADQL yet." };

/** What Search does: names still unknown are looked up first, and what is impossible is not asked. */
function useSubmit(props: SearchFormProps, question: Question, lookUp: LookUp) {
  const { service, capabilities, state } = props;
  const [refused, setRefused] = useState(false);
  const navigate = useNavigate();
  const box = useRef<HTMLDivElement>(null);
  const refuse = () => {
    setRefused(true);
    box.current?.focus();
  };
  const withPlace = async (form: Form): Promise<Form | null> => {
    const found = await lookUp.run(form.place);
    return found && { ...form, place: { ...form.place, found } };
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const { form, usesOwn, own } = state.page;
    if (question.impossible.length > 0 || question.problems.some(({ pending }) => !pending))
      return refuse();
    let { search } = props.built;
    if (!usesOwn && question.problems.length > 0) {
      const complete = await withPlace(form);
      const again = complete && buildSearch(complete, capabilities.fields);
      if (!again || again.problems.length > 0) return refuse();
      search = again.search;
    }
    const view = { ...emptyView(service), search, adql: usesOwn ? own : null };
    // The way back leads to the form as it was typed.
    const typed = pageToParams(service, state.page, props.built.search, capabilities.fields);
    void navigate(`/results?${carryForm(typed, viewToParams(view))}`);
  };
  return { submit, box, refused, clearRefusal: () => setRefused(false) };
}

function FormBody(props: SearchFormProps & { lookUp: LookUp }) {
  const { service, capabilities, state, built, lookUp } = props;
  const { form } = state.page;
  const { problems } = built;
  const common = { service, capabilities, problems };
  return (
    <>
      <Tables {...common} form={form} change={state.change} />
      <Place
        {...common}
        table={form.table}
        place={form.place}
        lookUp={lookUp}
        change={(part) => state.change(({ place }) => ({ place: { ...place, ...part } }))}
      />
      <Time
        {...common}
        time={form.time}
        change={(part) => state.change(({ time }) => ({ time: { ...time, ...part } }))}
      />
      <Energy
        {...common}
        energy={form.energy}
        change={(part) => state.change(({ energy }) => ({ energy: { ...energy, ...part } }))}
      />
      <Fields {...common} form={form} change={state.change} />
    </>
  );
}

type Question = ReturnType<typeof useQuestion>;

function Query({ state, question }: { state: PageState; question: Question }) {
  const { info } = useService();
  return (
    <div className="search-adql">
      <Adql
        page={state.page}
        written={question.written}
        isCurrent={question.isCurrent}
        isIncomplete={question.impossible.length > 0}
        url={info?.url ?? null}
        write={state.write}
      />
    </div>
  );
}

export function SearchForm(props: SearchFormProps) {
  const { state, capabilities, service } = props;
  const question = useQuestion(props);
  const lookUp = useLookUp(service, (part) =>
    state.change(({ place }) => ({ place: { ...place, ...part(place) } })),
  );
  const { submit, refused, clearRefusal, ...rest } = useSubmit(props, question, lookUp);
  const { usesOwn } = state.page;
  const onClear = () => {
    clearRefusal();
    state.clear();
  };
  const action = { ...question, ...rest, capabilities, refused, onClear, busy: lookUp.isPending };
  return (
    <div className="search-grid">
      <form
        id="search-form"
        className="search-form"
        noValidate
        onChange={clearRefusal}
        onSubmit={(event) => void submit(event)}
      >
        {usesOwn && (
          <p className="alert alert-info py-2">
            You write the ADQL yourself. What is filled in here is kept, and not used.
          </p>
        )}
        <fieldset disabled={usesOwn} className={usesOwn ? "greyed" : ""}>
          <legend className="visually-hidden">What to search for</legend>
          <FormBody {...props} lookUp={lookUp} />
        </fieldset>
      </form>
      <aside className="search-side" aria-label="Count and query">
        <div className="search-action">
          <Action {...action} />
        </div>
        <Query state={state} question={question} />
      </aside>
    </div>
  );
}
