// Draws the map's layer on the graphics card, which has the sphere.
import type { Camera } from "./camera";
import type { Look, Painter, Rgba } from "./painter";
import type { Scene } from "./scene";
import { LINE, MARK, PLACE } from "./shaders";

/** What is drawn once more beside a wide line: lines are one pixel wide everywhere. */
const BESIDE = [
  [0, 0],
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
] as const;

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

export class Card implements Painter {
  private readonly line: Program;
  private readonly mark: Program;
  private readonly stock: Record<"corners" | "pointings" | "targets" | "drawn", WebGLBuffer>;
  private ratio = 1;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.line = new Program(gl, PLACE, LINE);
    this.mark = new Program(gl, PLACE, MARK);
    this.stock = {
      corners: gl.createBuffer(),
      pointings: gl.createBuffer(),
      targets: gl.createBuffer(),
      drawn: gl.createBuffer(),
    };
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.enableVertexAttribArray(0);
  }

  take(scene: Scene): void {
    const { gl, stock } = this;
    for (const what of ["corners", "pointings", "targets"] as const) {
      gl.bindBuffer(gl.ARRAY_BUFFER, stock[what]);
      gl.bufferData(gl.ARRAY_BUFFER, scene[what], gl.STATIC_DRAW);
    }
  }

  begin(ratio: number): void {
    const { gl } = this;
    this.ratio = ratio;
    gl.viewport(0, 0, gl.canvas.width, gl.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  /** Say what is drawn next, with which program. */
  private use(
    program: Program,
    camera: Camera,
    what: "corners" | "pointings" | "targets",
    numbers: Uint32Array,
  ): void {
    const { gl, stock, ratio } = this;
    const [sx, sy] = [(2 * ratio) / gl.canvas.width, (-2 * ratio) / gl.canvas.height];
    const [ex, ey, nx, ny] = camera.matrix;
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, stock.drawn);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, numbers, gl.STREAM_DRAW);
    // biome-ignore lint/correctness/useHookAtTopLevel: WebGL's word, not React's.
    gl.useProgram(program.program);
    gl.uniform3fv(program.at("centre"), camera.centre);
    gl.uniform3fv(program.at("east"), camera.east);
    gl.uniform3fv(program.at("north"), camera.north);
    gl.uniform4f(program.at("scale"), ex * sx, ey * sy, nx * sx, ny * sy);
    gl.uniform2f(program.at("origin"), camera.x * sx - 1, camera.y * sy + 1);
    gl.bindBuffer(gl.ARRAY_BUFFER, stock[what]);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
  }

  lines(camera: Camera, ends: Uint32Array, colour: Rgba, isWide: boolean): void {
    const { gl, line } = this;
    this.use(line, camera, "corners", ends);
    gl.uniform1f(line.at("size"), 1);
    gl.uniform4fv(line.at("colour"), colour);
    for (const [x, y] of isWide ? BESIDE : BESIDE.slice(0, 1)) {
      gl.uniform2f(line.at("shift"), (2 * x) / gl.canvas.width, (2 * y) / gl.canvas.height);
      gl.drawElements(gl.LINES, ends.length, gl.UNSIGNED_INT, 0);
    }
  }

  markers(camera: Camera, places: "pointings" | "targets", numbers: Uint32Array, look: Look): void {
    const { gl, mark } = this;
    this.use(mark, camera, places, numbers);
    gl.uniform2f(mark.at("shift"), 0, 0);
    gl.uniform1f(mark.at("size"), look.size * this.ratio);
    gl.uniform4fv(mark.at("colour"), look.colour);
    gl.uniform1f(mark.at("shape"), look.shape === "cross" ? 0 : 1);
    gl.drawElements(gl.POINTS, numbers.length, gl.UNSIGNED_INT, 0);
  }

  end(): void {
    // The card shows it by itself.
  }
}
