// Logging in and out.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId } from "react";
import { useLocation } from "react-router";
import { leave } from "../account/leave";
import { ROOT } from "../api/client";
import { useConfig, useMe } from "../api/queries";
import { explain } from "./status";

/** The address at which logging in starts; it leads back to the page given. */
export function loginAddress(path: string): string {
  return `${ROOT}/auth/login?${new URLSearchParams({ next: path })}`;
}

function LogOut({ name }: { name: string }) {
  const queries = useQueryClient();
  const logout = useMutation({ mutationFn: () => leave(queries) });
  return (
    <div className="d-flex align-items-center gap-2">
      <span className="small text-truncate user-name d-none d-sm-inline">{name}</span>
      <button
        type="button"
        className="btn btn-sm btn-outline-light text-nowrap"
        disabled={logout.isPending}
        onClick={() => logout.mutate()}
      >
        Log out
      </button>
      {logout.error && (
        <span role="alert" className="small text-warning">
          {explain(logout.error)}
        </span>
      )}
    </div>
  );
}

/** The corner of the header that says who is here. */
export function LoginCorner() {
  const { data: config } = useConfig();
  const me = useMe();
  const { pathname, search } = useLocation();
  const reason = useId();
  if (me.data?.user) return <LogOut name={me.data.user.name} />;
  if (!config || me.isPending) return null;
  if (me.error)
    return (
      <span className="small text-warning">
        {explain(me.error)}{" "}
        <button
          type="button"
          className="btn btn-sm btn-outline-light text-nowrap"
          onClick={() => void me.refetch()}
        >
          Try again<span className="visually-hidden"> to find out who is logged in</span>
        </button>
      </span>
    );
  const { state, provider } = config.login;
  if (state.available)
    return (
      <a className="btn btn-sm btn-light text-nowrap" href={loginAddress(pathname + search)}>
        Log in {provider && <span className="visually-hidden">with {provider}</span>}
      </a>
    );
  return (
    <span className="d-flex align-items-center gap-2">
      <span id={reason} className="small login-reason">
        {state.reason}
      </span>
      <button
        type="button"
        className="btn btn-sm btn-outline-light text-nowrap"
        aria-disabled="true"
        aria-describedby={reason}
      >
        Log in
      </button>
    </span>
  );
}
