/** Where the rows of the view lie, in CSS pixels from its top. */
import type { TrainingUnit } from '../../client/types';

/** Height of a small multiple, with the gap below it. */
export const ROW = 35;
export const ROW_GAP = 2;
/** A filter chart is scrolled beyond this height. */
export const FILTERS_MOST = 400;
/** A filter's line while only the top filters are shown. */
export const HEAT_LINE = 15;
/** Room for what stands beside a filter chart. */
const FILTERS_LEAST = 92;
const FILTERS_EDGE = 10;
/** Of a filter without zoom. */
const LINE_MOST = 8;
export const ZOOM_LEAST = 1;
export const ZOOM_MOST = 15;
export const ZOOM_STEP = 0.5;

export interface FilterBlock {
  readonly kind: 'pixels' | 'lines';
  readonly top: number;
  /** Of the room, with what is around the chart. */
  readonly height: number;
  /** Of the chart itself, scrolled or not. */
  readonly chart: number;
  /** Of one filter. */
  readonly line: number;
  readonly filters: number;
}

export interface UnitRow {
  readonly unit: TrainingUnit;
  readonly top: number;
  /** With the filters below it. */
  readonly height: number;
  /** Top of the same row of the run beside this one; null while there is none. */
  readonly other: number | null;
  readonly filters: FilterBlock | null;
}

export interface Opened {
  readonly kind: 'pixels' | 'lines';
  readonly filters: number;
  readonly zoom: number;
}

/** Pixels of a filter without zoom: layers of few filters are not a thin stripe. */
export function baseLine(filters: number): number {
  return Math.min(LINE_MOST, Math.ceil(FILTERS_LEAST / Math.max(1, filters)));
}

/**
 * `openedOf` tells which filters are shown below a unit, null for none; `paired` leaves room for
 * the same row of another run.
 */
export function layOutRows(
  shown: readonly TrainingUnit[],
  openedOf: (unit: TrainingUnit) => Opened | null,
  filtersMost = FILTERS_MOST,
  paired = false,
): readonly UnitRow[] {
  let top = 0;
  const charts = paired ? 2 * ROW : ROW;
  return shown.map((unit) => {
    const opened = openedOf(unit);
    const filters = opened && blockOf(opened, top + charts, filtersMost);
    const other = paired ? top + ROW : null;
    const row = { unit, top, height: charts + (filters?.height ?? 0), other, filters };
    top += row.height;
    return row;
  });
}

function blockOf({ kind, filters, zoom }: Opened, top: number, most: number): FilterBlock {
  if (kind === 'lines') {
    const height = filters * HEAT_LINE;
    return { kind, top, height: height + FILTERS_EDGE, chart: height, line: HEAT_LINE, filters };
  }
  const line = baseLine(filters) * zoom;
  const chart = Math.min(most, filters * line);
  const height = Math.max(FILTERS_LEAST, chart) + FILTERS_EDGE;
  return { kind, top, height, chart, line, filters };
}

/** Of a row's charts, without its filters. */
export function chartsHeight({ other }: UnitRow): number {
  return other === null ? ROW : 2 * ROW;
}

export function heightOf(rows: readonly UnitRow[]): number {
  const last = rows.at(-1);
  return last ? last.top + last.height : 0;
}

/** The index of the row at a height; -1 above and below all. */
export function rowAt(rows: readonly UnitRow[], y: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as UnitRow).top <= y) low = middle + 1;
    else high = middle;
  }
  const row = rows[low - 1];
  return row && y < row.top + row.height ? low - 1 : -1;
}

/** Rows that reach into a stretch of heights. */
export function rowsWithin(rows: readonly UnitRow[], from: number, to: number): readonly UnitRow[] {
  return rows.filter(({ top, height }) => top < to && top + height > from);
}
