import { useQueryClient } from "@tanstack/react-query";
import "../account/account.css";
import { useAction } from "../account/action";
import { DataAboutMe } from "../account/data-about-me";
import { when } from "../account/format";
import { leave } from "../account/leave";
import { ForUsers } from "../account/login";
import { Failure, PageFrame } from "../account/parts";
import type { Schemas } from "../api/client";
import { useConfig } from "../api/queries";

function Words(props: { words: string[]; none: string }) {
  if (props.words.length === 0) return <>{props.none}</>;
  return (
    <ul className="list-inline mb-0">
      {props.words.map((word) => (
        <li key={word} className="list-inline-item">
          <span className="badge text-bg-secondary text-break text-wrap">{word}</span>
        </li>
      ))}
    </ul>
  );
}

function Rights(props: { user: Schemas["User"] }) {
  const { rights } = props.user;
  const own = useConfig().data?.services.filter((service) => service.is_own) ?? [];
  const where = own.map((service) => service.label).join(", ") || "this archive";
  return (
    <section aria-labelledby="rights">
      <h2 id="rights" className="h5">
        What you may read
      </h2>
      {rights.length === 0 ? (
        <p>
          All public data. Your groups give you no further rights to data that are still under
          embargo; if they should, ask the archive's operators.
        </p>
      ) : (
        <>
          <p>
            All public data, and in {where} also data under embargo that belong to one of these
            groups of the archive, until their release as well as after it:
          </p>
          <Words words={rights} none="" />
        </>
      )}
    </section>
  );
}

function LogOut() {
  const action = useAction();
  const queries = useQueryClient();
  return (
    <>
      <Failure error={action.error} doing="You are still logged in" dismiss={action.clear} />
      <button
        type="button"
        className="btn btn-outline-danger"
        disabled={action.busy}
        onClick={() => void action.run(() => leave(queries))}
      >
        Log out
      </button>
      <p className="form-text">
        Ends the session in this browser, and at your provider where it supports that.
      </p>
    </>
  );
}

function Profile(props: { user: Schemas["User"] }) {
  const { user } = props;
  return (
    <div className="vstack gap-4">
      <dl className="row mb-0">
        <dt className="col-sm-3">Name</dt>
        <dd className="col-sm-9 text-break">{user.name}</dd>
        <dt className="col-sm-3">E-mail</dt>
        <dd className="col-sm-9 text-break">{user.email ?? "not told by the provider"}</dd>
        <dt className="col-sm-3">Groups</dt>
        <dd className="col-sm-9">
          <Words words={user.groups} none="none" />
        </dd>
        <dt className="col-sm-3">Here since</dt>
        <dd className="col-sm-9">{when(user.since)}</dd>
      </dl>
      <Rights user={user} />
      <DataAboutMe />
      <div>
        <LogOut />
      </div>
    </div>
  );
}

export default function ProfilePage() {
  return (
    <PageFrame title="Profile">
      <ForUsers what="Log in to see your name, your groups and what they let you read.">
        {(user) => <Profile user={user} />}
      </ForUsers>
    </PageFrame>
  );
}
