/** Rows of what moved first: a unit with its quantities, those that left their usual range. */
import type { Forensics } from '../../client/types';
import { indexAt } from '../../scales/steps';

export type Moved = Forensics['series'][number];
export type Quantity = Moved['quantity'];

export interface MovedRow {
  /** Path of a unit; "" for the model, whose loss it is. */
  readonly unit: string;
  /** Earliest first. */
  readonly moved: readonly Moved[];
  readonly first: Moved;
}

/** In the order in which a step computes them: what is equally early is read in it. */
export const QUANTITIES: readonly Quantity[] = [
  'gradient',
  'moment1',
  'moment2',
  'update',
  'weight',
  'loss',
];

/** Columns around the steps that matter, and at most so many. */
const AROUND = 2;
export const COLUMNS_MOST = 24;

/** Earliest first; of what began at one step, what went furthest. */
export function movedRows({ series }: Forensics): readonly MovedRow[] {
  const byUnit = new Map<string, Moved[]>();
  for (const each of series) byUnit.set(each.unit, [...(byUnit.get(each.unit) ?? []), each]);
  const rows = [...byUnit].map(([unit, moved]): MovedRow => {
    const sorted = moved.toSorted(
      (one, other) => one.onset - other.onset || rank(one) - rank(other),
    );
    return { unit, moved: sorted, first: sorted[0] as Moved };
  });
  return rows.sort(
    ({ first: one }, { first: other }) =>
      one.onset - other.onset || rank(one) - rank(other) || other.deviation - one.deviation,
  );
}

/** Steps before the loss moved, negative ones after; between two dumps nobody saw it. */
export interface Lead {
  readonly most: number;
  readonly least: number;
}

/** Null where the loss did not move. What is seen at a dump may have begun after the one before. */
export function leadOf(
  { onset, lead, quantity }: Moved,
  lossOnset: number | null,
  dumps: readonly number[],
): Lead | null {
  if (lead === null || lossOnset === null || quantity === 'loss') return null;
  const before = dumps[indexAt(dumps, onset - 1)];
  const isOpen = before !== undefined && before < lossOnset && lossOnset < onset;
  return { most: isOpen ? lossOnset - before - 1 : lead, least: lead };
}

/** Where a step lies among columns, as far along as it is between two; -1 before the first. */
export function columnAt(dumps: readonly number[], step: number): number {
  const column = indexAt(dumps, step);
  const [from, to] = [dumps[column], dumps[column + 1]];
  return from === undefined || to === undefined ? column : column + (step - from) / (to - from);
}

/** Dumps to draw: from before the first onset to after the last, the pin and the loss included. */
export function dumpsAround(forensics: Forensics, dumps: readonly number[]): readonly number[] {
  const { step, loss_onset, series } = forensics;
  const places = [step, ...(loss_onset === null ? [] : [loss_onset]), ...series.map(onsetOf)].map(
    (each) => indexAt(dumps, each),
  );
  const first = Math.max(0, Math.min(...places) - AROUND);
  const last = Math.min(dumps.length - 1, Math.max(...places) + AROUND);
  const pinned = indexAt(dumps, step);
  if (last - first < COLUMNS_MOST) return dumps.slice(first, last + 1);
  const from = Math.max(first, Math.min(pinned - COLUMNS_MOST / 2, last - COLUMNS_MOST + 1));
  return dumps.slice(from, from + COLUMNS_MOST);
}

/** Marks of one row that lie in one column, beside each other. */
export interface PlacedMark {
  readonly moved: Moved;
  readonly column: number;
  /** Of those in the column, and how many these are. */
  readonly place: number;
  readonly of: number;
}

export function placedMarks(row: MovedRow, dumps: readonly number[]): readonly PlacedMark[] {
  const columns = new Map<number, Moved[]>();
  for (const each of row.moved) {
    const column = columnAt(dumps, each.onset);
    if (column < 0) continue;
    columns.set(column, [...(columns.get(column) ?? []), each]);
  }
  return [...columns].flatMap(([column, together]) =>
    together.map((moved, place) => ({ moved, column, place, of: together.length })),
  );
}

/** The quantities that some row has, in the order in which a step computes them. */
export function quantitiesOf(rows: readonly MovedRow[]): readonly Quantity[] {
  const known = new Set(rows.flatMap(({ moved }) => moved.map(({ quantity }) => quantity)));
  return QUANTITIES.filter((quantity) => known.has(quantity));
}

function rank({ quantity }: Moved): number {
  return QUANTITIES.indexOf(quantity);
}

function onsetOf({ onset }: Moved): number {
  return onset;
}
