/** The keyboard's way over the drawing: rows are layers or mini-sets, columns classes or iterations. */
import type { Correlation } from '../../client/types';
import type { Layout } from './layout';
import type { Place } from './places';

const PAGE = 10;

export interface Stop {
  readonly row: number;
  readonly set: number | null;
}

/** What the cursor stops at from top to bottom. */
export function stopsOf(layout: Layout): readonly Stop[] {
  return layout.rows.flatMap(({ row, sets }): readonly Stop[] =>
    layout.detailed ? sets.map(({ index }) => ({ row, set: index })) : [{ row, set: null }],
  );
}

export interface Cursor {
  readonly down: number;
  readonly across: number;
}

/** How many stops there are across. */
export function acrossOf(known: Correlation, layout: Layout): number {
  return layout.detailed ? known.columns.length : known.classes.length;
}

/** Null for keys that do not move. */
export function movedCursor(
  { down, across }: Cursor,
  key: string,
  downs: number,
  acrosses: number,
): Cursor | null {
  const to = (toDown: number, toAcross: number): Cursor => ({
    down: Math.max(0, Math.min(downs - 1, toDown)),
    across: Math.max(0, Math.min(acrosses - 1, toAcross)),
  });
  switch (key) {
    case 'ArrowLeft':
      return to(down, across - 1);
    case 'ArrowRight':
      return to(down, across + 1);
    case 'ArrowUp':
      return to(down - 1, across);
    case 'ArrowDown':
      return to(down + 1, across);
    case 'PageUp':
      return to(down - PAGE, across);
    case 'PageDown':
      return to(down + PAGE, across);
    case 'Home':
      return to(down, 0);
    case 'End':
      return to(down, acrosses - 1);
    default:
      return null;
  }
}

/** What is at the cursor. */
export function placeOfCursor(known: Correlation, layout: Layout, cursor: Cursor): Place | null {
  const stop = stopsOf(layout)[cursor.down];
  if (!stop) return null;
  if (!layout.detailed) {
    return { kind: 'cell', row: stop.row, classPlace: cursor.across, column: null, set: null };
  }
  const column = cursor.across;
  const classPlace = layout.columns.findLastIndex(({ first }) => first <= column);
  const columns = known.rows[stop.row]?.sets[stop.set ?? 0]?.columns ?? [];
  const between = (columns[0] ?? 0) < column && column < (columns.at(-1) ?? -1);
  const kind = columns.includes(column) ? 'block' : between ? 'line' : 'ground';
  return { kind, row: stop.row, classPlace, column, set: stop.set };
}

/** The cursor at a place that was clicked. */
export function cursorOfPlace(layout: Layout, place: Place): Cursor {
  const down = stopsOf(layout).findIndex(
    ({ row, set }) => row === place.row && (place.set === null || set === place.set),
  );
  return { down: Math.max(0, down), across: place.column ?? place.classPlace };
}
