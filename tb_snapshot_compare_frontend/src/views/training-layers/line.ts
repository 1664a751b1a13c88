/** Lines: a value holds from its dump to the next one. */
import type { Bucket } from './buckets';
import type { Extent } from './extents';
import { type Row, valueAt } from './series';
import type { Shape } from './shapes';

export interface LineStyle {
  readonly stroke: string;
  readonly zero: string;
  /** Marks at the edge that a value lies beyond. */
  readonly beyond: string;
  readonly missing: string;
}

/** Of the marks at the edge that a value lies beyond, in CSS pixels. */
export const BEYOND_HEIGHT = 3;

/** First, least, greatest and last of the finite values; null without any. */
export function turnsOf(row: Row, { from, to }: Bucket): readonly number[] | null {
  const values: number[] = [];
  for (let dump = from; dump < to; dump += 1) {
    const value = valueAt(row, dump);
    if (Number.isFinite(value)) values.push(value);
  }
  if (values.length === 0) return null;
  const [first, last] = [values[0] as number, values.at(-1) as number];
  return [first, Math.min(...values), Math.max(...values), last];
}

export function lineShapes(
  row: Row,
  buckets: readonly Bucket[],
  { low, high }: Extent,
  height: number,
  style: LineStyle,
  ratio: number,
): readonly Shape[] {
  const width = 1.25 * ratio;
  const y = (value: number) => {
    const share = high > low ? (high - value) / (high - low) : 0.5;
    return width / 2 + (height - width) * Math.max(0, Math.min(1, share));
  };
  const points: number[] = [];
  const gaps: number[] = [];
  const beyond: number[] = [];
  const mark = BEYOND_HEIGHT * ratio;
  for (const bucket of buckets) {
    const { left, right } = bucket;
    if (bucket.from >= row.dumps) continue;
    const turns = turnsOf(row, bucket);
    if (turns === null) {
      points.push(left, Number.NaN);
      gaps.push(left, 0, right - left, height);
      continue;
    }
    if ((turns[2] as number) > high) beyond.push(left, 0, right - left, mark);
    if ((turns[1] as number) < low) beyond.push(left, height - mark, right - left, mark);
    const [first, lowest, highest, last] = turns.map(y) as [number, number, number, number];
    points.push(left, first);
    if (lowest !== highest) points.push(left, lowest, left, highest);
    points.push(right, last);
  }
  const end = buckets.at(-1)?.right ?? 0;
  const zero = low < 0 && high > 0 ? [0, y(0) - ratio / 2, end, ratio] : [];
  return [
    { kind: 'missing', fill: style.missing, rects: gaps },
    { kind: 'rects', fill: style.zero, rects: zero },
    { kind: 'line', stroke: style.stroke, width, points },
    { kind: 'rects', fill: style.beyond, rects: beyond },
  ];
}
