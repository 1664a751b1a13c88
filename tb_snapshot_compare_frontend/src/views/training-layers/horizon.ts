/**
 * Horizon graphs: a curve cut into bands that are laid over one another, darker from band to band
 * (Saito et al. 2005; Heer, Kong and Agrawala 2009).
 */
import type { Bucket } from './buckets';
import type { Extent } from './extents';
import { type Row, valueAt } from './series';
import type { Shape } from './shapes';

export interface HorizonStyle {
  /** One colour for each band, lowest first. */
  readonly above: readonly string[];
  readonly below: readonly string[];
  /** Whether values below the base rise like the others; else they hang from the top. */
  readonly mirror: boolean;
  readonly missing: string;
}

/** The band that a value reaches into, and how much of that one it fills, in (0, 1]. */
export interface Folded {
  readonly band: number;
  readonly share: number;
}

/** `distance` from the base in units of the span; what is beyond the last band fills it. */
export function fold(distance: number, bands: number): Folded | null {
  const height = Math.min(Math.abs(distance), 1) * bands;
  if (!(height > 0)) return null;
  const band = Math.min(bands - 1, Math.ceil(height) - 1);
  return { band, share: height - band };
}

/** The value of a bucket that is farthest from the base; NaN without a finite one. */
export function farthest(row: Row, { from, to }: Bucket, base: number): number {
  let [found, most] = [Number.NaN, -1];
  for (let dump = from; dump < to; dump += 1) {
    const value = valueAt(row, dump);
    const distance = Math.abs(value - base);
    if (distance > most && Number.isFinite(distance)) [found, most] = [value, distance];
  }
  return found;
}

export function horizonShapes(
  row: Row,
  buckets: readonly Bucket[],
  { low, high }: Extent,
  height: number,
  style: HorizonStyle,
): readonly Shape[] {
  const bands = style.above.length;
  const rects = new Map<string, number[]>();
  const add = (fill: string | undefined, ...rect: number[]): void => {
    if (fill === undefined) return;
    const known = rects.get(fill);
    if (known) known.push(...rect);
    else rects.set(fill, rect);
  };
  const gaps: number[] = [];
  const span = high - low;
  for (const bucket of buckets) {
    const { left, right } = bucket;
    if (bucket.from >= row.dumps) continue;
    const value = farthest(row, bucket, low);
    if (Number.isNaN(value)) {
      gaps.push(left, 0, right - left, height);
      continue;
    }
    const folded = fold(span > 0 ? (value - low) / span : 0, bands);
    if (folded === null) continue;
    const colors = value < low ? style.below : style.above;
    const hangs = value < low && !style.mirror;
    const tall = folded.share * height;
    add(colors[folded.band], left, hangs ? 0 : height - tall, right - left, tall);
    const rest = height - tall;
    if (folded.band > 0 && rest > 0) {
      add(colors[folded.band - 1], left, hangs ? tall : 0, right - left, rest);
    }
  }
  return [
    ...[...rects].map(([fill, list]): Shape => ({ kind: 'rects', fill, rects: list })),
    { kind: 'missing', fill: style.missing, rects: gaps },
  ];
}
