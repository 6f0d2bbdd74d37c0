// What astropy says; see tests/portal/fixtures/make_*.py.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

export function fixture<T>(name: string): T {
  const path = resolve(__dirname, "../../../../tests/portal/fixtures", name);
  return JSON.parse(readFileSync(path, "utf-8")) as T;
}
