// The map's grid, which is left out on the way where software draws the map: it takes as long as the sky.

/** What is asked of the map; Aladin has it. */
export interface Gridded {
  showCooGrid(): void;
  hideCooGrid(): void;
}

export class Grid {
  private isShown = true;

  /**
   * @param map The map, with its grid.
   * @param isCostly Whether drawing takes long here.
   */
  constructor(
    private readonly map: Gridded,
    private readonly isCostly: boolean,
  ) {}

  /** Hear whether the map moves. */
  tell(isMoving: boolean): void {
    const isWanted = !(isMoving && this.isCostly);
    if (isWanted === this.isShown) return;
    this.isShown = isWanted;
    if (isWanted) this.map.showCooGrid();
    else this.map.hideCooGrid();
  }
}
