/** Which classes the butterfly chart shows, and in which order. */
import type { Predictions } from '../../client/types';

/** More classes than this are not drawn at once without being asked for. */
export const CLASSES_SHOWN = 30;
export const TOP_CLASSES = 12;

export interface ClassRow {
  readonly index: number;
  readonly a: number | null;
  readonly b: number | null;
  readonly isTruth: boolean;
}

/** Few classes by index; of many the likeliest first, the true one always among them. */
export function classRows(predictions: Predictions, all: boolean): readonly ClassRow[] {
  const rows = predictions.a.map(
    (value, index): ClassRow => ({
      index,
      a: value,
      b: predictions.b[index] ?? null,
      isTruth: index === predictions.label,
    }),
  );
  if (rows.length <= CLASSES_SHOWN) return rows;
  const sorted = [...rows].sort((x, y) => highest(y) - highest(x) || x.index - y.index);
  if (all) return sorted;
  const top = sorted.slice(0, TOP_CLASSES);
  const truth = rows.find(({ isTruth }) => isTruth);
  return !truth || top.includes(truth) ? top : [...top, truth];
}

function highest({ a, b }: ClassRow): number {
  return Math.max(a ?? -1, b ?? -1);
}

/** The class with the largest probability; null where none is finite. */
export function predicted(probabilities: readonly (number | null)[]): number | null {
  let best: number | null = null;
  probabilities.forEach((value, index) => {
    if (value !== null && (best === null || value > (probabilities[best] ?? -1))) best = index;
  });
  return best;
}
