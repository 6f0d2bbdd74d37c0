// Parts of a search that the service cannot answer: they are said, and nothing is searched meanwhile.
import type { Schemas } from "../api/client";
import type { Search } from "../state/view";

export type Ignored = Schemas["Ignored"];
type Capabilities = Schemas["Capabilities"];
type FeatureKey = Schemas["Feature"]["key"];

/** Whether a feature can be used, and why not. A feature that is not named is taken for absent. */
export function featureState(capabilities: Capabilities, key: FeatureKey): Schemas["Availability"] {
  const feature = capabilities.features.find((one) => one.key === key);
  return feature?.state ?? { available: false, reason: "The service does not say that it can." };
}

const NAMES: Record<string, string> = {
  cone: "Position",
  time: "Time",
  intervals: "Time intervals",
  energy: "Energy",
};
const USUAL = "The service cannot do this.";

/** The features that a search needs, each with the part of the search that needs it. */
function needs(search: Search): [part: string, key: FeatureKey][] {
  const used: [string, FeatureKey][] = [];
  if (search.cone) used.push(["cone", search.cone.what === "region" ? "region" : "cone"]);
  if (search.time) used.push(["time", "time"]);
  if (search.intervals) used.push(["intervals", "intervals"]);
  if (search.energy) used.push(["energy", "energy"]);
  return used;
}

/** What of the search the service cannot answer, by its capabilities. Parts are called as the server does. */
export function findImpossible(search: Search, capabilities: Capabilities): Ignored[] {
  const found: Ignored[] = [];
  for (const [part, key] of needs(search)) {
    const state = featureState(capabilities, key);
    if (!state.available) found.push({ part, reason: state.reason ?? USUAL });
  }
  for (const { field } of search.conditions ?? []) {
    const info = capabilities.fields.find(({ key }) => key === field);
    const part = `conditions.${field}`;
    if (!info) found.push({ part, reason: "This service does not know such a field." });
    else if (!info.state.available) found.push({ part, reason: info.state.reason ?? USUAL });
  }
  return found;
}

/** What the page and the server found, each part once. */
export function joined(here: Ignored[], there: Ignored[]): Ignored[] {
  const known = new Set(here.map(({ part }) => part));
  return [...here, ...there.filter(({ part }) => !known.has(part))];
}

/** What people call a part of the search. */
export function partName(part: string, capabilities: Capabilities): string {
  const field = part.replace(/^conditions\./, "");
  const info = capabilities.fields.find(({ key }) => key === field);
  return NAMES[part] ?? info?.label ?? field;
}

/** A reason without the name of what it is about, where that is said beside it. */
export function bare(reason: string | null | undefined, name: string): string {
  const text = reason ?? USUAL;
  return text.startsWith(`${name}: `) ? text.slice(name.length + 2) : text;
}
