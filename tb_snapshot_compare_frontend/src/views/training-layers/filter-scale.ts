/** How strongly each filter is shaded at each dump: larger changes are darker. */
import type { FilterSeries } from '../../client/types';
import type { FilterScale } from '../../state/training';

export interface Shading {
  readonly filters: number;
  readonly dumps: number;
  /** What the colours tell, filters x dumps: the measure, or 1 − cosine. */
  readonly change: Float32Array;
  readonly scale: FilterScale;
  /** Whether the colours grow as the angle between weights before and after. */
  readonly isAngle: boolean;
  /** Of each filter, of each dump, or of all: what is lightest and darkest; -Infinity if unknown. */
  readonly lows: Float64Array;
  readonly highs: Float64Array;
}

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** Of the whole, single outliers must not flatten the rest. */
const WHOLE_QUANTILE = 0.995;
/** Sorting all values of a large layer would be felt. */
const SAMPLE_MOST = 200_000;
/** Not changes: they differ from filter to filter, and never come near zero. */
const STATES: ReadonlySet<string> = new Set(['w_l2', 'w_std']);

export function changeOf(measure: string, value: number): number {
  return measure === 'cosine' ? 1 - value : value;
}

export function shadingOf(series: FilterSeries, scale: FilterScale): Shading {
  const filters = series.filters.length;
  const dumps = filters === 0 ? 0 : Math.floor(series.values.length / filters);
  const isAngle = series.measure === 'cosine';
  const change = isAngle ? series.values.map((value) => 1 - value) : series.values;
  const fromZero = !STATES.has(series.measure);
  const count = scale === 'filter' ? filters : scale === 'dump' ? dumps : 1;
  const lows = new Float64Array(count).fill(fromZero ? 0 : Number.POSITIVE_INFINITY);
  const highs = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  for (let filter = 0; filter < filters; filter += 1) {
    for (let dump = 0; dump < dumps; dump += 1) {
      const value = change[filter * dumps + dump] as number;
      if (!Number.isFinite(value)) continue;
      const at = placeOf(scale, filter, dump);
      if (!fromZero && value < (lows[at] as number)) lows[at] = value;
      if (value > (highs[at] as number)) highs[at] = value;
    }
  }
  if (scale === 'all' && fromZero) highs[0] = quantile(change, WHOLE_QUANTILE);
  return { filters, dumps, change, scale, isAngle, lows, highs };
}

function placeOf(scale: FilterScale, filter: number, dump: number): number {
  return scale === 'filter' ? filter : scale === 'dump' ? dump : 0;
}

/** Null where nothing is known. */
export function boundsAt(shading: Shading, filter: number, dump: number): Bounds | null {
  const at = placeOf(shading.scale, filter, dump);
  const [low, high] = [shading.lows[at] ?? 0, shading.highs[at] ?? Number.NEGATIVE_INFINITY];
  return high >= low ? { low, high } : null;
}

/**
 * The shades of a filter at each dump, from 0, the least change, to 1; NaN where it is not known.
 * Of 1 − cosine it is the square root, which grows as the angle.
 */
export function shadesOf(shading: Shading, filter: number): Float32Array {
  const { dumps, change, scale, isAngle, lows, highs } = shading;
  const shades = new Float32Array(dumps);
  const start = filter * dumps;
  for (let dump = 0; dump < dumps; dump += 1) {
    const at = scale === 'filter' ? filter : scale === 'dump' ? dump : 0;
    const low = lows[at] as number;
    const span = (highs[at] as number) - low;
    const value = change[start + dump] as number;
    const within = span > 0 ? Math.max(0, Math.min(1, (value - low) / span)) : 0;
    const share = Number.isNaN(value) ? Number.NaN : within;
    shades[dump] = isAngle ? Math.sqrt(share) : share;
  }
  return shades;
}

/** The strongest shade of some dumps, the last exclusive; NaN where none is known. */
export function strongest(shades: Float32Array, from: number, to: number): number {
  let most = Number.NaN;
  for (let dump = from; dump < to && dump < shades.length; dump += 1) {
    const shade = shades[dump] as number;
    if (shade > most || Number.isNaN(most)) most = shade;
  }
  return most;
}

/** Nearest rank among the finite values, of a sample where they are many; -Infinity without any. */
function quantile(values: Float32Array, share: number): number {
  const stride = Math.ceil(values.length / SAMPLE_MOST) | 1;
  const sorted = values
    .filter((value, index) => index % stride === 0 && Number.isFinite(value))
    .sort();
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NEGATIVE_INFINITY;
}
