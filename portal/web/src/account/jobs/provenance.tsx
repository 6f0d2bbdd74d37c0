// Where a job's results come from, as a graph, and as a list that says the same.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { client, data } from "../../api/client";
import { filePath } from "../addresses";
import { Failure, Loading } from "../parts";
import {
  type Graph,
  type Layout,
  layOut,
  NODE_HEIGHT,
  NODE_WIDTH,
  type Node,
  type Placed,
} from "./layout";
import type { Job } from "./state";

const LONGEST = 25;

const KINDS: Record<Node["kind"], { word: string; fill: string; line: string; round: number }> = {
  entity: { word: "Data", fill: "#fff3cd", line: "#7a5c00", round: 22 },
  activity: { word: "Activity", fill: "#cfe2ff", line: "#0a4275", round: 2 },
  agent: { word: "Agent", fill: "#f8d7da", line: "#842029", round: 10 },
};

const RELATIONS: Record<string, string> = {
  used: "used",
  wasGeneratedBy: "was made by",
  wasDerivedFrom: "comes from",
  wasAssociatedWith: "was done by",
  wasAttributedTo: "belongs to",
  wasInformedBy: "follows on",
  actedOnBehalfOf: "acted for",
  hadMember: "contains",
};

/** A relation of PROV in plain words. */
export function relationInWords(relation: string): string {
  const name = relation.replace(/^.*[:#]/, "");
  return RELATIONS[name] ?? name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

function short(text: string): string {
  // What tells files apart often stands at the end.
  const half = Math.floor((LONGEST - 1) / 2);
  return text.length <= LONGEST ? text : `${text.slice(0, half)}…${text.slice(-half)}`;
}

function NodeShape(props: { placed: Placed; chosen: boolean; onChoose: () => void }) {
  const { node, x, y } = props.placed;
  const kind = KINDS[node.kind];
  const label = short(node.label);
  return (
    // biome-ignore lint/a11y/useSemanticElements: there are no buttons in SVG
    <g
      className="provenance-node"
      role="button"
      tabIndex={0}
      aria-pressed={props.chosen}
      aria-label={`${kind.word} ${label}`}
      aria-description={node.label}
      transform={`translate(${x} ${y})`}
      cursor="pointer"
      onClick={props.onChoose}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        props.onChoose();
      }}
    >
      <rect
        width={NODE_WIDTH}
        height={NODE_HEIGHT}
        rx={kind.round}
        fill={kind.fill}
        stroke={kind.line}
        strokeWidth={props.chosen ? 3 : 1}
      />
      <text textAnchor="middle">
        <tspan x={NODE_WIDTH / 2} y={18} fontSize={11} fill={kind.line}>
          {kind.word}
        </tspan>{" "}
        <tspan x={NODE_WIDTH / 2} y={35} fontSize={12} fill="#212529">
          {label}
        </tspan>
      </text>
    </g>
  );
}

function Drawing(props: { layout: Layout; chosen: string | null; onChoose: (id: string) => void }) {
  const { layout } = props;
  return (
    <div className="provenance-graph border rounded bg-white">
      {/* biome-ignore lint/a11y/useSemanticElements: a group of nodes, not of a form's fields */}
      <svg
        role="group"
        aria-label="Provenance graph; what was before stands on the left"
        width={layout.width}
        height={layout.height}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
      >
        <g fill="none" stroke="#6c757d">
          {layout.edges.map(({ edge, path }) => (
            <path key={`${edge.source} ${edge.relation} ${edge.target}`} d={path} />
          ))}
        </g>
        <g fontSize={10} fill="#495057" textAnchor="middle">
          {layout.edges.map(({ edge, x, y }) => (
            <text key={`${edge.source} ${edge.relation} ${edge.target}`} x={x} y={y - 4}>
              {relationInWords(edge.relation)}
            </text>
          ))}
        </g>
        {layout.nodes.map((placed) => (
          <NodeShape
            key={placed.node.id}
            placed={placed}
            chosen={placed.node.id === props.chosen}
            onChoose={() => props.onChoose(placed.node.id)}
          />
        ))}
      </svg>
    </div>
  );
}

/** Addresses on this server, and those of the web; nothing that could be a program. */
function addressOf(node: Node): string | null {
  if (node.url && /^https?:\/\//i.test(node.url)) return node.url;
  return filePath(node.url);
}

function Facts(props: { node: Node }) {
  const address = addressOf(props.node);
  return (
    <div className="border rounded p-2 mt-2 small" role="status">
      <strong className="text-break">{props.node.label}</strong>
      {address && (
        <>
          {" "}
          <a href={address}>open</a>
        </>
      )}
      <dl className="mb-0">
        {Object.entries(props.node.attributes).map(([name, value]) => (
          <div key={name} className="d-flex gap-2">
            <dt>{name}</dt>
            <dd className="mb-0 text-break">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** The graph's statements as sentences. */
export function sentences(graph: Graph): string[] {
  const labels = new Map(graph.nodes.map((node) => [node.id, node.label]));
  const name = (id: string) => labels.get(id) ?? id;
  return graph.edges.map(
    ({ source, relation, target }) =>
      `${name(source)} ${relationInWords(relation)} ${name(target)}.`,
  );
}

export function ProvenanceGraph(props: { graph: Graph }) {
  const { graph } = props;
  const [chosen, setChosen] = useState<string | null>(null);
  const layout = useMemo(() => layOut(graph), [graph]);
  const node = graph.nodes.find((one) => one.id === chosen);
  if (graph.nodes.length === 0) return <p>No provenance was written down for this job.</p>;
  return (
    <>
      <Drawing layout={layout} chosen={chosen} onChoose={setChosen} />
      {node && <Facts node={node} />}
      <details className="mt-2">
        <summary>The same in words</summary>
        <ul className="small mb-0">
          {[...new Set(sentences(graph))].map((sentence) => (
            <li key={sentence} className="text-break">
              {sentence}
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

export function ProvenanceBox(props: { job: Job }) {
  const [open, setOpen] = useState(false);
  const { id } = props.job;
  const graph = useQuery({
    queryKey: ["job-provenance", id],
    queryFn: ({ signal }) =>
      data(client.GET("/api/jobs/{id}/provenance", { params: { path: { id } }, signal })),
    enabled: open,
  });
  return (
    <details className="my-3" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Provenance</summary>
      <div className="mt-2">
        {graph.error ? (
          <Failure error={graph.error} retry={() => graph.refetch()} />
        ) : graph.data === undefined ? (
          <Loading what="the provenance" />
        ) : (
          <ProvenanceGraph graph={graph.data} />
        )}
      </div>
    </details>
  );
}
