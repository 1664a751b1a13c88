/** What lies where in the drawing, and what belongs to it. */
import type { Correlation } from '../../client/types';
import {
  bandOfColumn,
  type ColumnBand,
  columnAt,
  iterationLeft,
  type Layout,
  type RowBand,
  rowAt,
  type SetBand,
} from './layout';

/** `cell` in the simple form; `line` joins the occurrences of a set, `rod` those of an iteration. */
export type PlaceKind = 'cell' | 'block' | 'line' | 'rod' | 'ground';

export interface Place {
  readonly kind: PlaceKind;
  readonly row: number;
  readonly classPlace: number;
  /** Among `Correlation.columns`; null in the simple form. */
  readonly column: number | null;
  readonly set: number | null;
}

/** Null beside rows and columns. */
export function placeAt(known: Correlation, layout: Layout, x: number, y: number): Place | null {
  const [band, row] = [columnAt(layout, x), rowAt(layout, y)];
  if (band === null || row === null) return null;
  const [base, sets] = [{ row: row.row, classPlace: band.place }, known.rows[row.row]?.sets ?? []];
  if (!layout.detailed) return { ...base, kind: 'cell', column: null, set: null };
  const column = iterationAt(layout, band, x);
  const set = setAt(row, y);
  const columns = set === null ? null : sets[set.index]?.columns;
  if (set === null || !columns) {
    const rod = spans(known, column, layout, y);
    return { ...base, kind: rod ? 'rod' : 'ground', column, set: null };
  }
  const hit = { ...base, column, set: set.index };
  if (columns.includes(column)) return { ...hit, kind: 'block' };
  const within = (columns[0] ?? 0) < column && column < (columns.at(-1) ?? -1);
  if (within) return { ...hit, kind: 'line' };
  return { ...base, kind: spans(known, column, layout, y) ? 'rod' : 'ground', column, set: null };
}

function iterationAt(layout: Layout, band: ColumnBand, x: number): number {
  const place = Math.floor((x - iterationLeft(band, band.first, layout.unit)) / layout.unit);
  return band.first + Math.max(0, Math.min(band.count - 1, place));
}

function setAt(row: RowBand, y: number): SetBand | null {
  return row.sets.find(({ top, height }) => y >= top - 1 && y < top + height + 1) ?? null;
}

function spans(known: Correlation, column: number, layout: Layout, y: number): boolean {
  const reach = rodsOf(known, layout).get(column);
  return reach !== undefined && y >= reach.from && y <= reach.to;
}

export interface Reach {
  readonly from: number;
  readonly to: number;
}

const rods = new WeakMap<Layout, ReadonlyMap<number, Reach>>();

/** Of each anomaly iteration that several sets changed at: from the first to the last of them. */
export function rodsOf(known: Correlation, layout: Layout): ReadonlyMap<number, Reach> {
  const made = rods.get(layout) ?? measuredRods(known, layout);
  rods.set(layout, made);
  return made;
}

function measuredRods(known: Correlation, layout: Layout): ReadonlyMap<number, Reach> {
  const reaches = new Map<number, Reach>();
  for (const { row, sets } of layout.rows) {
    for (const set of sets) {
      const middle = set.top + set.height / 2;
      for (const column of known.rows[row]?.sets[set.index]?.columns ?? []) {
        reaches.set(column, { from: reaches.get(column)?.from ?? middle, to: middle });
      }
    }
  }
  for (const [column, { from, to }] of reaches) if (from === to) reaches.delete(column);
  return reaches;
}

/** Places among the classes in which a set occurs. */
export function classesOfSet(known: Correlation, row: number, set: number): readonly number[] {
  const columns = known.rows[row]?.sets[set]?.columns ?? [];
  const classes = new Set(columns.map((column) => known.columns[column]?.class_index));
  return known.classes.flatMap((index, place) => (classes.has(index) ? [place] : []));
}

/** Ascending, each once. */
export function stepsOf(known: Correlation, columns: readonly number[]): readonly number[] {
  const steps = columns.flatMap((column) => known.columns[column]?.step ?? []);
  return [...new Set(steps)].sort((one, other) => one - other);
}

export function columnsOfClass(known: Correlation, classPlace: number): readonly number[] {
  const index = known.classes[classPlace];
  return known.columns.flatMap(({ class_index }, column) =>
    class_index === index ? [column] : [],
  );
}

/** All filters of a row's sets that changed at one of some iterations, ascending. */
export function filtersOf(
  known: Correlation,
  row: number,
  columns: readonly number[],
): readonly number[] {
  const wanted = new Set(columns);
  const sets = known.rows[row]?.sets ?? [];
  const hit = sets.filter((set) => set.columns.some((column) => wanted.has(column)));
  return hit.flatMap(({ filters }) => filters).sort((one, other) => one - other);
}

/** Where a place is drawn: x, y, width and height. */
export function boxOf(layout: Layout, place: Place): readonly [number, number, number, number] {
  const row = layout.rows.find((each) => each.row === place.row);
  const column = layout.columns[place.classPlace];
  if (!row || !column) return [0, 0, 0, 0];
  const set = place.set === null ? null : row.sets[place.set];
  const [top, height] = set ? [set.top, set.height] : [row.top, row.height];
  if (place.column === null) return [column.left, top, column.width, height];
  const band = bandOfColumn(layout, place.column) ?? column;
  return [iterationLeft(band, place.column, layout.unit), top, layout.unit, height];
}
