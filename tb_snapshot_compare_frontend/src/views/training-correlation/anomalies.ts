/** How many anomaly iterations there would be at other thresholds. */
import type { TrainingClasses } from '../../client/types';

export interface ThresholdOutcome {
  readonly threshold: number;
  /** Classes with two anomaly iterations or more: others are left out. */
  readonly classes: number;
  readonly iterations: number;
}

type Counts = Pick<TrainingClasses, 'left' | 'right'>;

/** Ascending by threshold, from 1 to the largest at which something is left. */
export function outcomesByThreshold(
  { left, right }: Counts,
  classes: number,
): readonly ThresholdOutcome[] {
  const passes = classes > 0 ? Math.floor(left.length / classes) : 0;
  const reaching: { classes: number; iterations: number }[] = [];
  for (let index = 0; index < classes; index += 1) {
    const own = histogram(left, right, index * passes, passes);
    let count = 0;
    for (let size = own.length - 1; size >= 1; size -= 1) {
      count += own[size] ?? 0;
      if (count < 2) continue;
      reaching[size] ??= { classes: 0, iterations: 0 };
      const at = reaching[size] as { classes: number; iterations: number };
      at.classes += 1;
      at.iterations += count;
    }
  }
  return Array.from(reaching, (at, threshold) => ({ threshold, ...at })).slice(
    1,
  ) as readonly ThresholdOutcome[];
}

/** Classes with a single anomaly iteration at a threshold: they are left out. */
export function classesWithOne(
  { left, right }: Counts,
  classes: number,
  threshold: number,
): number {
  const passes = classes > 0 ? Math.floor(left.length / classes) : 0;
  let found = 0;
  for (let index = 0; index < classes; index += 1) {
    const own = histogram(left, right, index * passes, passes);
    const iterations = own.slice(threshold).reduce((sum, count) => sum + (count ?? 0), 0);
    if (iterations === 1) found += 1;
  }
  return found;
}

/** How many passes have a largest count of 0, 1, 2, ... images. */
function histogram(left: Int32Array, right: Int32Array, from: number, passes: number): number[] {
  const counts: number[] = [];
  for (let at = from; at < from + passes; at += 1) {
    const most = Math.max(left[at] as number, right[at] as number);
    counts[most] = (counts[most] ?? 0) + 1;
  }
  return counts;
}

const SUGGESTED_MOST = 4;

/** The largest thresholds below one at which something is left, no two with equally much. */
export function suggestedThresholds(
  outcomes: readonly ThresholdOutcome[],
  below: number,
): readonly ThresholdOutcome[] {
  return different(outcomes.filter(({ threshold }) => threshold < below).reverse());
}

/** The least thresholds above one at which something is left, no two with equally much. */
export function higherThresholds(
  outcomes: readonly ThresholdOutcome[],
  above: number,
): readonly ThresholdOutcome[] {
  return different(outcomes.filter(({ threshold }) => threshold > above));
}

function different(outcomes: readonly ThresholdOutcome[]): readonly ThresholdOutcome[] {
  return outcomes
    .filter(({ iterations }, index) => iterations !== outcomes[index - 1]?.iterations)
    .slice(0, SUGGESTED_MOST);
}
