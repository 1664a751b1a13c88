/** Dumps at which values of a unit are NaN or infinite: a striped edge above them. */
import type { Bucket } from './buckets';
import { notFiniteAt, type Row, valueAt } from './series';
import type { Shape } from './shapes';

export interface NotFiniteStyle {
  /** Of the edge, and of its stripes. */
  readonly edge: string;
  readonly stripe: string;
  /** Below the edge, where no value is finite. */
  readonly ground: string;
}

/** CSS pixels: how high the edge is, and how wide a stripe is and what is between two. */
const EDGE = 5;
const STRIPE = 3;

/** Drawn over the chart, which knows of finite values only. */
export function notFiniteShapes(
  row: Row,
  buckets: readonly Bucket[],
  height: number,
  { edge, stripe, ground }: NotFiniteStyle,
  ratio: number,
): readonly Shape[] {
  const tall = Math.round(EDGE * ratio);
  const [edges, grounds]: [number[], number[]] = [[], []];
  for (const bucket of buckets) {
    if (!isWithin(bucket, (dump) => notFiniteAt(row, dump) > 0)) continue;
    const [left, width] = [bucket.left, bucket.right - bucket.left];
    edges.push(left, 0, width, tall);
    if (!isWithin(bucket, (dump) => isDrawn(row, dump))) {
      grounds.push(left, tall, width, height - tall);
    }
  }
  if (edges.length === 0) return [];
  return [
    { kind: 'rects', fill: ground, rects: grounds },
    { kind: 'rects', fill: edge, rects: edges },
    { kind: 'rects', fill: stripe, rects: stripesIn(edges, STRIPE * ratio) },
  ];
}

/** In step over the whole chart, so that neighbours join. */
function stripesIn(rects: readonly number[], wide: number): readonly number[] {
  const stripes: number[] = [];
  for (let at = 0; at < rects.length; at += 4) {
    const [left, top, width, tall] = rects.slice(at, at + 4) as [number, number, number, number];
    const first = 2 * Math.floor(left / (2 * wide));
    for (let stripe = first; stripe * wide < left + width; stripe += 2) {
      const from = Math.max(left, stripe * wide);
      const to = Math.min(left + width, (stripe + 1) * wide);
      if (to > from) stripes.push(from, top, to - from, tall);
    }
  }
  return stripes;
}

function isWithin({ from, to }: Bucket, test: (dump: number) => boolean): boolean {
  for (let dump = from; dump < to; dump += 1) if (test(dump)) return true;
  return false;
}

function isDrawn(row: Row, dump: number): boolean {
  for (let part = 0; part < row.depth; part += 1) {
    if (!Number.isNaN(valueAt(row, dump, part))) return true;
  }
  return false;
}
