/** Which nodes of a network stand below each other: its longest way first, branches beside it. */
import type { GraphNode, NetworkGraph } from './network-graph';

/** From 0; nodes of the longest way through the network have 0. */
export function lanesOf({ nodes, links }: NetworkGraph): ReadonlyMap<GraphNode, number> {
  const after = grouped(links.map(({ source, target }) => [source, target]));
  const before = grouped(links.map(({ source, target }) => [target, source]));
  const chains = chainsOf(nodes, after, before);
  const lanes = new Map<GraphNode, number>();
  const taken: Span[][] = [];
  for (const chain of chains) {
    const span = spanOf(chain, after, before);
    let lane = 0;
    while (taken[lane]?.some((other) => span.from < other.to && other.from < span.to)) lane += 1;
    taken[lane] = [...(taken[lane] ?? []), span];
    for (const node of chain) lanes.set(node, lane);
  }
  return lanes;
}

type Ways = ReadonlyMap<GraphNode, readonly GraphNode[]>;
type Chain = readonly GraphNode[];

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Every node is in one; the longest comes first, the others from top to bottom. */
function chainsOf(nodes: readonly GraphNode[], after: Ways, before: Ways): readonly Chain[] {
  const ahead = lengths([...nodes].reverse(), after);
  const behind = lengths(nodes, before);
  /** The node that a node leads on to, claimed by the longest way there. */
  const claims = new Map<GraphNode, GraphNode>();
  for (const node of nodes) {
    const next = longest(after.get(node) ?? [], ahead);
    if (next === null) continue;
    const rival = claims.get(next);
    if (rival === undefined || lengthOf(behind, node) > lengthOf(behind, rival)) {
      claims.set(next, node);
    }
  }
  const following = new Map([...claims].map(([next, node]) => [node, next]));
  const chains = nodes
    .filter((node) => !claims.has(node))
    .map((node) => chainFrom(node, following));
  const main = Math.max(...chains.map(({ length }) => length));
  const first = chains.findIndex(({ length }) => length === main);
  return [...chains.slice(first, first + 1), ...chains.filter((_, index) => index !== first)];
}

function chainFrom(first: GraphNode, following: ReadonlyMap<GraphNode, GraphNode>): Chain {
  const chain: GraphNode[] = [];
  for (let node: GraphNode | undefined = first; node; node = following.get(node)) chain.push(node);
  return chain;
}

/** From where its way leaves another to where it comes back. */
function spanOf(chain: Chain, after: Ways, before: Ways): Span {
  const [first, last] = [chain[0] as GraphNode, chain.at(-1) as GraphNode];
  const places = (nodes: readonly GraphNode[] | undefined) =>
    nodes?.map(({ place }) => place) ?? [];
  return {
    from: Math.min(first.place - 0.5, ...places(before.get(first))),
    to: Math.max(last.place + 0.5, ...places(after.get(last))),
  };
}

/** Of the longest way from each node on; `nodes` come after those that they lead to. */
function lengths(nodes: readonly GraphNode[], ways: Ways): ReadonlyMap<GraphNode, number> {
  const known = new Map<GraphNode, number>();
  for (const node of nodes) {
    const next = (ways.get(node) ?? []).map((other) => lengthOf(known, other));
    known.set(node, 1 + Math.max(0, ...next));
  }
  return known;
}

function lengthOf(known: ReadonlyMap<GraphNode, number>, node: GraphNode): number {
  return known.get(node) ?? 0;
}

function longest(
  nodes: readonly GraphNode[],
  known: ReadonlyMap<GraphNode, number>,
): GraphNode | null {
  return nodes.reduce<GraphNode | null>(
    (best, node) => (best === null || lengthOf(known, node) > lengthOf(known, best) ? node : best),
    null,
  );
}

function grouped(pairs: readonly (readonly [GraphNode, GraphNode])[]): Ways {
  const found = new Map<GraphNode, GraphNode[]>();
  for (const [key, value] of pairs) {
    const known = found.get(key);
    if (known) known.push(value);
    else found.set(key, [value]);
  }
  return found;
}
