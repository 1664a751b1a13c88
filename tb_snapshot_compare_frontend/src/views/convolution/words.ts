/** The view in words. */
import type { KernelMap, KernelPlaces, KernelSlice, Located } from '../../client/types';
import { formatCount, formatNumber } from '../../scales/format';
import type { Area } from '../../state/selection';
import type { Place } from './geometry';

/** `filter 125, input channel 3`. */
export function positionOf(map: KernelMap, places: KernelPlaces | null, cell: Place): string {
  const index = storedIndex(map, places, cell);
  const column = map.columns === 1 ? null : `${map.column_word} ${index?.column ?? '…'}`;
  const row = map.rows === 1 ? null : `${map.row_word} ${index?.row ?? '…'}`;
  return [column, row].filter(Boolean).join(', ') || map.cell_word;
}

/** Null while an order is not known. */
export function storedIndex(
  map: KernelMap,
  places: KernelPlaces | null,
  { row, column }: Place,
): Place | null {
  const known = {
    row: places?.rows[row] ?? (map.rows_by === 'index' ? row : null),
    column: places?.columns[column] ?? (map.columns_by === 'index' ? column : null),
  };
  return known.row === null || known.column === null
    ? null
    : { row: known.row, column: known.column };
}

/** `1,234 weights in 567 of 262,144 slices`. */
export function locatedLine({ weights, slices, slices_total }: Located, map: KernelMap): string {
  const noun = weights === 1 ? 'weight' : 'weights';
  if (map.cell_rows * map.cell_columns === 1) {
    return `${formatCount(weights)} of ${formatCount(slices_total)} weights are selected`;
  }
  return `${formatCount(weights)} ${noun} in ${formatCount(slices)} of ${formatCount(slices_total)} slices`;
}

/** `64 × 32 slices`. */
export function areaSize({ rows, columns }: Area, map: KernelMap): string {
  const high = rows[1] - rows[0] + 1;
  const wide = columns[1] - columns[0] + 1;
  const noun = map.cell_rows * map.cell_columns === 1 ? 'weights' : 'slices';
  return `${formatCount(high)} × ${formatCount(wide)} ${noun}`;
}

export function areaPosition({ rows, columns }: Area, map: KernelMap): string {
  const span = ([first, last]: readonly [number, number]) =>
    first === last ? String(first) : `${first}–${last}`;
  const place = map.rows_by === 'index' && map.columns_by === 'index' ? '' : 'places: ';
  return `${place}${map.row_word} ${span(rows)}, ${map.column_word} ${span(columns)}`;
}

export function weightsOf({ shape }: KernelMap): string {
  const count = shape.reduce((product, size) => product * size, 1);
  return `${formatCount(count)} ${count === 1 ? 'weight' : 'weights'}`;
}

/** The value of one weight of a slice; what is not finite is named. */
export function valueText(
  slice: KernelSlice,
  side: 'a' | 'b',
  row: number,
  column: number,
  digits = 5,
): string {
  const value = slice[side][row]?.[column] ?? null;
  if (value !== null) return formatNumber(value, digits);
  const texts = side === 'a' ? slice.texts_a : slice.texts_b;
  return NAMES[texts[`${row},${column}`] ?? ''] ?? 'not finite';
}

const NAMES: Readonly<Record<string, string>> = { nan: 'NaN', inf: '∞', '-inf': '−∞' };

/** Root mean square of the finite values. */
export function rootMeanSquare(values: KernelSlice['a']): number | null {
  const finite = values.flat().filter((value) => value !== null);
  if (finite.length === 0) return null;
  return Math.sqrt(finite.reduce((sum, value) => sum + value ** 2, 0) / finite.length);
}

/** Rows of tab-separated numbers, as spreadsheets take them. */
export function sliceText({ a, b, difference }: KernelSlice): string {
  const block = (name: string, values: KernelSlice['a']) =>
    [name, ...values.map((row) => row.map((value) => value ?? 'NaN').join('\t'))].join('\n');
  return [block('a', a), block('b', b), block('b − a', difference)].join('\n\n');
}
