/** Columns of a chart at device pixels: where dumps are denser than pixels, some share one. */
import type { Column } from '../../scales/steps';

export interface Bucket {
  /** Device pixels, whole. */
  readonly left: number;
  readonly right: number;
  /** Indices of dumps, the last exclusive. */
  readonly from: number;
  readonly to: number;
}

/** Neighbours touch; every column that reaches into the chart is in exactly one bucket. */
export function bucketsOf(
  columns: readonly Column[],
  width: number,
  ratio: number,
): readonly Bucket[] {
  const edge = Math.round(width * ratio);
  const buckets: Bucket[] = [];
  let start: { left: number; from: number } | null = null;
  for (const column of columns) {
    start ??= { left: within(column.left * ratio, edge), from: column.index };
    const right = within(column.right * ratio, edge);
    if (right <= start.left) continue;
    buckets.push({ ...start, right, to: column.index + 1 });
    start = null;
  }
  const [last, end] = [buckets.at(-1), columns.at(-1)];
  if (start && last && end) buckets[buckets.length - 1] = { ...last, to: end.index + 1 };
  return buckets;
}

function within(place: number, edge: number): number {
  return Math.max(0, Math.min(edge, Math.round(place)));
}
