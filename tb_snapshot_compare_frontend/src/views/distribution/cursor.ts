/** The keyboard's way through the cells: it stops only at cells that are shown and hold weights. */
import type { Cell } from '../../state/selection';

const PAGE = 10;

export interface Grid {
  readonly counts: readonly (readonly number[])[];
  readonly hidden: readonly number[];
}

/** The lowest shown level of the highest bar; null when nothing is shown. */
export function firstStop(grid: Grid): Cell | null {
  let best: Cell | null = null;
  let highest = 0;
  grid.counts.forEach((bar, bin) => {
    const shown = stopsIn(grid, bin);
    const total = shown.reduce((sum, level) => sum + (bar[level] ?? 0), 0);
    const level = shown[0];
    if (level !== undefined && total > highest) {
      highest = total;
      best = { bin, level };
    }
  });
  return best;
}

/**
 * The next stop for a key, or null for a key that does not move. Left and right go to the next bin
 * that holds weights, to its level nearest to `preferred`; up and down change the level.
 */
export function moved(grid: Grid, from: Cell, key: string, preferred: number): Cell | null {
  switch (key) {
    case 'ArrowLeft':
      return across(grid, from, -1, 1, preferred);
    case 'ArrowRight':
      return across(grid, from, 1, 1, preferred);
    case 'PageUp':
      return across(grid, from, -1, PAGE, preferred);
    case 'PageDown':
      return across(grid, from, 1, PAGE, preferred);
    case 'Home':
      return across(grid, from, -1, grid.counts.length, preferred);
    case 'End':
      return across(grid, from, 1, grid.counts.length, preferred);
    case 'ArrowUp':
      return within(grid, from, 1);
    case 'ArrowDown':
      return within(grid, from, -1);
    default:
      return null;
  }
}

/** The stop nearest to a cell that may have become hidden or empty. */
export function nearestStop(grid: Grid, cell: Cell): Cell | null {
  const level = nearest(stopsIn(grid, cell.bin), cell.level);
  return level === null ? firstStop(grid) : { bin: cell.bin, level };
}

function stopsIn({ counts, hidden }: Grid, bin: number): number[] {
  const bar = counts[bin] ?? [];
  return [...bar.keys()].filter((level) => (bar[level] ?? 0) > 0 && !hidden.includes(level));
}

function across(grid: Grid, from: Cell, step: 1 | -1, count: number, preferred: number): Cell {
  let stop = from;
  let left = count;
  for (let bin = from.bin + step; left > 0 && grid.counts[bin] !== undefined; bin += step) {
    const level = nearest(stopsIn(grid, bin), preferred);
    if (level === null) continue;
    stop = { bin, level };
    left -= 1;
  }
  return stop;
}

function within(grid: Grid, from: Cell, step: 1 | -1): Cell {
  const stops = stopsIn(grid, from.bin);
  const level = stops[stops.indexOf(from.level) + step];
  return level === undefined ? from : { bin: from.bin, level };
}

function nearest(levels: readonly number[], wanted: number): number | null {
  let best: number | null = null;
  for (const level of levels) {
    if (best === null || Math.abs(level - wanted) < Math.abs(best - wanted)) best = level;
  }
  return best;
}
