// The frame around every page.
import { Suspense, useRef } from "react";
import { Outlet, useLocation } from "react-router";
import { useConfig } from "../api/queries";
import { Boundary } from "./boundary";
import { Header } from "./header";
import { type Shown, useFocusOnNavigation, useLastShown, useTitle } from "./navigation";
import { Failed, Loading } from "./status";
import "./portal.css";

const NAMES: Record<string, string> = {
  search: "Search",
  results: "Results",
  basket: "My Basket",
  jobs: "Preview Jobs",
  queries: "Query Store",
  profile: "Profile",
};

function Content({ shown }: { shown: Shown }) {
  const config = useConfig();
  if (config.isPending) return <Loading what="Asking the server what there is" />;
  if (config.error && !config.data)
    return (
      <Failed
        error={config.error}
        what="The explorer cannot start"
        onRetry={() => void config.refetch()}
      />
    );
  return (
    <Suspense fallback={<Loading what="Loading the page" />}>
      <Outlet context={shown} />
    </Suspense>
  );
}

export function Layout() {
  const { data: config } = useConfig();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useLastShown();
  useFocusOnNavigation(main);
  useTitle(NAMES[pathname.split("/")[1] ?? ""] ?? "Not found", config?.title);
  return (
    <div className="d-flex flex-column min-vh-100">
      <a className="skip-link" href="#content">
        Skip to the content
      </a>
      <Header shown={shown} />
      <main id="content" ref={main} tabIndex={-1} className="container-fluid py-3 flex-grow-1">
        <Boundary place={pathname}>
          <Content shown={shown} />
        </Boundary>
      </main>
      <footer className="container-fluid small text-body-secondary py-2">
        {config && `Version ${config.version}`}
      </footer>
    </div>
  );
}
