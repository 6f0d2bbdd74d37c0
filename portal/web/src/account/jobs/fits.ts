// What a map's file says about its values, so that colours can be told: the range and the unit.

const CARD = 80;
const BLOCK = 2880;
const MOST_CARDS = 36 * 200;

/** The values of a map. */
export interface Range {
  low: number;
  high: number;
  unit: string | null;
}

type Header = Map<string, string>;

/** Read the cards of the first header. Null where this is no FITS file. */
function readHeader(bytes: Uint8Array): { header: Header; length: number } | null {
  const text = new TextDecoder("latin1");
  const header: Header = new Map();
  for (let card = 0; card < MOST_CARDS; card++) {
    const start = card * CARD;
    if (start + CARD > bytes.length) return null;
    const line = text.decode(bytes.subarray(start, start + CARD));
    const name = line.slice(0, 8).trimEnd();
    if (card === 0 && name !== "SIMPLE") return null;
    if (name === "END") return { header, length: Math.ceil((start + CARD) / BLOCK) * BLOCK };
    if (line.slice(8, 10) !== "= ") continue;
    const quoted = /^\s*'((?:[^']|'')*)'/.exec(line.slice(10));
    header.set(name, (quoted?.[1] ?? line.slice(10).split("/")[0] ?? "").trim());
  }
  return null;
}

/** The range of a map of real numbers (BITPIX -32 or -64); null where it is none or has no value. */
export function readRange(buffer: ArrayBuffer): Range | null {
  const read = readHeader(new Uint8Array(buffer));
  if (read === null) return null;
  const { header, length } = read;
  const bits = Number(header.get("BITPIX"));
  if (bits !== -32 && bits !== -64) return null;
  const axes = Number(header.get("NAXIS"));
  let count = axes > 0 ? 1 : 0;
  for (let axis = 1; axis <= axes; axis++) count *= Number(header.get(`NAXIS${axis}`));
  const size = -bits / 8;
  if (!(count >= 0) || length + count * size > buffer.byteLength) return null;
  const view = new DataView(buffer, length);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < count * size; at += size) {
    const value = size === 4 ? view.getFloat32(at) : view.getFloat64(at);
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? { low, high, unit: header.get("BUNIT") || null } : null;
}
