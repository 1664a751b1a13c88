/** Series over time as lines of pixels. */
import type { FilterSeries } from '../../client/types';
import type { Column } from '../../scales/steps';

/** Paints `share`, from 0 to 1, or NaN for what is not known. */
export interface HeatTable {
  readonly colors: Uint32Array;
  readonly missing: number;
}

/** The columns behind each pixel, from the first to before the last; none where both are equal. */
export interface Spans {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export function spansOf(columns: readonly Column[], pixels: number, ratio: number): Spans {
  const [from, to] = [new Int32Array(pixels), new Int32Array(pixels)];
  for (const { index, left, right } of columns) {
    const first = Math.max(0, Math.floor(left * ratio));
    const last = Math.min(pixels, Math.max(first + 1, Math.floor(right * ratio)));
    for (let pixel = first; pixel < last; pixel += 1) {
      if (from[pixel] === to[pixel]) from[pixel] = index;
      to[pixel] = index + 1;
    }
  }
  return { from, to };
}

/** The largest of the shares behind each pixel: what happened once is not lost. */
export function heatLine(
  line: Uint32Array,
  spans: Spans,
  shares: Float32Array,
  table: HeatTable,
): void {
  const top = table.colors.length - 1;
  for (let pixel = 0; pixel < line.length; pixel += 1) {
    const [from, to] = [spans.from[pixel] as number, spans.to[pixel] as number];
    let most = Number.NaN;
    for (let index = from; index < to && index < shares.length; index += 1) {
      const share = shares[index] as number;
      if (share > most || Number.isNaN(most)) most = share;
    }
    if (from === to) line[pixel] = 0;
    else if (Number.isNaN(most)) line[pixel] = table.missing;
    else line[pixel] = table.colors[Math.round(Math.max(0, Math.min(1, most)) * top)] as number;
  }
}

/** Of a filter's changes, so many are painted as nothing: the least ones are rounding. */
const LEAST_QUANTILE = 0.05;
/** Changes that hardly differ are not told apart as if they did. */
const DECADE = 10;

/**
 * How much a filter changed at each dump, from 0, its least change, to 1, its largest, by the
 * logarithm of 1 − cosine: a filter turns thousands of times less late in a training than early.
 * Both are those of the dumps in sight; others are cut off. NaN where nothing is known; null for a
 * filter that the series does not have.
 */
export function filterShares(
  { filters, values }: FilterSeries,
  filter: number,
  [first, last]: readonly [first: number, last: number] = [0, Number.POSITIVE_INFINITY],
): Float32Array | null {
  const place = filters.indexOf(filter);
  if (place < 0) return null;
  const dumps = Math.floor(values.length / filters.length);
  const own = values.subarray(place * dumps, (place + 1) * dumps);
  const changes = Float64Array.from(own, (value) => 1 - value);
  const sorted = changes.slice(first, Math.min(dumps, last + 1)).filter((change) => change > 0);
  sorted.sort();
  const most = sorted.at(-1);
  if (most === undefined)
    return Float32Array.from(changes, (change) => (Number.isNaN(change) ? change : 0));
  const least = sorted[Math.floor(LEAST_QUANTILE * sorted.length)] as number;
  const low = Math.log(Math.min(least, most / DECADE));
  const span = Math.log(most) - low;
  return Float32Array.from(changes, (change) => {
    if (Number.isNaN(change)) return Number.NaN;
    return change <= 0 ? 0 : Math.max(0, Math.min(1, (Math.log(change) - low) / span));
  });
}

/** `#rrggbb` as a canvas keeps it: red in the lowest byte. */
export function packed(color: string): number {
  const bits = Number.parseInt(color.slice(1), 16);
  return ((255 << 24) | ((bits & 255) << 16) | (bits & 0xff00) | (bits >> 16)) >>> 0;
}

export function heatTable(colors: readonly string[], missing: string): HeatTable {
  return { colors: Uint32Array.from(colors, packed), missing: packed(missing) };
}
