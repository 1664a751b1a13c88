/** Ranges of values that the charts of rows span. */
import { type Row, valueAt } from './series';

export interface Extent {
  readonly low: number;
  readonly high: number;
}

/** What lies beyond this share of the values is cut off: single outliers must not flatten the rest. */
const QUANTILE = 0.995;

/** Of all finite values; null without any. */
export function extentOf({ values }: Row): Extent | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? { low, high } : null;
}

/** Of finite values but the outermost ones, by nearest rank; null without any. */
export function innerExtentOf({ values }: Pick<Row, 'values'>): Extent | null {
  const sorted = values.filter(Number.isFinite).sort();
  const last = sorted.length - 1;
  const high = sorted[Math.round(QUANTILE * last)];
  if (high === undefined) return null;
  return { low: sorted[Math.round((1 - QUANTILE) * last)] as number, high };
}

/** Of whole box plots: the inner minima and maxima; null without any finite value. */
export function innerBoxExtent({ values, depth }: Row): Extent | null {
  const part = (of: number) =>
    innerExtentOf({ values: values.filter((_, index) => index % depth === of) });
  const [lowest, highest] = [part(0), part(depth - 1)];
  return lowest && highest && { low: lowest.low, high: highest.high };
}

export function joined(extents: readonly (Extent | null)[]): Extent | null {
  const known = extents.filter((extent) => extent !== null);
  if (known.length === 0) return null;
  return {
    low: Math.min(...known.map(({ low }) => low)),
    high: Math.max(...known.map(({ high }) => high)),
  };
}

export function withZero({ low, high }: Extent): Extent {
  return { low: Math.min(0, low), high: Math.max(0, high) };
}

/**
 * From what a horizon graph rises (`low`) to where its last band ends; negative values fall from
 * the base as far. Null without any finite value.
 */
export function horizonExtent(row: Row, base: 'zero' | 'lowest'): Extent | null {
  const all = extentOf(row);
  if (all === null) return null;
  const low = base === 'zero' ? 0 : all.low;
  const distances: number[] = [];
  for (let dump = 0; dump < row.dumps; dump += 1) {
    const distance = Math.abs(valueAt(row, dump) - low);
    if (Number.isFinite(distance)) distances.push(distance);
  }
  distances.sort((one, other) => one - other);
  const span = distances[Math.round(QUANTILE * (distances.length - 1))] ?? 0;
  return { low, high: low + (span > 0 ? span : (distances.at(-1) ?? 0)) };
}
