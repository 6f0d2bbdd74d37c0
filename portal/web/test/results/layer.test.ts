import { beforeEach, describe, expect, it } from "vitest";
import type { Camera } from "../../src/results/camera";
import { axes, vector } from "../../src/results/geometry";
import { Layer } from "../../src/results/layer";
import { makeScene } from "../../src/results/scene";
import { called, reset, setCard } from "./recorders";
import { observed } from "./rows";

const camera: Camera = {
  centre: vector(83.6, 22),
  ...axes(83.6, 22),
  x: 30,
  y: 15,
  matrix: [-300, 0, 0, -300],
};

function shownPixels(): Uint8ClampedArray {
  const [image] = called("paper.putImageData").at(-1) as [ImageData];
  return image.data;
}

describe("the map's layer", () => {
  beforeEach(reset);

  it("is drawn by the card where there is one", () => {
    setCard(true);
    const layer = new Layer();
    layer.show(makeScene([observed("a")]), new Set());
    layer.draw(camera);
    expect(called("gl.clear")).toHaveLength(1);
    expect(called("paper.putImageData")).toHaveLength(0);
  });

  it("is drawn by the program where the card is only software", () => {
    setCard(true, "ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)))");
    const layer = new Layer();
    layer.draw(camera);
    expect(shownPixels().every((byte) => byte === 0)).toBe(true);
    layer.show(makeScene([observed("a")]), new Set());
    Object.defineProperties(layer.canvas, {
      clientWidth: { value: 60 },
      clientHeight: { value: 30 },
    });
    layer.draw(camera);
    const pixels = new Uint32Array(shownPixels().buffer);
    const colours = new Set(pixels);
    // Field of view (which can be seen through), pointing, target and the markers' rims.
    for (const colour of [0xbfffc756, 0xffffffff, 0xffd88aff, 0xff000000])
      expect(colours).toContain(colour);
    layer.select(new Set(["a"]));
    layer.draw(camera, true);
    expect(new Set(new Uint32Array(shownPixels().buffer))).toContain(0xff00c3ff);
  });
});
