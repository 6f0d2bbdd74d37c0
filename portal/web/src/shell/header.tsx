// The head of every page: title, service, log in, tabs.
import { useEffect, useId, useRef } from "react";
import { Link, NavLink, useLocation } from "react-router";
import { useConfig, useMe } from "../api/queries";
import { useBasket } from "../basket/basket";
import { LoginCorner } from "./login";
import type { Shown } from "./navigation";
import { useService } from "./service";

function ServiceChooser() {
  const { service, services, info, choose } = useService();
  const { pathname } = useLocation();
  const id = useId();
  if (pathname !== "/search" && pathname !== "/results") return null;
  if (services.length < 2 && info) return <span className="small">{info.label}</span>;
  return (
    <div className="d-flex align-items-center gap-2">
      <label htmlFor={id} className="small">
        Service
      </label>
      <select
        id={id}
        className="form-select form-select-sm"
        value={service}
        onChange={(event) => choose(event.target.value)}
      >
        {!info && <option value={service}>{service} (unknown)</option>}
        {services.map(({ key, label }) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

function Tabs({ shown }: { shown: Shown }) {
  const me = useMe();
  // Asked on every page: what was put in before logging in then reaches the server wherever people land.
  const { count } = useBasket();
  const { pathname } = useLocation();
  const list = useRef<HTMLUListElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each page has its tab brought into sight
  useEffect(() => {
    const current = list.current?.querySelector("[aria-current=page]");
    current?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
  }, [pathname]);
  const tabs = [
    { to: "/search", label: "Search", search: shown.search },
    { to: "/results", label: "Results", search: shown.results },
    { to: "/basket", label: "My Basket", search: "" },
  ];
  if (me.data?.user)
    tabs.push(
      { to: "/jobs", label: "Preview Jobs", search: "" },
      { to: "/queries", label: "Query Store", search: "" },
      { to: "/profile", label: "Profile", search: "" },
    );
  return (
    <nav aria-label="Pages" className="container-fluid page-tabs">
      <ul ref={list} className="nav nav-tabs flex-nowrap">
        {tabs.map(({ to, label, search }) => (
          <li key={to} className="nav-item">
            <NavLink className="nav-link text-nowrap" to={{ pathname: to, search }}>
              {label}
              {to === "/basket" && count > 0 && (
                <>
                  {" "}
                  <span className="badge rounded-pill text-bg-light">{count}</span>
                </>
              )}
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Title, service, log in, and the tabs. */
export function Header({ shown }: { shown: Shown }) {
  const { data: config } = useConfig();
  return (
    <header className="page-header" data-bs-theme="dark">
      <div className="container-fluid d-flex flex-wrap align-items-center gap-2 py-2">
        <Link className="navbar-brand fs-5 me-auto my-0" to="/search">
          {config?.title ?? "Data explorer"}
        </Link>
        {config && <ServiceChooser />}
        <LoginCorner />
      </div>
      <Tabs shown={shown} />
      {config?.notice && <p className="notice mb-0 px-3 py-1 small">{config.notice}</p>}
    </header>
  );
}
