// Data sets as items of a basket.
import type { Schemas } from "../api/client";
import { FORMAT, isOfLinks, SIZE } from "./columns";
import type { Observed } from "./scene";

type Item = Schemas["Item"];
type Page = Schemas["Page"];

function labelOf(words: unknown[], did: string): string {
  const label = words.filter((word) => typeof word === "string" && word !== "").join(" ");
  return (label || did).slice(0, 300);
}

/** Sizes as far as the overview has them, which knows what is a file and what a document of links. */
function sizesOf(rows: readonly Observed[]): Map<string, number> {
  return new Map(rows.flatMap(({ did, size }) => (size === null ? [] : [[did, size]])));
}

/** Items of the rows of a page; the overview may know sizes that the page does not have. */
export function itemsOfPage(service: string, page: Page, rows: readonly Observed[]): Item[] {
  const at = (name: string | null) => page.columns.findIndex((column) => column.name === name);
  const key = at(page.key_column);
  const size = at(SIZE);
  const format = at(FORMAT);
  const sizes = sizesOf(rows);
  const words = ["target_name", "obs_id", "dataproduct_type"].map(at);
  if (key < 0) return [];
  return page.rows.map((row) => {
    const did = String(row[key]);
    const label = labelOf(
      words.map((column) => row[column]),
      did,
    );
    // Of a document of links, ObsCore tells that document's size, and not that of the data.
    const isFile = format >= 0 && !isOfLinks(row[format]);
    const kilobytes = isFile ? row[size] : null;
    const isSize = typeof kilobytes === "number" && kilobytes >= 0;
    const known = isSize ? Math.round(kilobytes * 1000) : (sizes.get(did) ?? null);
    return { service, did, label, note: null, size: known };
  });
}

/** Items of rows of the overview. */
export function itemsOfRows(service: string, rows: readonly Observed[]): Item[] {
  const sizes = sizesOf(rows);
  return rows.map((row) => ({
    service,
    did: row.did,
    label: labelOf([row.target_name, row.obs_id, row.product], row.did),
    note: null,
    size: sizes.get(row.did) ?? null,
  }));
}

/** Items of the selected data sets; what is known of them comes from page and overview. */
export function itemsOfSelection(
  service: string,
  dids: Iterable<string>,
  page: Page | undefined,
  rows: readonly Observed[],
): Item[] {
  const known = new Map(itemsOfRows(service, rows).map((item) => [item.did, item]));
  for (const item of page ? itemsOfPage(service, page, rows) : []) known.set(item.did, item);
  return [...dids].map(
    (did) => known.get(did) ?? { service, did, label: null, note: null, size: null },
  );
}

/** One item for each data set: with `both` kinds of access_url a data set has two rows. */
export function unique(items: readonly Item[]): Item[] {
  return [...new Map(items.map((item) => [`${item.service}\n${item.did}`, item])).values()];
}
