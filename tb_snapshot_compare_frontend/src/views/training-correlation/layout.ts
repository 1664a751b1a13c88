/** Where the rows of layers and the columns of classes lie, in pixels from the drawing's corner. */
import type { Correlation } from '../../client/types';

export interface ColumnBand {
  /** Among `Correlation.classes`. */
  readonly place: number;
  readonly classIndex: number;
  readonly left: number;
  readonly width: number;
  /** Its anomaly iterations among `Correlation.columns`: the first, and how many. */
  readonly first: number;
  readonly count: number;
}

export interface SetBand {
  /** Among the sets of its row. */
  readonly index: number;
  readonly top: number;
  readonly height: number;
}

export interface RowBand {
  /** Among `Correlation.rows`. */
  readonly row: number;
  readonly layer: string;
  readonly top: number;
  readonly height: number;
  /** None in the simple form. */
  readonly sets: readonly SetBand[];
}

export interface Layout {
  readonly detailed: boolean;
  readonly columns: readonly ColumnBand[];
  readonly rows: readonly RowBand[];
  readonly width: number;
  readonly height: number;
  /** Width of an anomaly iteration; of a class in the simple form. */
  readonly unit: number;
  /** Height of a filter of a mini-set. */
  readonly filter: number;
}

/** A name of 10 px beside each row, above each column. */
const CELL_LEAST = 14;
/** Few classes have room for their names side by side. */
const CELL_MOST = 80;
const CELL_HEIGHT_LEAST = 18;
const CELL_HEIGHT_MOST = 26;
/** Rows that fit into it are as high as they may be. */
const CELLS_HEIGHT = 420;
const UNIT_LEAST = 7;
const UNIT_MOST = 40;
/** Between classes. */
export const CLASS_GAP = 3;
const FILTER_LEAST = 4;
const FILTER_MOST = 8;
/** Filters that fit into it are as high as they may be. */
const FILTERS_HEIGHT = 320;
const SET_GAP = 3;
const ROW_PADDING = 4;
const ROW_LEAST = 18;

export function simpleLayout(known: Correlation, room: number): Layout {
  const count = Math.max(1, known.classes.length);
  const unit = clamp(Math.floor(room / count), CELL_LEAST, CELL_MOST);
  const share = Math.floor(CELLS_HEIGHT / Math.max(1, known.rows.length));
  const high = clamp(share, CELL_HEIGHT_LEAST, CELL_HEIGHT_MOST);
  const counts = iterationsOf(known);
  let first = 0;
  const columns = known.classes.map((classIndex, place): ColumnBand => {
    const own = counts.get(classIndex) ?? 0;
    first += own;
    return { place, classIndex, left: place * unit, width: unit, first: first - own, count: own };
  });
  const rows = known.rows.map(
    ({ layer }, row): RowBand => ({
      row,
      layer,
      top: row * high,
      height: high,
      sets: [],
    }),
  );
  const [width, height] = [unit * known.classes.length, high * rows.length];
  return { detailed: false, columns, rows, width, height, unit, filter: 0 };
}

/** How large the drawing may become. */
export interface Bounds {
  /** Of the width of an anomaly iteration. */
  readonly least: number;
  readonly most: number;
  /** Of all filters together, where they are few. */
  readonly filters: number;
}

const BOUNDS: Bounds = { least: UNIT_LEAST, most: UNIT_MOST, filters: FILTERS_HEIGHT };

/** Layers without mini-sets have no row. */
export function detailedLayout(known: Correlation, room: number, bounds: Bounds = BOUNDS): Layout {
  const gaps = known.classes.length * CLASS_GAP;
  const share = Math.floor((room - gaps) / Math.max(1, known.columns.length));
  const unit = clamp(share, bounds.least, bounds.most);
  const filter = filterHeight(known, bounds.filters);
  const columns = classBands(known, unit);
  const rows = setBands(known, filter);
  const [column, row] = [columns.at(-1), rows.at(-1)];
  return {
    detailed: true,
    columns,
    rows,
    width: column ? column.left + column.width : 0,
    height: row ? row.top + row.height : 0,
    unit,
    filter,
  };
}

function classBands(known: Correlation, unit: number): readonly ColumnBand[] {
  const counts = iterationsOf(known);
  let [left, first] = [0, 0];
  return known.classes.map((classIndex, place) => {
    const count = counts.get(classIndex) ?? 0;
    const width = count * unit + CLASS_GAP;
    const band: ColumnBand = { place, classIndex, left, width, first, count };
    left += width;
    first += count;
    return band;
  });
}

function iterationsOf(known: Correlation): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { class_index } of known.columns) {
    counts.set(class_index, (counts.get(class_index) ?? 0) + 1);
  }
  return counts;
}

/** Few filters are higher. */
function filterHeight({ rows }: Correlation, room: number): number {
  const filters = rows.flatMap(({ sets }) => sets.map((set) => set.filters.length));
  const count = filters.reduce((sum, each) => sum + each, 0);
  return clamp(Math.floor(room / Math.max(1, count)), FILTER_LEAST, FILTER_MOST);
}

function setBands(known: Correlation, filter: number): readonly RowBand[] {
  const bands: RowBand[] = [];
  let top = 0;
  known.rows.forEach(({ layer, sets }, row) => {
    if (sets.length === 0) return;
    const content = sets.reduce((sum, { filters }) => sum + filter * filters.length, 0);
    const inner = content + SET_GAP * (sets.length - 1);
    const height = Math.max(ROW_LEAST, inner + 2 * ROW_PADDING);
    let at = top + Math.floor((height - inner) / 2);
    const placed = sets.map(({ filters }, index): SetBand => {
      const band = { index, top: at, height: filter * filters.length };
      at += band.height + SET_GAP;
      return band;
    });
    bands.push({ row, layer, top, height, sets: placed });
    top += height;
  });
  return bands;
}

/** Left edge of an anomaly iteration. */
export function iterationLeft({ left, first }: ColumnBand, column: number, unit: number): number {
  return left + Math.floor(CLASS_GAP / 2) + (column - first) * unit;
}

/** The class's band that an anomaly iteration lies in. */
export function bandOfColumn(layout: Layout, column: number): ColumnBand | null {
  return lastWhere(layout.columns, ({ first }) => first <= column);
}

export function columnAt(layout: Layout, x: number): ColumnBand | null {
  if (x < 0 || x >= layout.width) return null;
  return lastWhere(layout.columns, ({ left }) => left <= x);
}

export function rowAt(layout: Layout, y: number): RowBand | null {
  if (y < 0 || y >= layout.height) return null;
  return lastWhere(layout.rows, ({ top }) => top <= y);
}

/** The last for which it holds, of those that begin with all for which it holds. */
function lastWhere<T>(items: readonly T[], holds: (item: T) => boolean): T | null {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return items[low - 1] ?? null;
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
