/**
 * The one time axis of the Training page. A column of a chart lasts from its step to the next one's,
 * so charts of dumps and of validation passes, and runs that record at other steps, line up. What is
 * of a step, its tick included, stands in the middle of its column: see `middleAt`.
 */

/** Width left of every chart for its labels, and right of it, in pixels. */
export const GUTTER = 200;
export const MARGIN = 16;

export interface StepScale {
  /** Of all columns, in sight or not. */
  readonly steps: readonly number[];
  readonly range: readonly [first: number, last: number];
  readonly width: number;
  /** Where a column that begins at the step has its left edge, in pixels. */
  readonly x: (step: number) => number;
  readonly invert: (x: number) => number;
}

export interface Column {
  readonly index: number;
  readonly step: number;
  readonly left: number;
  readonly right: number;
}

/** The last column is as wide as the one before it, so the axis ends a column after the last step. */
export function stepScale(
  steps: readonly number[],
  range: readonly [number, number],
  width: number,
): StepScale {
  const [first, last] = range;
  const end = endOf(steps, last);
  const span = Math.max(end - first, 1e-9);
  return {
    steps,
    range,
    width,
    x: (step) => ((step - first) / span) * width,
    invert: (x) => first + (x / Math.max(width, 1)) * span,
  };
}

/** Where the column of `last` ends. */
function endOf(steps: readonly number[], last: number): number {
  const place = indexAt(steps, last);
  const next = steps[place + 1];
  if (next !== undefined) return next;
  const before = steps[place - 1];
  return last + (before === undefined ? 1 : last - before);
}

/** The index of the last of ascending steps that is not after `step`; -1 before the first. */
export function indexAt(steps: readonly number[], step: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as number) <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The columns of a chart that are in sight. */
export function columnsOf(steps: readonly number[], scale: StepScale): readonly Column[] {
  const from = Math.max(indexAt(steps, scale.range[0]), 0);
  const to = indexAt(steps, scale.range[1]);
  const columns: Column[] = [];
  for (let index = from; index <= to; index += 1) {
    const step = steps[index] as number;
    const next = steps[index + 1] ?? endOf(steps, step);
    columns.push({ index, step, left: scale.x(step), right: scale.x(next) });
  }
  return columns;
}

/**
 * Where what is of a step lies: in the middle of its column, and between the middles of two columns
 * where the step is between two. Ticks, points of curves, marks, crosshair and pins meet there.
 */
export function middleAt(steps: readonly number[], scale: StepScale, step: number): number {
  const place = indexAt(steps, step);
  const [from, to] = [steps[place], steps[place + 1]];
  const share = from === undefined || to === undefined ? 0 : (step - from) / (to - from);
  const half = (column: number) => halfWidth(steps, scale, column);
  return scale.x(step) + half(place) * (1 - share) + half(place + 1) * share;
}

/** Before the first column and after the last it is theirs. */
function halfWidth(steps: readonly number[], scale: StepScale, column: number): number {
  const from = steps[Math.max(0, Math.min(steps.length - 1, column))];
  return from === undefined ? 0 : (scale.x(endOf(steps, from)) - scale.x(from)) / 2;
}

/** The step of the column at a place of the axis; null beside the columns. */
export function stepAt(steps: readonly number[], scale: StepScale, x: number): number | null {
  if (x < 0 || x >= scale.width) return null;
  return steps[indexAt(steps, scale.invert(x))] ?? null;
}
