import { describe, expect, it } from "vitest";
import { Grid } from "../../src/results/grid";

function told(isCostly: boolean, ...moves: boolean[]): string[] {
  const said: string[] = [];
  const map = { showCooGrid: () => said.push("shown"), hideCooGrid: () => said.push("hidden") };
  const grid = new Grid(map, isCostly);
  for (const isMoving of moves) grid.tell(isMoving);
  return said;
}

describe("the map's grid", () => {
  it("is left out on the way, and comes back, where drawing takes long", () => {
    expect(told(true, false, true, true, false, false, true)).toEqual([
      "hidden",
      "shown",
      "hidden",
    ]);
  });

  it("stays where a graphics card draws", () => {
    expect(told(false, false, true, true, false)).toEqual([]);
  });
});
