// A layer over the map with all fields of view. The sphere is on the graphics card, so that a moved map
// costs a handful of draw calls, and a changed selection only its own lines.
import type { Camera } from "./camera";
import { linesOf, marked, type Scene } from "./scene";
import { LINE, MARK, PLACE } from "./shaders";

export const COLOURS = {
  region: "#56c7ff",
  pointing: "#ffffff",
  target: "#ff8ad8",
  selected: "#ffc300",
} as const;

type Rgba = [number, number, number, number];

function rgba(hex: string, alpha: number): Rgba {
  const part = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16) / 255;
  return [part(1), part(3), part(5), alpha];
}

function compile(gl: WebGL2RenderingContext, kind: number, source: string): WebGLShader {
  const shader = gl.createShader(kind);
  if (!shader) throw new Error("The graphics card gives no shader.");
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}

class Program {
  readonly program: WebGLProgram;
  private readonly places = new Map<string, WebGLUniformLocation | null>();

  constructor(
    readonly gl: WebGL2RenderingContext,
    vertex: string,
    fragment: string,
  ) {
    this.program = gl.createProgram();
    gl.attachShader(this.program, compile(gl, gl.VERTEX_SHADER, vertex));
    gl.attachShader(this.program, compile(gl, gl.FRAGMENT_SHADER, fragment));
    gl.bindAttribLocation(this.program, 0, "place");
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS))
      throw new Error(`The map's layer: ${gl.getProgramInfoLog(this.program) ?? "no program"}`);
  }

  at(name: string): WebGLUniformLocation | null {
    if (!this.places.has(name))
      this.places.set(name, this.gl.getUniformLocation(this.program, name));
    return this.places.get(name) ?? null;
  }
}

/** The buffers of one scene on one context. */
class Stock {
  readonly corners: WebGLBuffer;
  readonly lines: WebGLBuffer;
  readonly selectedLines: WebGLBuffer;
  readonly pointings: WebGLBuffer;
  readonly targets: WebGLBuffer;
  readonly selectedPointings: WebGLBuffer;
  count = { lines: 0, selectedLines: 0, pointings: 0, targets: 0, selectedPointings: 0 };

  constructor(readonly gl: WebGL2RenderingContext) {
    [this.corners, this.lines, this.selectedLines] = [
      gl.createBuffer(),
      gl.createBuffer(),
      gl.createBuffer(),
    ];
    [this.pointings, this.targets, this.selectedPointings] = [
      gl.createBuffer(),
      gl.createBuffer(),
      gl.createBuffer(),
    ];
  }

  fill(kind: number, buffer: WebGLBuffer, numbers: Float32Array | Uint32Array): number {
    this.gl.bindBuffer(kind, buffer);
    this.gl.bufferData(kind, numbers, this.gl.DYNAMIC_DRAW);
    return numbers.length;
  }
}

/** A canvas with fields of view, pointings and targets. */
export class Layer {
  readonly canvas = document.createElement("canvas");
  private gl: WebGL2RenderingContext;
  private line!: Program;
  private mark!: Program;
  private stock!: Stock;
  private scene: Scene | null = null;
  private dids: ReadonlySet<string> = new Set();
  private selectedOutlines: Set<number> = new Set();
  private camera: Camera | null = null;
  /** The radius in pixels up to which the lines on the card are fine enough. */
  private pixels = Number.NaN;

  constructor() {
    this.canvas.className = "results-layer";
    const gl = this.canvas.getContext("webgl2", { premultipliedAlpha: true, antialias: false });
    if (!gl) throw new Error("This browser has no WebGL 2.");
    this.gl = gl;
    this.build();
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.build();
      if (this.scene) this.show(this.scene, this.dids);
      if (this.camera) this.draw(this.camera);
    });
  }

  private build(): void {
    const { gl } = this;
    this.line = new Program(gl, PLACE, LINE);
    this.mark = new Program(gl, PLACE, MARK);
    this.stock = new Stock(gl);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.enableVertexAttribArray(0);
  }

  /** Take other rows. */
  show(scene: Scene, dids: ReadonlySet<string>): void {
    const { gl, stock } = this;
    this.scene = scene;
    stock.fill(gl.ARRAY_BUFFER, stock.corners, scene.corners);
    this.pixels = Number.NaN;
    stock.count.pointings = stock.fill(gl.ARRAY_BUFFER, stock.pointings, scene.pointings) / 3;
    stock.count.targets = stock.fill(gl.ARRAY_BUFFER, stock.targets, scene.targets) / 3;
    this.select(dids);
  }

  /** Mark other rows; the lines of all others stay as they are. */
  select(dids: ReadonlySet<string>): void {
    this.dids = dids;
    if (!this.scene) return;
    const { gl, stock } = this;
    const { outlines, pointings } = marked(this.scene, dids);
    this.selectedOutlines = outlines;
    this.fillSelected();
    stock.count.selectedPointings = stock.fill(
      gl.ELEMENT_ARRAY_BUFFER,
      stock.selectedPointings,
      pointings,
    );
  }

  private fillSelected(): void {
    const { gl, stock, scene } = this;
    if (!scene) return;
    const lines = linesOf(scene, this.selectedOutlines, this.pixels);
    stock.count.selectedLines = stock.fill(gl.ELEMENT_ARRAY_BUFFER, stock.selectedLines, lines);
  }

  /** Take as many corners as can be seen: software that draws for want of a graphics card needs it. */
  private refine(camera: Camera): void {
    const { gl, stock, scene } = this;
    if (!scene) return;
    const [ex, ey] = camera.matrix;
    const radius = Math.sin(Math.min(90, scene.widest) * (Math.PI / 180)) * Math.hypot(ex, ey);
    // In steps, so that a zoom does not fill buffers in every frame.
    const pixels = 2 ** (Math.ceil(2 * Math.log2(Math.max(1, radius))) / 2);
    if (pixels === this.pixels) return;
    this.pixels = pixels;
    const lines = linesOf(scene, scene.outlines.keys(), pixels);
    stock.count.lines = stock.fill(gl.ELEMENT_ARRAY_BUFFER, stock.lines, lines);
    this.fillSelected();
  }

  private use(program: Program, camera: Camera, size: number): void {
    const { gl } = this;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const [sx, sy] = [2 / width, -2 / height];
    const [ex, ey, nx, ny] = camera.matrix;
    // biome-ignore lint/correctness/useHookAtTopLevel: WebGL's word, not React's.
    gl.useProgram(program.program);
    gl.uniform3fv(program.at("centre"), camera.centre);
    gl.uniform3fv(program.at("east"), camera.east);
    gl.uniform3fv(program.at("north"), camera.north);
    gl.uniform4f(program.at("scale"), ex * sx, ey * sy, nx * sx, ny * sy);
    gl.uniform2f(program.at("origin"), camera.x * sx - 1, camera.y * sy + 1);
    gl.uniform2f(program.at("shift"), 0, 0);
    gl.uniform1f(program.at("size"), size);
  }

  private outlines(camera: Camera, index: WebGLBuffer, count: number, colour: Rgba, wide: boolean) {
    if (count === 0) return;
    const { gl, line, stock } = this;
    this.use(line, camera, 1);
    gl.uniform4fv(line.at("colour"), colour);
    gl.bindBuffer(gl.ARRAY_BUFFER, stock.corners);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, index);
    // Lines are one pixel wide everywhere; a wide one is drawn again beside itself.
    const [px, py] = [2 / this.canvas.width, 2 / this.canvas.height];
    const beside = wide
      ? [
          [0, 0],
          [px, 0],
          [-px, 0],
          [0, py],
          [0, -py],
        ]
      : [[0, 0]];
    for (const [x = 0, y = 0] of beside) {
      gl.uniform2f(line.at("shift"), x, y);
      gl.drawElements(gl.LINES, count, gl.UNSIGNED_INT, 0);
    }
  }

  private markers(camera: Camera, places: WebGLBuffer, shape: number, size: number, colour: Rgba) {
    const { gl, mark } = this;
    const pixels = size * (this.canvas.width / Math.max(1, this.canvas.clientWidth));
    this.use(mark, camera, pixels);
    gl.uniform4fv(mark.at("colour"), colour);
    gl.uniform1f(mark.at("shape"), shape);
    gl.bindBuffer(gl.ARRAY_BUFFER, places);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
  }

  /** The size of markers: smaller where so many are in view that they would cover the map. */
  private sizeOf(camera: Camera, count: number, usual: number): number {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const [ex, ey] = camera.matrix;
    const sphere = 4 * Math.PI * (ex * ex + ey * ey);
    const seen = (count * width * height) / Math.max(sphere, width * height);
    return Math.max(3, Math.min(usual, Math.sqrt((0.2 * width * height) / Math.max(1, seen))));
  }

  /** Draw everything as this camera sees it. */
  draw(camera: Camera): void {
    const { gl, stock, canvas } = this;
    const { count } = stock;
    this.camera = camera;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height)
      [canvas.width, canvas.height] = [width, height];
    this.refine(camera);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.outlines(camera, stock.lines, count.lines, rgba(COLOURS.region, 0.75), false);
    this.markers(
      camera,
      stock.targets,
      1,
      this.sizeOf(camera, count.targets, 15),
      rgba(COLOURS.target, 1),
    );
    gl.drawArrays(gl.POINTS, 0, count.targets);
    const size = this.sizeOf(camera, count.pointings, 11);
    this.markers(camera, stock.pointings, 0, size, rgba(COLOURS.pointing, 1));
    gl.drawArrays(gl.POINTS, 0, count.pointings);
    this.outlines(
      camera,
      stock.selectedLines,
      count.selectedLines,
      rgba(COLOURS.selected, 1),
      true,
    );
    this.markers(camera, stock.pointings, 0, size + 2, rgba(COLOURS.selected, 1));
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, stock.selectedPointings);
    gl.drawElements(gl.POINTS, count.selectedPointings, gl.UNSIGNED_INT, 0);
  }
}
