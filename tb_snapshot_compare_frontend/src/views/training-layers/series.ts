/** Rows of what the server answered: a unit's values over dumps. */
import type { LayerBands, LayerSeries } from '../../client/types';

/** One value, or a fixed number of them, for each dump; beyond the last dump there are none. */
export interface Row {
  readonly depth: number;
  readonly dumps: number;
  /** Dump by dump. */
  readonly values: Float32Array;
}

/** Null while the answer is of other units. */
export function rowOf(series: LayerSeries | LayerBands | null, path: string): Row | null {
  const index = series?.units.indexOf(path) ?? -1;
  if (series === null || index < 0) return null;
  const depth = 'depth' in series ? series.depth : series.edges.length + 1;
  const dumps = Math.floor(series.values.length / Math.max(1, series.units.length * depth));
  const size = dumps * depth;
  return { depth, dumps, values: series.values.subarray(index * size, (index + 1) * size) };
}

export function valueAt({ depth, values }: Row, dump: number, part = 0): number {
  return values[dump * depth + part] ?? Number.NaN;
}

/** Whether anything was recorded. */
export function hasValues({ values }: Row): boolean {
  return values.some((value) => !Number.isNaN(value));
}
