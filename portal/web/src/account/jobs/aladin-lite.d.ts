// What of Aladin Lite 3 a job's maps use; the package has no types of its own.
declare module "aladin-lite" {
  export interface FitsLayer {
    setCuts(low: number, high: number): void;
  }
  export interface FitsSky {
    gotoRaDec(ra: number, dec: number): void;
    setFoV(degrees: number): void;
    increaseZoom(): void;
    decreaseZoom(): void;
    setBaseImageLayer(image: FitsLayer): unknown;
  }
  export interface FitsLibrary {
    init: Promise<void>;
    aladin(element: HTMLElement, options: Record<string, unknown>): FitsSky;
    image(url: string, options: Record<string, unknown>): FitsLayer;
  }
}
