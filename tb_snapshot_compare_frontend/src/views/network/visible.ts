/** What is on screen when some groups are open: boxes, frames of opened groups, and links. */
import type { Link } from '../../workers/layout/types';
import { append } from './lists';
import { lineage } from './network';
import { type Group, MANY_BOXES, type Network, type Unit } from './types';

export interface Visible {
  /** Names of units and of closed groups, in topological order. */
  readonly boxes: readonly VisibleBox[];
  readonly frames: readonly Group[];
  readonly links: readonly Link[];
  /** The box that stands for a unit. */
  readonly boxOf: ReadonlyMap<string, string>;
}

export type VisibleBox =
  | { readonly id: string; readonly unit: Unit; readonly parent: string | null }
  | { readonly id: string; readonly group: Group; readonly parent: string | null };

function countBoxes(network: Network, open: ReadonlySet<string>): number {
  const boxes = network.units.map((unit) => closedAround(network, unit, open) ?? unit);
  return new Set(boxes).size;
}

/** The outermost closed group around a unit. */
function closedAround(
  network: Network,
  { group }: Unit,
  open: ReadonlySet<string>,
): Group | undefined {
  return lineage(network, group).findLast(({ name }) => !open.has(name));
}

/**
 * The groups that are open at first. The model's own groups open level by level while all boxes
 * can be taken in at a glance; blocks found by name start closed.
 */
export function openByDefault(network: Network): Set<string> {
  const open = new Set<string>();
  const depths = new Map<number, string[]>();
  for (const group of network.groups.values()) {
    if (group.synthetic) continue;
    const depth = lineage(network, group.name).length;
    append(depths, depth, group.name);
  }
  for (const depth of [...depths.keys()].sort((left, right) => left - right)) {
    const next = new Set([...open, ...(depths.get(depth) ?? [])]);
    if (countBoxes(network, next) > MANY_BOXES) break;
    for (const name of next) open.add(name);
  }
  return open;
}

/** The groups that are open: the default, with each of `toggled` the other way round. */
export function openGroups(network: Network, toggled: readonly string[]): Set<string> {
  const open = openByDefault(network);
  for (const name of toggled) {
    if (!network.groups.has(name)) continue;
    if (!open.delete(name)) open.add(name);
  }
  return open;
}

export function visibleNetwork(network: Network, open: ReadonlySet<string>): Visible {
  const boxes = new Map<string, VisibleBox>();
  const frames = new Map<string, Group>();
  const boxOf = new Map<string, string>();
  for (const unit of network.units) {
    const closed = closedAround(network, unit, open);
    for (const group of lineage(network, unit.group).toReversed()) {
      if (group === closed) break;
      frames.set(group.name, group);
    }
    const id = closed ? closed.name : unit.name;
    boxOf.set(unit.name, id);
    if (boxes.has(id)) continue;
    boxes.set(
      id,
      closed ? { id, group: closed, parent: closed.parent } : { id, unit, parent: unit.group },
    );
  }
  const links = new Map<string, Link>();
  for (const link of network.links) {
    const source = boxOf.get(link.source);
    const target = boxOf.get(link.target);
    if (!source || !target || source === target) continue;
    links.set(`${source}\n${target}`, { source, target });
  }
  return {
    boxes: [...boxes.values()],
    frames: [...frames.values()],
    links: [...links.values()],
    boxOf,
  };
}

/** The box in which a layer is seen: its own, that of the layer it is folded into, or a group's. */
export function boxOfLayer(network: Network, visible: Visible, layer: string): string | null {
  const unit = network.unitOf.get(layer);
  return unit === undefined ? null : (visible.boxOf.get(unit) ?? null);
}
