/** Rows of what moved first: a unit with its quantities, those that left their usual range. */
import type { Forensics } from '../../client/types';
import { indexAt } from '../../scales/steps';

export type Moved = Forensics['series'][number];
export type Quantity = Moved['quantity'];

export interface MovedRow {
  /** Path of a unit; "" for the model, whose loss and learning rate it is. */
  readonly unit: string;
  /** Earliest first. */
  readonly moved: readonly Moved[];
  readonly first: Moved;
}

/** From causes to effects. */
export const QUANTITIES: readonly Quantity[] = [
  'learning_rate',
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

/** Units in the order of their first quantity: by the dump that saw it, there by cause. */
export function movedRows({ series }: Forensics): readonly MovedRow[] {
  const byUnit = new Map<string, [Moved, ...Moved[]]>();
  for (const each of series) {
    const before = byUnit.get(each.unit);
    if (before) before.push(each);
    else byUnit.set(each.unit, [each]);
  }
  return [...byUnit].map(([unit, moved]) => ({ unit, moved, first: moved[0] }));
}

/** Steps before the loss moved, negative ones after: what a dump saw came at any since the last. */
export interface Lead {
  readonly most: number;
  readonly least: number;
}

/** Null where the loss did not move. */
export function leadOf({ after, lead, quantity }: Moved, lossOnset: number | null): Lead | null {
  if (lead === null || lossOnset === null || quantity === 'loss') return null;
  return { most: after === null ? lead : lossOnset - after - 1, least: lead };
}

/** Nothing was recorded between the ends of it. */
export function isInterval({ after, onset }: Moved): boolean {
  return after !== null && onset - after > 1;
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

/** Marks of one row that lie at one place, beside each other. */
export interface PlacedMark {
  readonly moved: Moved;
  readonly column: number;
  /** Of those in the column, and how many these are. */
  readonly place: number;
  readonly of: number;
}

/** Amid the steps at which each may have begun. */
export function placedMarks(row: MovedRow, dumps: readonly number[]): readonly PlacedMark[] {
  const columns = new Map<number, Moved[]>();
  for (const each of row.moved) {
    const column = markAt(each, dumps);
    if (column < 0) continue;
    columns.set(column, [...(columns.get(column) ?? []), each]);
  }
  return [...columns].flatMap(([column, together]) =>
    together.map((moved, place) => ({ moved, column, place, of: together.length })),
  );
}

function markAt(moved: Moved, dumps: readonly number[]): number {
  const column = columnAt(dumps, moved.onset);
  if (!isInterval(moved) || moved.after === null) return column;
  const from = columnAt(dumps, moved.after);
  return from < 0 ? column : (from + column) / 2;
}

/** The columns between which quantities of a row moved that are not known to the step. */
export function intervalsOf(
  row: MovedRow,
  dumps: readonly number[],
): readonly { readonly from: number; readonly to: number }[] {
  const ends = new Map<number, number>();
  for (const moved of row.moved) {
    if (!isInterval(moved) || moved.after === null) continue;
    const [from, to] = [columnAt(dumps, moved.after), columnAt(dumps, moved.onset)];
    if (from >= 0) ends.set(from, to);
  }
  return [...ends].map(([from, to]) => ({ from, to }));
}

/** The quantities that some row has, in the order in which a step computes them. */
export function quantitiesOf(rows: readonly MovedRow[]): readonly Quantity[] {
  const known = new Set(rows.flatMap(({ moved }) => moved.map(({ quantity }) => quantity)));
  return QUANTITIES.filter((quantity) => known.has(quantity));
}

function onsetOf({ onset }: Moved): number {
  return onset;
}
