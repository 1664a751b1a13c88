/** Findings that rows are evidence of. */
import type { Finding } from '../../client/types';
import type { UnitTree } from '../../state/training-units';

const ORDER: readonly Finding['severity'][] = ['problem', 'warning', 'note'];

/** The findings of each row's unit or of what lies in it, the gravest first. */
export function findingsOf(
  tree: UnitTree,
  findings: readonly Finding[],
  rows: readonly string[],
): ReadonlyMap<string, readonly Finding[]> {
  const found = new Map<string, readonly Finding[]>();
  const named = findings.filter(({ units, also }) => units.length + also.length > 0);
  if (named.length === 0) return found;
  for (const path of rows) {
    const inside = new Set(within(tree, path));
    const of = named
      .filter(({ units, also }) => [...units, ...also].some((unit) => inside.has(unit)))
      .sort((one, other) => ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity));
    if (of.length > 0) found.set(path, of);
  }
  return found;
}

/** A unit and everything in it. */
function within(tree: UnitTree, path: string): readonly string[] {
  const inner = tree.children.get(path) ?? [];
  return [path, ...inner.flatMap((child) => within(tree, child))];
}
