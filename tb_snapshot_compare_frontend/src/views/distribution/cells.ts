/** Operations on sets of cells; sets are kept ascending by bin, then level, without repetition. */
import type { Cell } from '../../state/selection';

type Counts = readonly (readonly number[])[];

export function includes(cells: readonly Cell[], cell: Cell): boolean {
  return cells.some(({ bin, level }) => bin === cell.bin && level === cell.level);
}

/** What a click does: alone it chooses the cell or, when only that is chosen, nothing. */
export function clicked(cells: readonly Cell[], cell: Cell, add: boolean): readonly Cell[] {
  if (!includes(cells, cell)) return add ? united(cells, [cell]) : [cell];
  if (!add) return cells.length === 1 ? [] : [cell];
  return cells.filter(({ bin, level }) => bin !== cell.bin || level !== cell.level);
}

export function united(one: readonly Cell[], other: readonly Cell[]): readonly Cell[] {
  const byKey = new Map([...one, ...other].map((cell) => [`${cell.bin} ${cell.level}`, cell]));
  return [...byKey.values()].sort((x, y) => x.bin - y.bin || x.level - y.level);
}

/** The shown cells of the bins from `first` to `last` that hold weights. */
export function cellsOfBins(
  counts: Counts,
  hidden: readonly number[],
  first: number,
  last: number,
): readonly Cell[] {
  const cells: Cell[] = [];
  for (let bin = Math.min(first, last); bin <= Math.max(first, last); bin += 1) {
    counts[bin]?.forEach((count, level) => {
      if (count > 0 && !hidden.includes(level)) cells.push({ bin, level });
    });
  }
  return cells;
}

/** Those that exist in a distribution of this size. */
export function existing(cells: readonly Cell[], counts: Counts): readonly Cell[] {
  return cells.filter(({ bin, level }) => counts[bin]?.[level] !== undefined);
}

export function weightsIn(cells: readonly Cell[], counts: Counts): number {
  return cells.reduce((sum, { bin, level }) => sum + (counts[bin]?.[level] ?? 0), 0);
}

export function totalOf(counts: Counts): number {
  let total = 0;
  for (const bar of counts) for (const count of bar) total += count;
  return total;
}
