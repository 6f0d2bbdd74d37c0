// A server's baskets for tests: what it is told, it keeps.
import type { Schemas } from "../../src/api/client";
import { itemKey, joined, keyOf } from "../../src/basket/stored";
import { info, LOGGED_IN, basket as make } from "../account/fixtures";
import { type Asked, problem, type Routes } from "../server";

type Basket = Schemas["Basket"];
type Body = Partial<Basket & Schemas["ItemKeys"] & Schemas["Merge"]>;

export class Baskets {
  /** While true, nothing reaches the server. */
  away = false;
  /** While true, the server does what it is asked, and its answer gets lost. */
  mute = false;

  constructor(public all: Basket[]) {}

  find(id: string): Basket | undefined {
    return this.all.find((one) => one.id === id);
  }

  private keep(basket: Basket): Basket {
    const kept = { ...basket, count: basket.items.length };
    const known = this.find(basket.id) !== undefined;
    this.all = known
      ? this.all.map((one) => (one.id === kept.id ? kept : one))
      : [...this.all, kept];
    return kept;
  }

  private answer(asked: Asked): unknown {
    const [, , , id = "", what = "", word = ""] = asked.path.split("/");
    const body = (asked.body ?? {}) as Body;
    const key = `${asked.method} ${[what, word].filter(Boolean).join("/")}`;
    if (id === "") {
      if (asked.method === "GET") return this.all.map(info);
      return this.keep(make(this.all.length + 1, body));
    }
    const there = this.find(id);
    if (!there) return problem(404, "no_basket", "You have no such basket.");
    if (key === "GET ") return there;
    if (key === "PATCH ") return info(this.keep({ ...there, ...body }));
    if (key === "DELETE ") {
      this.all = this.all.filter((one) => one.id !== id);
      return undefined;
    }
    return this.change(key, there, body);
  }

  private change(key: string, there: Basket, body: Body): unknown {
    if (key === "POST items")
      return this.keep({ ...there, items: joined(there.items, body.items ?? []) });
    if (key === "POST items/remove") {
      const gone = new Set((body.keys ?? []).map((pair) => keyOf(...pair)));
      return this.keep({ ...there, items: there.items.filter((one) => !gone.has(itemKey(one))) });
    }
    if (key === "POST duplicate")
      return this.keep(make(this.all.length + 1, { items: there.items, name: "Copy" }));
    if (key === "POST merge") {
      const more = (body.sources ?? []).flatMap((source) => this.find(source)?.items ?? []);
      return this.keep({ ...there, items: joined(there.items, more) });
    }
    if (key === "POST share") {
      this.keep({ ...there, shared: "token" });
      return { token: "token" };
    }
    if (key === "DELETE share") {
      this.keep({ ...there, shared: null });
      return undefined;
    }
    return problem(404, "not_found", "There is nothing.");
  }

  private handle = (asked: Asked): unknown => {
    if (this.away) throw new TypeError("network");
    const answer = this.answer(asked);
    if (this.mute && asked.method !== "GET") throw new TypeError("network");
    return answer;
  };

  /** Routes of a server on which somebody is logged in and has these baskets. */
  routes(): Routes {
    const methods = ["GET", "POST", "PATCH", "DELETE"];
    const paths = methods.flatMap((method) => [
      `${method} /api/baskets`,
      `${method} /api/baskets/*`,
    ]);
    return { ...LOGGED_IN, ...Object.fromEntries(paths.map((path) => [path, this.handle])) };
  }
}
