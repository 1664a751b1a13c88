/** The keyboard's way over the map: weight by weight where they are open, else cell by cell. */
import type { Place, Projection } from './geometry';

const PAGE = 16;

/** Null for a key that does not move. An area is of whole cells, and so is extended by them. */
export function movedCursor(
  projection: Projection,
  { row, column }: Place,
  key: string,
  byCells: boolean,
): Place | null {
  const { map, open } = projection;
  const cells = byCells || !open;
  const down = cells ? map.cell_rows : 1;
  const across = cells ? map.cell_columns : 1;
  const steps: Readonly<Record<string, readonly [number, number]>> = {
    ArrowUp: [-down, 0],
    ArrowDown: [down, 0],
    ArrowLeft: [0, -across],
    ArrowRight: [0, across],
    PageUp: [-PAGE * down, 0],
    PageDown: [PAGE * down, 0],
    Home: [0, -projection.columns],
    End: [0, projection.columns],
  };
  const step = steps[key];
  if (!step) return null;
  return {
    row: within(row + step[0], projection.rows),
    column: within(column + step[1], projection.columns),
  };
}

function within(value: number, count: number): number {
  return Math.max(0, Math.min(count - 1, value));
}
