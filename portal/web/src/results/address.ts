// The view in the address bar, to read and to change.
import { useCallback, useMemo, useRef } from "react";
import { useSearchParams } from "react-router";
import { carryForm, type View, viewFromParams, viewToParams } from "../state/view";

export interface Address {
  view: View | null;
  /** Why the address cannot be read. */
  damage: string | null;
  /** Change the view; a step that people want to go back from is a new entry of the history. */
  change: (patch: Partial<View>, step?: "step" | "replace") => void;
}

/** The view of this page. Without a default service there is none yet. */
export function useAddress(service: string | undefined): Address {
  const [params, setParams] = useSearchParams();
  const [view, damage] = useMemo((): [View | null, string | null] => {
    if (service === undefined) return [null, null];
    try {
      return [viewFromParams(params, service), null];
    } catch (error) {
      return [null, error instanceof Error ? error.message : String(error)];
    }
  }, [params, service]);
  // Two changes within one event have to add up, so the last one written counts, not the last one shown.
  const latest = useRef(view);
  latest.current = view;
  const change = useCallback(
    (patch: Partial<View>, step: "step" | "replace" = "replace") => {
      if (latest.current === null) return;
      latest.current = { ...latest.current, ...patch };
      const next = viewToParams(latest.current);
      setParams((now) => carryForm(now, next), { replace: step === "replace" });
    },
    [setParams],
  );
  return { view, damage, change };
}
