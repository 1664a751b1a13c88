/** The hierarchy of the network in a log, and which of its units have rows. */
import type { TrainingUnit } from '../client/types';

export interface UnitTree {
  /** By path. */
  readonly units: ReadonlyMap<string, TrainingUnit>;
  /** Paths of the children of a path, in the network's order. */
  readonly children: ReadonlyMap<string, readonly string[]>;
  /** What is on show while nothing is opened: the outermost units that are more than one. */
  readonly top: readonly string[];
}

export function unitTree(units: readonly TrainingUnit[]): UnitTree {
  const known = new Map(units.map((unit) => [unit.path, unit]));
  const children = new Map<string, string[]>();
  const roots: string[] = [];
  for (const { path, parent } of units) {
    const siblings = parent === null || !known.has(parent) ? roots : children.get(parent);
    if (siblings) siblings.push(path);
    else children.set(parent as string, [path]);
  }
  let top: readonly string[] = roots;
  for (;;) {
    const inner = top.length === 1 ? children.get(top[0] as string) : undefined;
    if (inner === undefined) return { units: known, children, top };
    top = inner;
  }
}

/** Units in the network's order, those that are open replaced by their children. */
export function unitsOnShow(tree: UnitTree, open: readonly string[]): readonly string[] {
  const isOpen = new Set(open);
  const shown: string[] = [];
  const add = (paths: readonly string[]): void => {
    for (const path of paths) {
      const inner = isOpen.has(path) ? tree.children.get(path) : undefined;
      if (inner === undefined) shown.push(path);
      else add(inner);
    }
  };
  add(tree.top);
  return shown;
}

/** The layers at or below a unit, in the network's order. */
export function layersBelow(tree: UnitTree, path: string): readonly string[] {
  const inner = tree.children.get(path);
  return inner === undefined ? [path] : inner.flatMap((child) => layersBelow(tree, child));
}
