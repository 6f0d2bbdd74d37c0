// What only those see who are logged in, and what the others see instead.
import type { ReactNode } from "react";
import { useLocation } from "react-router";
import { ROOT, type Schemas } from "../api/client";
import { useConfig, useMe } from "../api/queries";
import { Empty, Failure, Loading } from "./parts";

/** Where logging in begins; afterwards the browser comes back to the page. */
export function loginAddress(path: string): string {
  return `${ROOT}/auth/login?next=${encodeURIComponent(path)}`;
}

/** The link that logs in, or why there is none. */
export function LoginLink() {
  const config = useConfig();
  const { pathname, search } = useLocation();
  const login = config.data?.login;
  if (login && !login.state.available)
    return <p className="mb-0">{login.state.reason ?? "Logging in is switched off here."}</p>;
  return (
    <a className="btn btn-primary mt-2" href={loginAddress(pathname + search)}>
      Log in{login?.provider ? ` with ${login.provider}` : ""}
    </a>
  );
}

/** Show something to those who are logged in; tell the others what logging in gives them. */
export function ForUsers(props: { what: string; children: (user: Schemas["User"]) => ReactNode }) {
  const me = useMe();
  if (me.isPending) return <Loading what="your account" />;
  // Who was known a moment ago keeps the page, and what is written in it.
  if (me.data?.user) return props.children(me.data.user);
  if (me.error) return <Failure error={me.error} retry={() => me.refetch()} />;
  return (
    <Empty title="You are not logged in.">
      <p className="mb-0">{props.what}</p>
      <LoginLink />
    </Empty>
  );
}
