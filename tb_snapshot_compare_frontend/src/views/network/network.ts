/** The network as the view sees it: units (a layer and what is folded into it) in groups. */
import type { Architecture, LayerNode } from '../../client/types';
import type { Link } from '../../workers/layout/types';
import { findBlocks } from './blocks';
import { foldLayers } from './folding';
import { type Group, MANY_BOXES, type Network } from './types';

export interface NetworkOptions {
  /** Fold activations, normalisations and the like into the layer before them. */
  readonly compact: boolean;
  /** Make groups of repeated blocks; null decides by the number of units. */
  readonly blocks: boolean | null;
}

export function buildNetwork(architecture: Architecture, options: NetworkOptions): Network {
  const { nodes, edges, source, note } = architecture;
  const layers = nodes.filter((node) => !node.is_group);
  const { units, unitOf } = foldLayers(layers, edges, options.compact);
  const links = unitLinks(edges, unitOf);
  const groups = new Map<string, Group>(
    nodes.filter((node) => node.is_group).map((node) => [node.name, realGroup(node)]),
  );
  const wanted = options.blocks ?? units.length > MANY_BOXES;
  if (!wanted) return { units, groups, links, unitOf, source, note };
  const found = findBlocks(units, links, groups);
  return { units: found.units, groups: found.groups, links, unitOf, source, note };
}

/** Whether layers of the network repeat in blocks that could be grouped. */
export function hasBlocks(architecture: Architecture, compact: boolean): boolean {
  const network = buildNetwork(architecture, { compact, blocks: true });
  return [...network.groups.values()].some((group) => group.synthetic);
}

function realGroup({ name, parent, kind }: LayerNode): Group {
  return { name, prefix: `${name}/`, parent, synthetic: false, kind };
}

function unitLinks(edges: readonly Link[], unitOf: ReadonlyMap<string, string>): readonly Link[] {
  const seen = new Map<string, Link>();
  for (const edge of edges) {
    const source = unitOf.get(edge.source);
    const target = unitOf.get(edge.target);
    if (source === undefined || target === undefined || source === target) continue;
    seen.set(`${source}\n${target}`, { source, target });
  }
  return [...seen.values()];
}

/** What is asked of a network for every box, found once for all of them. */
interface Hierarchy {
  readonly lines: Map<string, readonly Group[]>;
  readonly members: ReadonlyMap<string, readonly LayerNode[]>;
}

const hierarchies = new WeakMap<Network, Hierarchy>();

function hierarchyOf(network: Network): Hierarchy {
  const known = hierarchies.get(network);
  if (known) return known;
  const lines = new Map<string, readonly Group[]>();
  const members = new Map<string, LayerNode[]>();
  for (const { layer, folded, group } of network.units) {
    for (const { name } of lineFrom(network, group, lines)) {
      const own = members.get(name);
      if (own) own.push(layer, ...folded);
      else members.set(name, [layer, ...folded]);
    }
  }
  const found = { lines, members };
  hierarchies.set(network, found);
  return found;
}

function lineFrom(
  network: Network,
  group: string | null,
  lines: Map<string, readonly Group[]>,
): readonly Group[] {
  if (group === null) return [];
  const known = lines.get(group);
  if (known) return known;
  const line: Group[] = [];
  for (let at: string | null = group; at !== null; ) {
    const found = network.groups.get(at);
    if (!found || line.includes(found)) break;
    line.push(found);
    at = found.parent;
  }
  lines.set(group, line);
  return line;
}

/** The groups around a unit or group, innermost first. */
export function lineage(network: Network, group: string | null): readonly Group[] {
  return lineFrom(network, group, hierarchyOf(network).lines);
}

/** All layers in a group, at any depth, folded ones included. */
export function layersOf(network: Network, group: string): readonly LayerNode[] {
  return hierarchyOf(network).members.get(group) ?? [];
}

/** A name without what its groups already say: `conv1_conv` inside `conv2_block1`. */
export function shortName(network: Network, name: string, group: string | null): string {
  const prefix = lineage(network, group)
    .map((entry) => entry.prefix)
    .find((start) => name.startsWith(start) && name.length > start.length);
  return prefix ? name.slice(prefix.length) : name;
}
