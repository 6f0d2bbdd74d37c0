// Energies in the units people use, brought to eV.

/** An energy that cannot be understood; the message is for people. */
export class EnergyError extends Error {
  override name = "EnergyError";
}

// 1 eV = 1.602176634e-19 J and h = 6.62607015e-34 J s, both exact (SI).
const JOULE = 1 / 1.602176634e-19;
const HERTZ = 6.62607015e-34 * JOULE;

/** How many eV each unit is. */
export const UNITS = {
  eV: 1,
  keV: 1e3,
  MeV: 1e6,
  GeV: 1e9,
  TeV: 1e12,
  PeV: 1e15,
  erg: 1e-7 * JOULE,
  J: JOULE,
  Hz: HERTZ,
} as const;

export type EnergyUnit = keyof typeof UNITS;

export const UNIT_NAMES = Object.keys(UNITS) as EnergyUnit[];

const NUMBER = /^\+?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?\s*([a-z]*)$/i;

function unitOf(name: string): EnergyUnit {
  const exact = UNIT_NAMES.find((unit) => unit === name);
  if (exact) return exact;
  // mev may be a typing of MeV; there are no milli-electronvolts here.
  const same = UNIT_NAMES.find((unit) => unit.toLowerCase() === name.toLowerCase());
  if (same) return same;
  throw new EnergyError(`'${name}' is not a unit known here; there are ${UNIT_NAMES.join(", ")}.`);
}

/** Read an energy in eV. A unit written behind the number counts more than the one given. */
export function parseEnergy(text: string, unit: EnergyUnit): number {
  const match = NUMBER.exec(text.trim());
  if (!match) throw new EnergyError(`'${text.trim()}' is not an energy such as 0.5 or 500 GeV.`);
  const [, mantissa, exponent = "", written] = match;
  const value = Number(`${mantissa}${exponent}`);
  const energy = value * UNITS[written ? unitOf(written) : unit];
  if (!(energy > 0 && Number.isFinite(energy)))
    throw new EnergyError("An energy must be greater than 0.");
  return Number(energy.toPrecision(15));
}

/** Write an energy as a number of the unit. */
export function formatEnergy(energy: number, unit: EnergyUnit): string {
  return String(Number((energy / UNITS[unit]).toPrecision(12)));
}
