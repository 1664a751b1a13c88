/** Rows of what the server answered: a unit's values over dumps. */
import type { LayerBands, LayerSeries, NotFinite } from '../../client/types';

/** One value, or a fixed number of them, for each dump; beyond the last dump there are none. */
export interface Row {
  readonly depth: number;
  readonly dumps: number;
  /** Dump by dump. */
  readonly values: Float32Array;
  /** Dump by dump; null where all values are finite. */
  readonly notFinite: NotFinite | null;
}

/** Null while the answer is of other units. */
export function rowOf(series: LayerSeries | LayerBands | null, path: string): Row | null {
  const index = series?.units.indexOf(path) ?? -1;
  if (series === null || index < 0) return null;
  const depth = 'depth' in series ? series.depth : series.edges.length + 1;
  const dumps = Math.floor(series.values.length / Math.max(1, series.units.length * depth));
  const rows = <T extends Float32Array | Float64Array>(values: T, size: number) =>
    values.subarray(index * size, (index + 1) * size) as T;
  const known = series.notFinite;
  return {
    depth,
    dumps,
    values: rows(series.values, dumps * depth),
    notFinite: known && { some: rows(known.some, dumps), of: rows(known.of, dumps) },
  };
}

export function valueAt({ depth, values }: Row, dump: number, part = 0): number {
  return values[dump * depth + part] ?? Number.NaN;
}

/** Whether anything was recorded. */
export function hasValues(row: Row): boolean {
  return row.values.some((value) => !Number.isNaN(value)) || hasNotFinite(row);
}

/** How many values of a unit are NaN or infinite at a dump. */
export function notFiniteAt({ notFinite }: Row, dump: number): number {
  return notFinite?.some[dump] ?? 0;
}

export function hasNotFinite({ notFinite }: Row): boolean {
  return notFinite?.some.some((count) => count > 0) ?? false;
}

/** Whether some dump is not known; one of values that are all NaN or infinite is. */
export function hasGaps(row: Row): boolean {
  return row.values.some(
    (value, at) => Number.isNaN(value) && notFiniteAt(row, Math.floor(at / row.depth)) === 0,
  );
}
