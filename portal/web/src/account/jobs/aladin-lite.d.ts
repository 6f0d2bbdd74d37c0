// What of Aladin Lite 3 a job's maps use; the package has no types of its own.
declare module "aladin-lite" {
  export interface FitsLayer {
    setColormap(name: string, options?: { stretch?: string; reversed?: boolean }): void;
  }
  export interface FitsSky {
    gotoRaDec(ra: number, dec: number): void;
    setFoV(degrees: number): void;
    setBaseImageLayer(image: FitsLayer): unknown;
  }
  export interface FitsLibrary {
    init: Promise<void>;
    aladin(element: HTMLElement, options: Record<string, unknown>): FitsSky;
    image(url: string, options: Record<string, unknown>): FitsLayer;
  }
}
