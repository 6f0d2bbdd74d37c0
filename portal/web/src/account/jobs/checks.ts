// What is wrong with a job's parameters, before anything is sent.
import type { Schemas } from "../../api/client";

export type Parameter = Schemas["Parameter"];

function unitOf(parameter: Parameter): string {
  return parameter.unit ? ` ${parameter.unit}` : "";
}

/** The limits of a parameter in words; null where it has none. */
export function limitsInWords(parameter: Parameter): string | null {
  const { low, high } = parameter;
  const unit = unitOf(parameter);
  if (low !== null && high !== null) return `from ${low} to ${high}${unit}`;
  if (low !== null) return `at least ${low}${unit}`;
  if (high !== null) return `at most ${high}${unit}`;
  return null;
}

/** What is wrong with a value, or null if nothing is. An empty one leaves the choice to the service. */
export function complaint(parameter: Parameter, text: string): string | null {
  const value = text.trim();
  if (value === "") return null;
  if (parameter.kind === "choice")
    return (parameter.choices ?? []).includes(value)
      ? null
      : `“${value}” is none of the choices: ${(parameter.choices ?? []).join(", ")}.`;
  if (parameter.kind === "text") return null;
  const number = Number(value);
  if (!Number.isFinite(number)) return `“${value}” is not a number.`;
  const { low, high } = parameter;
  const isOutside = (low !== null && number < low) || (high !== null && number > high);
  return isOutside ? `${value} is out of range: ${limitsInWords(parameter)}.` : null;
}

/** All complaints, by the parameters' names. */
export function complaints(
  parameters: Parameter[],
  values: Record<string, string>,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const parameter of parameters) {
    const wrong = complaint(parameter, values[parameter.name] ?? "");
    if (wrong !== null) found[parameter.name] = wrong;
  }
  return found;
}

/** What is sent: values as they are filled in, without the empty ones. */
export function toSend(
  parameters: Parameter[],
  values: Record<string, string>,
): Record<string, string> {
  const filled = parameters.map(({ name }) => [name, (values[name] ?? "").trim()] as const);
  return Object.fromEntries(filled.filter(([, value]) => value !== ""));
}
