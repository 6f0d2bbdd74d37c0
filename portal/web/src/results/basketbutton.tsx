// Puts data sets into the basket: the selected ones, those of the page, or the whole answer.
import { useState } from "react";
import type { Schemas } from "../api/client";
import { useBasket } from "../basket/basket";
import { itemsOfPage, itemsOfRows, itemsOfSelection, unique } from "./basketitems";
import { formatCount } from "./format";
import { Menu } from "./menu";
import { keysOf } from "./table";

type Item = Schemas["Item"];

interface Props {
  service: string;
  page: Schemas["Page"] | undefined;
  overview: Schemas["Overview"] | undefined;
  selected: ReadonlySet<string>;
  most: number;
}

/** The whole answer as far as it can go into a basket, and what stays out. */
export function wholeAnswer(
  service: string,
  overview: Schemas["Overview"],
  most: number,
): { items: Item[]; left: number } {
  const all = unique(itemsOfRows(service, overview.rows));
  const items = all.slice(0, most);
  const twice = overview.rows.length - all.length;
  return { items, left: Math.max(0, overview.total - twice - items.length) };
}

/** Buttons to the basket, and what they did. */
export function BasketButtons({ service, page, overview, selected, most }: Props) {
  const basket = useBasket();
  const [said, setSaid] = useState<string | null>(null);
  const add = async (items: Item[], left: number) => {
    const fresh = items.filter((item) => !basket.has(item.service, item.did)).length;
    setSaid("Adding");
    await basket.add(items);
    const known = items.length - fresh;
    setSaid(
      `${formatCount(fresh)} data set${fresh === 1 ? "" : "s"} went to the basket.` +
        (known > 0 ? ` ${formatCount(known)} were there already.` : "") +
        (left > 0
          ? ` ${formatCount(left)} of the answer stay out: a basket takes ${formatCount(most)}, and what is put in at once is what map and plots show.`
          : ""),
    );
  };
  const rows = overview?.rows ?? [];
  const pageItems = page && keysOf(page) ? unique(itemsOfPage(service, page, rows)) : [];
  const whole = overview ? wholeAnswer(service, overview, most) : null;
  const choice = (text: string, items: Item[], left = 0) => (
    <li>
      <button
        type="button"
        className="dropdown-item"
        disabled={items.length === 0}
        onClick={() => add(items, left)}
      >
        {text}
      </button>
    </li>
  );
  const wholeText = whole
    ? whole.left > 0
      ? `The first ${formatCount(whole.items.length)} of the answer (${formatCount(whole.left)} stay out)`
      : `The whole answer (${formatCount(whole.items.length)})`
    : "The whole answer";
  return (
    <>
      <Menu label={`Add to basket (${formatCount(basket.count)} in it)`}>
        {choice(
          `The selected data sets (${formatCount(selected.size)})`,
          itemsOfSelection(service, selected, page, rows),
        )}
        {choice(`This page (${formatCount(pageItems.length)})`, pageItems)}
        {choice(wholeText, whole?.items ?? [], whole?.left)}
      </Menu>
      {said && (
        <span role="status" className="small">
          {basket.error ? null : said}
        </span>
      )}
      {basket.error && (
        <span role="alert" className="small text-danger">
          {basket.error.message}
        </span>
      )}
    </>
  );
}
