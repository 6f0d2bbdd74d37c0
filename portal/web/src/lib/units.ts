// Units of search fields that people may want to change.

const FAMILIES: Record<string, number>[] = [
  { s: 1, min: 60, h: 3600 },
  { deg: 1, arcmin: 1 / 60, arcsec: 1 / 3600 },
];

/** The units in which a value may be given where the service has it in this one. */
export function unitsLike(unit: string | null): string[] {
  if (unit === null) return [];
  const family = FAMILIES.find((units) => unit in units);
  return family ? Object.keys(family) : [unit];
}

/** Bring a value from one unit to another of the same kind. */
export function convert(value: number, from: string, to: string): number {
  if (from === to) return value;
  const family = FAMILIES.find((units) => from in units && to in units);
  if (!family) throw new Error(`There is no way from ${from} to ${to}.`);
  return Number(((value * (family[from] as number)) / (family[to] as number)).toPrecision(15));
}
