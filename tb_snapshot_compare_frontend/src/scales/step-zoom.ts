/**
 * Zooming and panning on the time axis, by whole columns. A range names its first and last step;
 * null is all of them, also those to come.
 */
import { indexAt } from './steps';

export type Range = readonly [first: number, last: number];

/** Fewer columns are not shown, where there are as many. */
export const COLUMNS_LEAST = 4;

/** The first and the last column of a range. */
export function columnSpan(steps: readonly number[], range: Range | null): Range {
  const last = Math.max(0, steps.length - 1);
  if (range === null) return [0, last];
  const from = Math.max(0, indexAt(steps, range[0]));
  return [Math.min(from, last), Math.min(last, Math.max(from, indexAt(steps, range[1])))];
}

/** How much larger columns are than when all are in sight. */
export function zoomOf(steps: readonly number[], range: Range | null): number {
  const [from, to] = columnSpan(steps, range);
  return steps.length / (to - from + 1);
}

/** Enlarges about a step; below 1 it shrinks. */
export function zoomed(
  steps: readonly number[],
  range: Range | null,
  factor: number,
  about: number,
): Range | null {
  const [from, to] = columnSpan(steps, range);
  const count = to - from + 1;
  const wanted = Math.round(count / factor);
  // A turn of the wheel over few columns changes something still.
  const next = wanted === count ? count + (factor > 1 ? -1 : 1) : wanted;
  const anchor = Math.min(to, Math.max(from, indexAt(steps, about)));
  const share = count === 1 ? 0.5 : (anchor - from) / (count - 1);
  return spanned(steps, Math.round(anchor - share * (next - 1)), next);
}

/** Moves by columns, later ones are positive. */
export function panned(
  steps: readonly number[],
  range: Range | null,
  columns: number,
): Range | null {
  const [from, to] = columnSpan(steps, range);
  return spanned(steps, from + Math.round(columns), to - from + 1);
}

/** From one step to another, in either order. */
export function between(steps: readonly number[], one: number, other: number): Range | null {
  const [first, last] = one <= other ? [one, other] : [other, one];
  const [from, to] = columnSpan(steps, [first, last]);
  return spanned(steps, from, to - from + 1);
}

/** As little as brings a step into sight. */
export function revealed(
  steps: readonly number[],
  range: Range | null,
  step: number,
): Range | null {
  const [from, to] = columnSpan(steps, range);
  const place = Math.max(0, indexAt(steps, step));
  if (place >= from && place <= to) return range;
  const count = to - from + 1;
  return spanned(steps, place - Math.floor(count / 2), count);
}

/** So many columns from this one on, moved to where there are some. */
function spanned(steps: readonly number[], first: number, wanted: number): Range | null {
  const count = Math.max(Math.min(COLUMNS_LEAST, steps.length), Math.min(steps.length, wanted));
  if (count >= steps.length) return null;
  const from = Math.max(0, Math.min(first, steps.length - count));
  return [steps[from] as number, steps[from + count - 1] as number];
}
