import { describe, expect, it } from "vitest";
import type { Schemas } from "../../src/api/client";
import { itemsOfPage, itemsOfSelection } from "../../src/results/basketitems";
import { askedColumns } from "../../src/results/columns";
import { column, observed } from "./rows";

const names = ["obs_publisher_did", "access_format", "access_estsize"];
const page = (rows: Schemas["Page"]["rows"], with_ = names): Schemas["Page"] => ({
  columns: with_.map((name) => column(name)),
  rows,
  offset: 0,
  overflow: false,
  adql: "SELECT",
  key_column: "obs_publisher_did",
  seconds: 0.1,
});

describe("the size of what goes into a basket", () => {
  it("is that of the data, never that of a document of links", () => {
    const found = page([
      ["a", "application/fits", 12],
      ["b", "application/x-votable+xml;content=datalink", 10],
      ["c", null, null],
    ]);
    expect(itemsOfPage("own", found, []).map(({ size }) => size)).toEqual([12_000, null, null]);
  });
  it("comes from the overview where the page does not have it", () => {
    const found = page([["a"]], names.slice(0, 1));
    const items = itemsOfSelection("own", ["a"], found, [observed("a", { size: 7 })]);
    expect(items.map(({ size }) => size)).toEqual([7]);
  });
  it("needs the format, which is asked for as well", () => {
    const known = names.map((name) => column(name));
    expect(askedColumns(["access_estsize"], known)).toEqual(names);
    expect(askedColumns(["access_format"], known)).toEqual([names[0], "access_format"]);
    expect(askedColumns(["access_estsize"], [])).toEqual(["access_estsize"]);
    expect(askedColumns(null, known)).toBeNull();
  });
});
