// One thing that people do to the server: under way, done, or failed with words.
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { ApiError } from "../api/client";

export interface Action {
  busy: boolean;
  error: ApiError | null;
  /** Do it. Gives whether it succeeded; never rejects with what the server said. */
  run(work: () => Promise<unknown>): Promise<boolean>;
  clear(): void;
}

export function useAction(): Action {
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = useCallback(
    async (work: () => Promise<unknown>) => {
      setBusy(true);
      setError(null);
      try {
        await work();
        return true;
      } catch (failure) {
        if (!(failure instanceof ApiError)) throw failure;
        // The session has ended: the page has to know that nobody is logged in.
        if (failure.status === 401) void queries.invalidateQueries({ queryKey: ["me"] });
        setError(failure);
        return false;
      } finally {
        setBusy(false);
      }
    },
    [queries],
  );
  const clear = useCallback(() => setError(null), []);
  return { busy, error, run, clear };
}
