// The parts of Aladin Lite 3 that the map uses; the package has no types of its own.
declare module "aladin-lite" {
  export interface AladinMoc {
    readonly type: "moc";
  }
  export interface AladinSky {
    aladinDiv: HTMLElement;
    getRaDec(): [number, number];
    getFov(): [number, number];
    setFoV(degrees: number): void;
    gotoRaDec(ra: number, dec: number): void;
    animateToRaDec(ra: number, dec: number, seconds: number): void;
    world2pix(ra: number, dec: number): [number, number] | null | undefined;
    pix2world(x: number, y: number): [number, number] | null | undefined;
    on(event: string, listener: ((given: never) => void) | null): void;
    showCooGrid(): void;
    hideCooGrid(): void;
    addMOC(moc: AladinMoc): void;
    removeOverlay(layer: AladinMoc): void;
    setBaseImageLayer(survey: unknown): unknown;
    getStackLayers(): string[];
    removeImageLayer(name: string): void;
  }
  const A: {
    init: Promise<void>;
    aladin(element: HTMLElement, options: Record<string, unknown>): AladinSky;
    MOCFromJSON(
      moc: unknown,
      options: Record<string, unknown>,
      done: () => void,
      failed: () => void,
    ): AladinMoc;
    imageHiPS(url: string, options: Record<string, unknown>): unknown;
  };
  export default A;
}
