// The search page's state, kept in the address bar.
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { useLocation, useNavigate, useOutletContext } from "react-router";
import { type Page, pageFromParams } from "./address";
import { emptyForm, type Form } from "./form";

const WRITE_AFTER = 300;

export type Change = (part: (form: Form) => Partial<Form>) => void;

export interface PageState {
  page: Page;
  /** Change parts of the form. */
  change: Change;
  /** Change what people write themselves. */
  write: (own: Partial<Pick<Page, "own" | "usesOwn">>) => void;
  clear: () => void;
  /** Why the address could not be read. */
  damage: Error | null;
  /** The address as this page wrote it last; another one comes from outside. */
  written: RefObject<string>;
}

function read(search: string): { page: Page; damage: Error | null } {
  try {
    return { page: pageFromParams(new URLSearchParams(search)), damage: null };
  } catch (error) {
    const page = { form: emptyForm(), own: null, usesOwn: false };
    return { page, damage: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** The parameters without what the service chooser changes. */
function beyondService(search: string): string {
  const params = new URLSearchParams(search);
  params.delete("service");
  for (const name of ["search", "form"])
    try {
      const { table, ...rest } = JSON.parse(params.get(name) ?? "{}");
      if (Object.keys(rest).length > 0) params.set(name, JSON.stringify(rest));
      else params.delete(name);
    } catch {
      // A damaged search is compared as it is.
    }
  return params.toString();
}

/** The form and own ADQL, read from the address. */
export function usePageState(): PageState {
  const location = useLocation();
  const [{ page, damage }, setState] = useState(() => read(location.search));
  const written = useRef(location.search);
  useEffect(() => {
    // A link, a tab, "back", or the service chooser came from outside.
    if (location.search === written.current) return;
    const sameQuestion = beyondService(location.search) === beyondService(written.current);
    written.current = location.search;
    if (sameQuestion)
      setState(({ page }) => ({
        page: { ...page, form: { ...page.form, table: null } },
        damage: null,
      }));
    else setState(read(location.search));
  }, [location.search]);
  const change = useCallback<Change>((part) => {
    setState(({ page }) => ({
      page: { ...page, form: { ...page.form, ...part(page.form) } },
      damage: null,
    }));
  }, []);
  const write = useCallback<PageState["write"]>((own) => {
    setState(({ page }) => ({ page: { ...page, ...own }, damage: null }));
  }, []);
  const clear = useCallback(() => {
    setState({ page: { form: emptyForm(), own: null, usesOwn: false }, damage: null });
  }, []);
  return { page, change, write, clear, damage, written };
}

/** Write the page to the address some time after the last change, and tell the tabs where Search leads. */
export function useAddress(address: string, written: RefObject<string>): void {
  const navigate = useNavigate();
  const here = useRef(window.location.pathname);
  const shown = useOutletContext<{ search: string } | undefined>();
  useEffect(() => {
    if (shown) shown.search = address;
  }, [address, shown]);
  useEffect(() => {
    const timer = setTimeout(() => {
      // People may be on their way to a page that is still being loaded: that way is not to be cut off.
      if (address === written.current || window.location.pathname !== here.current) return;
      written.current = address;
      void navigate({ search: address }, { replace: true });
    }, WRITE_AFTER);
    return () => clearTimeout(timer);
  }, [address, navigate, written]);
}
