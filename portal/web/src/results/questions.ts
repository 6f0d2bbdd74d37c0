// What the results page asks the server: each thing once for each question.
import {
  keepPreviousData,
  type UseQueryResult,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, client, data, type Schemas } from "../api/client";
import { ask, isAsked, type View } from "../state/view";

/** A question stays answered as long as the page is open; asking again is people's choice. */
const KEPT = {
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: 10 * 60_000,
  refetchOnWindowFocus: false,
};

/** Try once more if the server could not be reached; what it refused, it would refuse again. */
function again(failures: number, error: Error): boolean {
  return failures < 1 && error instanceof ApiError && error.code === "unreachable";
}

/** The number of rows of the whole answer. */
export function useCount(view: View) {
  return useQuery({
    ...KEPT,
    queryKey: ["count", view.service, ask(view)],
    queryFn: ({ signal }) =>
      data(
        client.POST("/api/services/{service}/count", {
          params: { path: { service: view.service } },
          body: ask(view),
          signal,
        }),
      ),
    enabled: isAsked(view),
    retry: again,
  });
}

/** One page of rows. The page before stays until it is there. */
export function usePage(view: View, columns: string[] | null, ready: boolean) {
  const body: Schemas["PageRequest"] = {
    ...ask(view),
    sort: view.sort,
    offset: view.offset,
    limit: view.limit,
    columns,
  };
  return useQuery({
    ...KEPT,
    queryKey: ["page", view.service, body],
    queryFn: ({ signal }) =>
      data(
        client.POST("/api/services/{service}/page", {
          params: { path: { service: view.service } },
          body,
          signal,
        }),
      ),
    enabled: isAsked(view) && ready,
    placeholderData: keepPreviousData,
    retry: again,
  });
}

/** What map and plots show; one answer for all of them. */
export function useOverview(view: View) {
  return useQuery({
    ...KEPT,
    queryKey: ["overview", view.service, ask(view)],
    queryFn: ({ signal }) =>
      // The client's types forget that intervals are pairs.
      data(
        client.POST("/api/services/{service}/overview", {
          params: { path: { service: view.service } },
          body: ask(view),
          signal,
        }),
      ) as Promise<Schemas["Overview"]>,
    enabled: isAsked(view),
    structuralSharing: false,
    retry: again,
  });
}

/** The part of the sky that some fields of view cover; null where there are none, or nobody wants to know. */
export function useCoverage(footprints: readonly Schemas["Footprint"][] | null) {
  return useQuery({
    ...KEPT,
    queryKey: ["coverage", footprints],
    queryFn: ({ signal }) =>
      data(client.POST("/api/coverage", { body: { footprints: [...(footprints ?? [])] }, signal })),
    enabled: footprints !== null && footprints.length > 0,
    retry: again,
  });
}

/** Whether people have had enough of waiting, and what they can do then. */
export function useStop(view: View, questions: UseQueryResult<unknown>[]) {
  const queries = useQueryClient();
  const [isStopped, setStopped] = useState(false);
  const isRunning = questions.some(({ fetchStatus }) => fetchStatus === "fetching");
  const stop = () => {
    setStopped(true);
    for (const kind of ["count", "page", "overview"])
      void queries.cancelQueries({ queryKey: [kind, view.service] });
  };
  const goOn = () => {
    setStopped(false);
    for (const question of questions)
      if (question.isPending || question.error) void question.refetch();
  };
  return { isStopped: isStopped && !isRunning, isRunning, stop, goOn };
}

/** The links of one data set. */
export function useLinks(service: string, did: string | null) {
  return useQuery({
    queryKey: ["links", service, did],
    queryFn: ({ signal }) =>
      data(
        client.GET("/api/services/{service}/links", {
          params: { path: { service }, query: { id: did ?? "" } },
          signal,
        }),
      ),
    enabled: did !== null,
    staleTime: 60_000,
    retry: again,
  });
}

/** The ADQL of the whole answer, without order and limits. */
export async function wholeAdql(view: View): Promise<string> {
  if (view.adql !== null) return view.adql;
  if (view.search === null) throw new ApiError("There is no search yet.", "no_search", 0);
  const written = await data(
    client.POST("/api/services/{service}/adql", {
      params: { path: { service: view.service } },
      body: view.search,
    }),
  );
  const [impossible] = written.impossible;
  if (impossible) throw new ApiError(impossible.reason, "impossible", 0);
  return written.adql;
}
