// Looking up names of sources, one or those of a list.
import { useMutation } from "@tanstack/react-query";
import { useRef } from "react";
import type { Schemas } from "../api/client";
import { formatDegrees, looksLikeCoordinates } from "../lib/coordinates";
import { resolveName } from "./asking";
import type { Found, PlaceForm } from "./form";

export interface LookUp {
  isPending: boolean;
  error: Error | null;
  /** The name looked up last. */
  name: string | null;
  /** Look the name up; gives null where that failed. */
  run: (place: PlaceForm) => Promise<Found | null>;
}

const BY: Record<string, string> = {
  own: "this archive",
  simbad: "SIMBAD",
  ned: "NED",
  vizier: "VizieR",
};

function origin(resolved: Schemas["Resolved"]): string {
  const by = BY[resolved.resolver] ?? resolved.resolver;
  return resolved.object_type ? `${by} (${resolved.object_type})` : by;
}

/** Look up the name in the form, on demand. */
export function useLookUp(
  service: string,
  change: (part: (place: PlaceForm) => Partial<PlaceForm>) => void,
): LookUp {
  const asked = useRef(0);
  const mutation = useMutation({
    mutationFn: ({ name, resolver }: PlaceForm) => resolveName(name.trim(), resolver, service),
  });
  const run = async (place: PlaceForm): Promise<Found | null> => {
    asked.current += 1;
    const mine = asked.current;
    try {
      const resolved = await mutation.mutateAsync(place);
      const { ra, dec } = resolved;
      const found = { name: place.name, ra, dec, origin: origin(resolved) };
      // Where people have typed on meanwhile, the answer belongs to nothing.
      if (mine === asked.current)
        change((now) => (now.name === place.name && now.mode === "name" ? { found } : {}));
      return found;
    } catch {
      // The mutation keeps the error, and the page shows it.
      return null;
    }
  };
  const { isPending, error, variables } = mutation;
  return { isPending, error, name: variables?.name.trim() ?? null, run };
}

/** The lines of a list that are names, not coordinates. */
export function namesIn(list: string): string[] {
  const lines = list.split("\n").map((line) => line.trim());
  return lines.filter((line) => isName(line));
}

/** Whether a line of a list is a name that has to be looked up. */
export function isName(line: string): boolean {
  const coordinates = line.replace(/#.*/, "").trim();
  if (coordinates === "" || /^(gal(actic)?|icrs|ra|l|g)[\s=:]+[-+]?\d/i.test(coordinates))
    return false;
  return !looksLikeCoordinates(coordinates) && /[a-z]/i.test(coordinates);
}

/** Put coordinates in the place of names; a name that is not found stays and is told. */
export async function resolveList(
  place: PlaceForm,
  service: string,
): Promise<{ list: string; failed: string[] }> {
  const failed: string[] = [];
  const lines: string[] = [];
  for (const line of place.list.split("\n")) {
    const name = line.trim();
    if (!isName(name)) {
      lines.push(line);
      continue;
    }
    try {
      const found = await resolveName(name, place.resolver, service);
      lines.push(`icrs ${formatDegrees(found)} # ${name}`);
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      lines.push(line);
    }
  }
  return { list: lines.join("\n"), failed };
}
