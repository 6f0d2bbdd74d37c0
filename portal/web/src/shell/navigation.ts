// Where the focus and the window's title go when people change the page, and where tabs lead back to.
import { useEffect, useRef } from "react";
import { useLocation } from "react-router";

/** Put the focus on the new page's heading, so that keyboards and screen readers start there. */
export function useFocusOnNavigation(main: React.RefObject<HTMLElement | null>): void {
  const { pathname } = useLocation();
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    const element = main.current;
    if (!element) return;
    window.scrollTo?.({ top: 0 });
    const focus = () => {
      const heading = element.querySelector<HTMLElement>("h1");
      if (!heading) return false;
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
      return true;
    };
    if (focus()) return;
    element.focus({ preventScroll: true });
    // A page loaded on demand brings its heading later; the focus moves on only if nobody moved it.
    const watch = new MutationObserver(() => {
      if (document.activeElement !== element || focus()) watch.disconnect();
    });
    watch.observe(element, { childList: true, subtree: true });
    return () => watch.disconnect();
  }, [pathname, main]);
}

/** What the window is called on a page. */
export function useTitle(page: string, title: string | undefined): void {
  useEffect(() => {
    document.title = title ? `${page} \u2013 ${title}` : page;
  }, [page, title]);
}

/** Parameters of the last addresses of two pages. */
export interface Shown {
  search: string;
  results: string;
}

/** The parameters with which Search and Results were last shown, so that their tabs lead back there. */
export function useLastShown(): Shown {
  const { pathname, search } = useLocation();
  const last = useRef<Shown>({ search: "", results: "" });
  const seen = useRef("");
  // Between two addresses the search page writes here what it will have as its next one.
  if (seen.current !== pathname + search) {
    seen.current = pathname + search;
    if (pathname === "/search") last.current.search = search;
    if (pathname === "/results") last.current.results = search;
  }
  return last.current;
}
