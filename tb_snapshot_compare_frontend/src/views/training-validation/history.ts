/** The predictions of one image over all passes: its stretches, its changes, its classes. */
import type { ImageHistory } from '../../client/types';

/** Neighbouring passes with one prediction; null where there is none. */
export interface Stretch {
  readonly predicted: number | null;
  readonly first: number;
  readonly last: number;
}

export interface Change {
  readonly pass: number;
  readonly from: number | null;
  readonly to: number | null;
  /** Passes that the state before it lasted. */
  readonly lasted: number;
}

export interface PredictedClass {
  readonly index: number;
  readonly passes: number;
}

export interface History {
  readonly stretches: readonly Stretch[];
  readonly changes: readonly Change[];
  /** The true class first, then the most frequent. */
  readonly classes: readonly PredictedClass[];
  readonly known: number;
  /** Null without a label. */
  readonly correct: number | null;
}

export function historyOf({ label, predicted }: ImageHistory): History {
  const stretches: Stretch[] = [];
  const passes = new Map<number, number>();
  predicted.forEach((index, pass) => {
    const before = stretches.at(-1);
    if (before && before.predicted === index) {
      stretches[stretches.length - 1] = { ...before, last: pass };
    } else stretches.push({ predicted: index, first: pass, last: pass });
    if (index !== null) passes.set(index, (passes.get(index) ?? 0) + 1);
  });
  const classes = [...passes]
    .map(([index, count]) => ({ index, passes: count }))
    .sort(
      (one, other) =>
        Number(other.index === label) - Number(one.index === label) ||
        other.passes - one.passes ||
        one.index - other.index,
    );
  return {
    stretches,
    changes: changesOf(stretches),
    classes,
    known: predicted.filter((index) => index !== null).length,
    correct: label === null ? null : (passes.get(label) ?? 0),
  };
}

function changesOf(stretches: readonly Stretch[]): Change[] {
  return stretches.slice(1).map((stretch, index) => {
    const before = stretches[index] as Stretch;
    return {
      pass: stretch.first,
      from: before.predicted,
      to: stretch.predicted,
      lasted: before.last - before.first + 1,
    };
  });
}

/** The corners of the probability curve; a new piece begins behind passes without one. */
export function curvePath(
  probability: readonly (number | null)[],
  x: (pass: number) => number,
  y: (probability: number) => number,
): string {
  let path = '';
  let drawing = false;
  probability.forEach((value, pass) => {
    if (value === null || Number.isNaN(value)) drawing = false;
    else {
      const next = probability[pass + 1];
      const alone = !drawing && (next === null || next === undefined);
      path += `${drawing ? 'L' : 'M'}${round(x(pass))} ${round(y(value))}${alone ? 'h0.01' : ''}`;
      drawing = true;
    }
  });
  return path;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
