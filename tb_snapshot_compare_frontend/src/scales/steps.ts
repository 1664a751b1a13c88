/**
 * The one time axis of the Training page. A column of a chart lasts from its step to the next one's,
 * so charts of dumps and of validation passes, and runs that record at other steps, line up.
 */

/** Width left of every chart for its labels, and right of it, in pixels. */
export const GUTTER = 200;
export const MARGIN = 16;

export interface StepScale {
  readonly range: readonly [first: number, last: number];
  readonly width: number;
  /** Pixels from the left edge of the charts. */
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
 * Where the marks of a step lie: in the middle of its column, and between the middles of two
 * columns where the step is between two. Points of curves, crosshair and pins meet there.
 */
export function middleAt(steps: readonly number[], scale: StepScale, step: number): number {
  const place = indexAt(steps, step);
  const [from, to] = [steps[place], steps[place + 1]];
  if (from === undefined) return scale.x(step);
  const next = to ?? endOf(steps, from);
  const share = next > from ? (step - from) / (next - from) : 0;
  const after = endOf(steps, next);
  const widths = [scale.x(next) - scale.x(from), scale.x(after) - scale.x(next)] as const;
  return scale.x(step) + (widths[0] * (1 - share) + widths[1] * share) / 2;
}

/** The step of the column at a place of the axis; null beside the columns. */
export function stepAt(steps: readonly number[], scale: StepScale, x: number): number | null {
  if (x < 0 || x >= scale.width) return null;
  return steps[indexAt(steps, scale.invert(x))] ?? null;
}
