/** Order, transitive reduction and bottlenecks of a directed graph. */
import type { Link } from './types';

export interface Dag {
  /** Topological; the given order decides ties. */
  readonly order: readonly string[];
  /** The links that remain when every link that a longer way implies is left out. */
  readonly kept: readonly Link[];
  /** The links that a longer way implies. */
  readonly implied: readonly Link[];
  /** The links against the order; they exist only where the graph has cycles. */
  readonly back: readonly Link[];
  /** Whether data of `from` reaches `to`. */
  reaches(from: string, to: string): boolean;
}

/** Kahn's algorithm; a cycle is broken at its first node in the given order. */
function topological(nodes: readonly string[], links: readonly Link[]): string[] {
  const rank = new Map(nodes.map((node, index) => [node, index]));
  const pending = new Array<number>(nodes.length).fill(0);
  const next: number[][] = nodes.map(() => []);
  for (const { source, target } of links) {
    const from = rank.get(source) as number;
    const to = rank.get(target) as number;
    next[from]?.push(to);
    pending[to] = (pending[to] ?? 0) + 1;
  }
  const order: string[] = [];
  const placed = new Array<boolean>(nodes.length).fill(false);
  for (let step = 0; step < nodes.length; step++) {
    let choice = pending.findIndex((count, index) => count === 0 && !placed[index]);
    if (choice < 0) choice = placed.indexOf(false);
    placed[choice] = true;
    order.push(nodes[choice] as string);
    for (const to of next[choice] ?? []) pending[to] = (pending[to] ?? 0) - 1;
  }
  return order;
}

function distinct(nodes: readonly string[], links: readonly Link[]): Link[] {
  const known = new Set(nodes);
  const seen = new Set<string>();
  return links.filter(({ source, target }) => {
    const key = `${source}\n${target}`;
    if (source === target || seen.has(key) || !known.has(source) || !known.has(target))
      return false;
    seen.add(key);
    return true;
  });
}

/**
 * Analyses the graph of `nodes` and `links`. Links to unknown nodes, loops and repetitions are
 * dropped. The reduction is that of Aho, Garey and Ullman (1972), with one bit set per node.
 */
export function analyse(nodes: readonly string[], links: readonly Link[]): Dag {
  const clean = distinct(nodes, links);
  const order = topological(nodes, clean);
  const position = new Map(order.map((node, index) => [node, index]));
  const at = (node: string): number => position.get(node) as number;
  const forward = clean.filter((link) => at(link.source) < at(link.target));
  const back = clean.filter((link) => at(link.source) > at(link.target));
  const words = (order.length + 31) >>> 5;
  const reach = new Uint32Array(order.length * words);
  const has = (from: number, to: number): boolean =>
    (((reach[from * words + (to >>> 5)] ?? 0) >>> (to & 31)) & 1) === 1;
  const targets: number[][] = order.map(() => []);
  for (const link of forward) targets[at(link.source)]?.push(at(link.target));
  const kept: Link[] = [];
  const implied: Link[] = [];
  for (let from = order.length - 1; from >= 0; from--) {
    for (const to of (targets[from] ?? []).sort((left, right) => left - right)) {
      const link = { source: order[from] as string, target: order[to] as string };
      if (has(from, to)) {
        implied.push(link);
        continue;
      }
      kept.push(link);
      for (let word = 0; word < words; word++) {
        const index = from * words + word;
        reach[index] = (reach[index] ?? 0) | (reach[to * words + word] ?? 0);
      }
      const own = from * words + (to >>> 5);
      reach[own] = (reach[own] ?? 0) | (1 << (to & 31));
    }
  }
  return { order, kept, implied, back, reaches: (from, to) => has(at(from), at(to)) };
}

/** The sets of nodes that links connect, each in the graph's order, the earliest first. */
export function components(dag: Dag): string[][] {
  const leader = new Map<string, string>(dag.order.map((node) => [node, node]));
  const find = (node: string): string => {
    let root = node;
    while (leader.get(root) !== root) root = leader.get(root) as string;
    leader.set(node, root);
    return root;
  };
  for (const { source, target } of dag.kept) leader.set(find(target), find(source));
  const parts = new Map<string, string[]>();
  for (const node of dag.order) {
    const root = find(node);
    const part = parts.get(root);
    if (part) part.push(node);
    else parts.set(root, [node]);
  }
  return [...parts.values()];
}

/**
 * Cuts a connected part at its bottlenecks: the nodes that all data passes. A section of one node
 * is a bottleneck; a longer one holds the parallel branches between two.
 */
export function sections(dag: Dag, part: readonly string[]): string[][] {
  const result: string[][] = [];
  let open: string[] = [];
  for (const node of part) {
    const bottleneck = part.every(
      (other) => other === node || dag.reaches(node, other) || dag.reaches(other, node),
    );
    if (!bottleneck) {
      open.push(node);
      continue;
    }
    if (open.length > 0) result.push(open);
    open = [];
    result.push([node]);
  }
  if (open.length > 0) result.push(open);
  return result;
}
