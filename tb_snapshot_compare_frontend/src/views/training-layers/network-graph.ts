/**
 * How data flows between the layers of a log: those with weights, and the places where ways join.
 * Other layers (activations, pooling) lie on a link.
 */
import type { Architecture } from '../../client/types';

export interface GraphNode {
  /** Unique; the path of a layer of the log. */
  readonly id: string;
  readonly kind: string;
  /** Whether ways join here, in a layer without a row. */
  readonly joins: boolean;
  /** From 0 in the log's order; a join lies between two layers. */
  readonly place: number;
}

export interface GraphLink {
  readonly source: GraphNode;
  readonly target: GraphNode;
}

export interface NetworkGraph {
  /** Layers that the network lacks are among them, without links. */
  readonly nodes: readonly GraphNode[];
  readonly links: readonly GraphLink[];
}

/** Null where the connections are not known, or are those of another network. */
export function networkGraph(
  { nodes, edges }: Pick<Architecture, 'nodes' | 'edges'>,
  layers: readonly string[],
): NetworkGraph | null {
  const before = new Map<string, string[]>();
  for (const { source, target } of edges) {
    before.set(target, [...(before.get(target) ?? []), source]);
  }
  const kinds = new Map(nodes.map(({ name, kind }) => [name, kind]));
  const rows = new Map(
    layers.map((id, place) => [id, { id, kind: kinds.get(id) ?? '', joins: false, place }]),
  );
  const joints: GraphNode[] = [];
  const links: GraphLink[] = [];
  /** What the data of a layer comes from: itself, or the nodes before it. */
  const origins = new Map<string, readonly GraphNode[]>();
  for (const { name, kind, is_group } of nodes) {
    if (is_group) continue;
    const sources = [...new Set((before.get(name) ?? []).flatMap((id) => origins.get(id) ?? []))];
    const row = rows.get(name);
    if (row === undefined && sources.length < 2) {
      origins.set(name, sources);
      continue;
    }
    const node = row ?? { id: name, kind, joins: true, place: placeAfter(sources) };
    if (row === undefined) joints.push(node);
    links.push(...sources.map((source) => ({ source, target: node })));
    origins.set(name, [node]);
  }
  return links.length === 0 ? null : { nodes: inOrder([...rows.values(), ...joints]), links };
}

/** Halfway from the last of them to the layer after it. */
function placeAfter(sources: readonly GraphNode[]): number {
  const last = Math.max(...sources.map(({ place }) => place));
  return last + (Math.floor(last) + 1 - last) / 2;
}

function inOrder(nodes: readonly GraphNode[]): readonly GraphNode[] {
  return [...nodes].sort((one, other) => one.place - other.place);
}
