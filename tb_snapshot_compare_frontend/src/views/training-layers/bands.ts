/** Change-ratio charts: in each column the shares of weights by band of |x/w|, the largest below. */
import type { Bucket } from './buckets';
import { type Row, valueAt } from './series';
import type { Shape } from './shapes';

/** The mean shares of a bucket's dumps, smallest ratios first; null where nothing is known. */
export function sharesOf(row: Row, { from, to }: Bucket): readonly number[] | null {
  const sums = new Array<number>(row.depth).fill(0);
  let known = 0;
  for (let dump = from; dump < Math.min(to, row.dumps); dump += 1) {
    if (!isKnown(row, dump)) continue;
    known += 1;
    for (let band = 0; band < row.depth; band += 1) {
      sums[band] = (sums[band] as number) + valueAt(row, dump, band);
    }
  }
  return known === 0 ? null : sums.map((sum) => sum / known);
}

function isKnown(row: Row, dump: number): boolean {
  for (let band = 0; band < row.depth; band += 1) {
    if (!Number.isFinite(valueAt(row, dump, band))) return false;
  }
  return true;
}

/** Every band is drawn over the one of smaller ratios, so that there are no seams. */
export function bandShapes(
  row: Row,
  buckets: readonly Bucket[],
  height: number,
  colors: readonly string[],
  missing: string,
): readonly Shape[] {
  const rects = colors.map((): number[] => []);
  const gaps: number[] = [];
  for (const bucket of buckets) {
    const { left, right } = bucket;
    if (bucket.from >= row.dumps) continue;
    const shares = sharesOf(row, bucket);
    if (shares === null) {
      gaps.push(left, 0, right - left, height);
      continue;
    }
    let atLeast = 0;
    for (let band = row.depth - 1; band >= 0; band -= 1) {
      atLeast += shares[band] as number;
      const tall = Math.min(1, atLeast) * height;
      if (tall > 0) rects[band]?.push(left, height - tall, right - left, tall);
    }
  }
  return [
    ...colors.map((fill, band): Shape => ({ kind: 'rects', fill, rects: rects[band] ?? [] })),
    { kind: 'missing', fill: missing, rects: gaps },
  ];
}
