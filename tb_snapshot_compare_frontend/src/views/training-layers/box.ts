/** Box plots of minimum, first quartile, mean, third quartile and maximum, one for each column. */
import type { Bucket } from './buckets';
import type { Extent } from './extents';
import { BEYOND_HEIGHT } from './line';
import { type Row, valueAt } from './series';
import type { Shape } from './shapes';

export interface BoxStyle {
  readonly range: string;
  readonly whisker: string;
  readonly box: string;
  readonly mean: string;
  /** Marks at the edge that a value lies beyond. */
  readonly beyond: string;
  readonly missing: string;
}

export interface Quartiles {
  readonly minimum: number;
  readonly q1: number;
  readonly mean: number;
  readonly q3: number;
  readonly maximum: number;
}

/** Narrower columns have no room for whiskers: their ranges run into one another. */
const WHISKERS_FROM = 7;

/** Of several dumps: the widest range, and the means of the rest. */
export function quartilesOf(row: Row, { from, to }: Bucket): Quartiles | null {
  const all: number[][] = [];
  for (let dump = from; dump < Math.min(to, row.dumps); dump += 1) {
    const five = [0, 1, 2, 3, 4].map((part) => valueAt(row, dump, part));
    if (five.every(Number.isFinite)) all.push(five);
  }
  if (all.length === 0) return null;
  const of = (part: number) => all.map((five) => five[part] as number);
  const mean = (part: number) => of(part).reduce((sum, value) => sum + value, 0) / all.length;
  return {
    minimum: Math.min(...of(0)),
    q1: mean(1),
    mean: mean(2),
    q3: mean(3),
    maximum: Math.max(...of(4)),
  };
}

export function boxShapes(
  row: Row,
  buckets: readonly Bucket[],
  { low, high }: Extent,
  height: number,
  style: BoxStyle,
  ratio: number,
): readonly Shape[] {
  const [ranges, whiskers, boxes, means, gaps]: number[][] = [[], [], [], [], []];
  const beyond: number[] = [];
  const mark = BEYOND_HEIGHT * ratio;
  const y = (value: number) => {
    const share = high > low ? (high - value) / (high - low) : 0.5;
    return height * Math.max(0, Math.min(1, share));
  };
  for (const bucket of buckets) {
    if (bucket.from >= row.dumps) continue;
    const { left, right } = bucket;
    const wide = right - left;
    const five = quartilesOf(row, bucket);
    if (five === null) {
      gaps?.push(left, 0, wide, height);
      continue;
    }
    if (five.maximum > high) beyond.push(left, 0, wide, mark);
    if (five.minimum < low) beyond.push(left, height - mark, wide, mark);
    const hasWhiskers = wide >= WHISKERS_FROM * ratio;
    const [top, bottom] = [y(five.maximum), y(five.minimum)];
    const edge = hasWhiskers ? Math.max(ratio, Math.round(wide * 0.15)) : 0;
    if (hasWhiskers) {
      const middle = Math.round(left + wide / 2 - ratio / 2);
      whiskers?.push(middle, top, ratio, Math.max(ratio, bottom - top));
      for (const end of [top, bottom - ratio]) {
        whiskers?.push(left + 2 * edge, end, wide - 4 * edge, ratio);
      }
    } else ranges?.push(left, top, wide, Math.max(ratio, bottom - top));
    const [upper, lower] = [y(five.q3), y(five.q1)];
    boxes?.push(left + edge, upper, wide - 2 * edge, Math.max(ratio, lower - upper));
    means?.push(left + edge, y(five.mean) - ratio / 2, wide - 2 * edge, 1.5 * ratio);
  }
  return [
    { kind: 'rects', fill: style.range, rects: ranges ?? [] },
    { kind: 'rects', fill: style.whisker, rects: whiskers ?? [] },
    { kind: 'rects', fill: style.box, rects: boxes ?? [] },
    { kind: 'rects', fill: style.mean, rects: means ?? [] },
    { kind: 'rects', fill: style.beyond, rects: beyond },
    { kind: 'missing', fill: style.missing, rects: gaps ?? [] },
  ];
}
