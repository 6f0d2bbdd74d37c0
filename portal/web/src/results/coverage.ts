// The coverage that the map shows: that of the selection; that of the whole answer where nothing is selected.
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { explain } from "../shell/status";
import { formatCount } from "./format";
import { useCoverage } from "./questions";
import type { Observed } from "./scene";

type Footprint = Schemas["Footprint"];

export interface ShownCoverage {
  /** Space MOC as JSON; null while there is none. */
  moc: string | null;
  /** Of what it is. */
  label: string;
  /** Why there is none, and never will be. */
  reason: string | null;
  /** What went wrong; switching it off and on tries again. */
  fault: string | null;
}

/** The fields of view of selected rows, each once, and how many of the selected the map knows. */
export function drawn(
  rows: readonly Observed[],
  dids: ReadonlySet<string>,
): { footprints: Footprint[]; known: number } {
  const shapes = new Map<string, Footprint>();
  const known = new Set<string>();
  for (const { did, region } of rows) {
    if (!dids.has(did)) continue;
    known.add(did);
    if (region) shapes.set(`${region.kind} ${region.points.join(" ")}`, region);
  }
  return { footprints: [...shapes.values()], known: known.size };
}

function wordsOf(known: number, selected: number): string {
  if (known === selected) return ` of ${formatCount(selected)} selected`;
  return ` of those ${formatCount(known)} of ${formatCount(selected)} selected that the map has`;
}

/** The coverage to show; it is asked for only where it is wanted. */
export function useShownCoverage(
  overview: Schemas["Overview"],
  dids: ReadonlySet<string>,
  isWanted: boolean,
): ShownCoverage {
  const { footprints, known } = useMemo(() => drawn(overview.rows, dids), [overview, dids]);
  const ofSelection = dids.size > 0;
  const asked = useCoverage(ofSelection && isWanted ? footprints : null);
  if (!ofSelection)
    return {
      moc: overview.moc,
      label: "",
      reason: overview.moc === null ? "the service has none for this answer" : null,
      fault: null,
    };
  const label = wordsOf(known, dids.size);
  if (footprints.length === 0)
    return { moc: null, label, reason: "no field of view is known of them", fault: null };
  const fault = asked.error ? explain(asked.error) : null;
  return { moc: asked.data?.moc ?? null, label, reason: null, fault };
}
