// Numbers and times for people.

const UNITS = ["kB", "MB", "GB", "TB", "PB"];

/** A count with separators of thousands. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** A count with its noun: "1 data set", "2 data sets". */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** Bytes in decimal units with three digits. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return "unknown";
  if (value < 1000) return `${value} B`;
  let scaled = value;
  let unit = "B";
  for (const next of UNITS) {
    // What would be rounded to 1000 is shown in the next unit.
    if (scaled < 999.5) break;
    scaled /= 1000;
    unit = next;
  }
  return `${scaled >= 99.95 ? scaled.toFixed(0) : scaled >= 9.995 ? scaled.toFixed(1) : scaled.toFixed(2)} ${unit}`;
}

/** The size of several things, and of how many it is not known. */
export function totalSize(items: { size?: number | null }[]): { bytes: number; unknown: number } {
  let sum = 0;
  let unknown = 0;
  for (const { size } of items) {
    if (size === null || size === undefined) unknown += 1;
    else sum += size;
  }
  return { bytes: sum, unknown };
}

/** The same in words. */
export function totalInWords(items: { size?: number | null }[]): string {
  const total = totalSize(items);
  if (total.unknown === 0) return bytes(total.bytes);
  if (total.unknown === items.length) return "size unknown";
  return `at least ${bytes(total.bytes)} (of ${count(total.unknown)} the size is unknown)`;
}

/** Date and time in UTC, to the minute. */
export function when(iso: string | null | undefined): string {
  const time = iso ? new Date(iso) : null;
  if (time === null || Number.isNaN(time.getTime())) return "unknown";
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** How long something took, such as "3 min 20 s". */
export function duration(from: string | null, to: string | null): string | null {
  if (from === null || to === null) return null;
  const seconds = Math.round((Date.parse(to) - Date.parse(from)) / 1000);
  if (!Number.isFinite(seconds) || seconds < 0) return null;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
