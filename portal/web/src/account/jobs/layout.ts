// Where the nodes of a provenance graph stand: in layers, later things to the right, few crossings.
import type { Schemas } from "../../api/client";

export type Graph = Schemas["ProvenanceGraph"];
export type Node = Graph["nodes"][number];
export type Edge = Graph["edges"][number];

export interface Placed {
  node: Node;
  x: number;
  y: number;
}

export interface Layout {
  nodes: Placed[];
  /** Edges between nodes that are there, with the curve that draws them. */
  edges: { edge: Edge; path: string; x: number; y: number }[];
  width: number;
  height: number;
}

export const NODE_WIDTH = 190;
export const NODE_HEIGHT = 46;
const GAP_X = 110;
const GAP_Y = 22;
const MARGIN = 12;
const SWEEPS = 6;

/** Edges without loops and without those that would close a circle. */
function withoutCircles(nodes: Node[], edges: Edge[]): Edge[] {
  const out = new Map<string, Edge[]>(nodes.map((node) => [node.id, []]));
  for (const edge of edges)
    if (edge.source !== edge.target && out.has(edge.target)) out.get(edge.source)?.push(edge);
  const state = new Map<string, "open" | "done">();
  const kept: Edge[] = [];
  for (const { id } of nodes) {
    if (state.has(id)) continue;
    state.set(id, "open");
    // An own stack: a long chain must not be deeper than the browser's one.
    const stack = [{ id, next: 0 }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const edge = out.get(top.id)?.[top.next++];
      if (!edge) {
        state.set(top.id, "done");
        stack.pop();
      } else if (state.get(edge.target) !== "open") {
        kept.push(edge);
        if (!state.has(edge.target)) {
          state.set(edge.target, "open");
          stack.push({ id: edge.target, next: 0 });
        }
      }
    }
  }
  return kept;
}

/** The layer of each node: PROV's relations point to what was before, which stands further left. */
function layersOf(nodes: Node[], edges: Edge[]): Map<string, number> {
  const layer = new Map(nodes.map((node) => [node.id, 0]));
  const waits = new Map(nodes.map((node) => [node.id, 0]));
  const later = new Map<string, Edge[]>();
  for (const edge of edges) {
    waits.set(edge.source, (waits.get(edge.source) ?? 0) + 1);
    later.set(edge.target, [...(later.get(edge.target) ?? []), edge]);
  }
  const ready = nodes.filter((node) => waits.get(node.id) === 0).map((node) => node.id);
  for (let id = ready.shift(); id !== undefined; id = ready.shift())
    for (const edge of later.get(id) ?? []) {
      const behind = (layer.get(id) ?? 0) + 1;
      layer.set(edge.source, Math.max(layer.get(edge.source) ?? 0, behind));
      const left = (waits.get(edge.source) ?? 1) - 1;
      waits.set(edge.source, left);
      if (left === 0) ready.push(edge.source);
    }
  return layer;
}

/** Order each layer by the middle of its neighbours, forth and back. */
function ordered(columns: Node[][], edges: Edge[]): Node[][] {
  const near = new Map<string, string[]>();
  const link = (a: string, b: string) => near.set(a, [...(near.get(a) ?? []), b]);
  for (const { source, target } of edges) {
    link(source, target);
    link(target, source);
  }
  const rank = new Map<string, number>();
  const number = (column: Node[]) => {
    for (const [index, node] of column.entries()) rank.set(node.id, index);
  };
  columns.forEach(number);
  const middle = (node: Node, beside: Set<string>) => {
    const ranks = (near.get(node.id) ?? [])
      .filter((id) => beside.has(id))
      .map((id) => rank.get(id) ?? 0);
    const sum = ranks.reduce((a, b) => a + b, 0);
    return ranks.length === 0 ? (rank.get(node.id) ?? 0) : sum / ranks.length;
  };
  const sorted = [...columns];
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forth = sweep % 2 === 0;
    const order = sorted.map((_, index) => index);
    for (const index of forth ? order : order.toReversed()) {
      const beside = new Set(sorted[index + (forth ? -1 : 1)]?.map((node) => node.id) ?? []);
      const column = (sorted[index] ?? []).map((node) => ({ node, at: middle(node, beside) }));
      sorted[index] = column.toSorted((a, b) => a.at - b.at).map(({ node }) => node);
      number(sorted[index]);
    }
  }
  return sorted;
}

function curve(from: Placed, to: Placed): { path: string; x: number; y: number } {
  const [left, right] = from.x <= to.x ? [from, to] : [to, from];
  const x1 = left.x + NODE_WIDTH;
  const x2 = right.x;
  const y1 = left.y + NODE_HEIGHT / 2;
  const y2 = right.y + NODE_HEIGHT / 2;
  const bend = Math.max(30, (x2 - x1) / 2);
  const path = `M ${x1} ${y1} C ${x1 + bend} ${y1}, ${x2 - bend} ${y2}, ${x2} ${y2}`;
  return { path, x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
}

/** Lay a graph out. Edges whose ends are missing are left out. */
export function layOut(graph: Graph): Layout {
  const nodes = [...new Map(graph.nodes.map((node) => [node.id, node])).values()];
  const acyclic = withoutCircles(nodes, graph.edges);
  const layer = layersOf(nodes, acyclic);
  const columns: Node[][] = [];
  for (const node of nodes) {
    const index = layer.get(node.id) ?? 0;
    while (columns.length <= index) columns.push([]);
    columns[index]?.push(node);
  }
  const rows = Math.max(0, ...columns.map((column) => column.length));
  const height = Math.max(0, rows * (NODE_HEIGHT + GAP_Y) - GAP_Y) + 2 * MARGIN;
  const placed = new Map<string, Placed>();
  ordered(columns, acyclic).forEach((column, index) => {
    const own = column.length * (NODE_HEIGHT + GAP_Y) - GAP_Y;
    column.forEach((node, row) => {
      const y = (height - own) / 2 + row * (NODE_HEIGHT + GAP_Y);
      placed.set(node.id, { node, x: MARGIN + index * (NODE_WIDTH + GAP_X), y });
    });
  });
  const edges = graph.edges.flatMap((edge) => {
    const [from, to] = [placed.get(edge.source), placed.get(edge.target)];
    return from && to && from !== to ? [{ edge, ...curve(from, to) }] : [];
  });
  const width = Math.max(0, columns.length * (NODE_WIDTH + GAP_X) - GAP_X) + 2 * MARGIN;
  return { nodes: [...placed.values()], edges, width, height };
}
