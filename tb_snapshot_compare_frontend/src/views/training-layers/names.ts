/** What rows are called where there is little room. */
import type { TrainingUnit } from '../../client/types';

type Named = Pick<TrainingUnit, 'path' | 'parent'>;

/** Between the name of a group and what is its own of a name in it: `stage2/block1`, `conv2_block1`. */
const SEPARATOR = /^[/_.-]+/;

/** Pixels of the name of a run, below or in place of a row's own. */
export const RUN_ROOM = 76;

/**
 * The last parts of each path, as many as tell it from the others; children of one unit have
 * equally many. A unit's parts are those of its group, where its name begins with it, and the rest.
 */
export function rowNames(units: readonly Named[]): ReadonlyMap<string, string> {
  const known = new Map(units.map((unit) => [unit.path, unit]));
  const parts = new Map(units.map((unit) => [unit.path, partsOf(unit, known)]));
  const ending = (path: string, count: number) => (parts.get(path) ?? []).slice(-count).join('');
  const needed = new Map<string, number>();
  for (const [path, count] of partsNeeded(parts, ending)) {
    const parent = known.get(path)?.parent ?? '';
    needed.set(parent, Math.max(count, needed.get(parent) ?? 1));
  }
  return new Map(
    units.map(({ path, parent }) => [path, unitName(ending(path, needed.get(parent ?? '') ?? 1))]),
  );
}

/** The whole model has an empty path. */
export function unitName(path: string): string {
  return path === '' ? 'whole model' : path;
}

/** Each with the separator after it. */
function partsOf({ path, parent }: Named, known: ReadonlyMap<string, Named>): readonly string[] {
  const around = parent ? known.get(parent) : undefined;
  const separator = around && path.startsWith(around.path) ? afterOf(path, around.path) : null;
  if (around === undefined || separator === null) return path.split(/(?<=\/)/);
  const outer = partsOf(around, known);
  const rest = path.slice(around.path.length + separator.length);
  return [...outer.slice(0, -1), `${outer.at(-1) ?? ''}${separator}`, rest];
}

function afterOf(path: string, beginning: string): string | null {
  const rest = path.slice(beginning.length);
  const separator = SEPARATOR.exec(rest)?.[0] ?? null;
  return separator === rest ? null : separator;
}

type Parts = ReadonlyMap<string, readonly string[]>;

function partsNeeded(
  parts: Parts,
  ending: (path: string, count: number) => string,
): ReadonlyMap<string, number> {
  const needed = new Map<string, number>();
  let left = [...parts.keys()];
  for (let count = 1; left.length > 0; count += 1) {
    const times = new Map<string, number>();
    for (const path of parts.keys()) {
      const name = ending(path, count);
      times.set(name, (times.get(name) ?? 0) + 1);
    }
    const isTold = (path: string) =>
      times.get(ending(path, count)) === 1 || (parts.get(path)?.length ?? 0) <= count;
    for (const path of left.filter(isTold)) needed.set(path, count);
    left = left.filter((path) => !isTold(path));
  }
  return needed;
}
