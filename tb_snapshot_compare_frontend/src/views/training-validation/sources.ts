/** The answers on the page's time axis: passes as columns, classes with their names and counts. */
import { computed, signal } from '@preact/signals';
import type { TrainingImages } from '../../client/types';
import type { Theme } from '../../scales/color';
import { columnsOf, GUTTER, MARGIN, stepScale } from '../../scales/steps';
import { dark } from '../../state/environment';
import { latest } from '../../state/resources';
import {
  anomalyRule,
  classOrder,
  passes as knownPasses,
  log,
  otherLog,
  shownRange,
  steps,
} from '../../state/training';
import { classImages, trainingClasses } from '../../state/training-data';
import { otherClasses as besideClasses } from '../../state/training-other';
import { type Counts, largestCount, type MarkScale, peaksOf } from './anomalies';

/** Pixels of the view's content. */
export const width = signal(0);

export const theme = computed<Theme>(() => (dark.value ? 'dark' : 'light'));
export const chartWidth = computed(() => Math.max(0, width.value - GUTTER - MARGIN));
export const classes = computed(() => latest(trainingClasses.value));
/** Of the run beside the one on show; null where there is none. */
export const otherClasses = computed(() => otherLog.value && latest(besideClasses.value));

/** The steps of the passes that the answer covers: a newer log may have more. */
export const passes = computed<readonly number[]>(() => {
  const covered = classes.value?.modelError.length ?? 0;
  const all = knownPasses.value;
  return all.length === covered ? all : all.slice(0, covered);
});

export const scale = computed(() => stepScale(steps.value, shownRange.value, chartWidth.value));
export const columns = computed(() => columnsOf(passes.value, scale.value));
export const names = computed<readonly string[]>(() => log.value?.classes ?? []);

export function className(index: number): string {
  return names.value[index] ?? `class ${index}`;
}

export const peaks = computed(() => {
  const known = classes.value;
  return known
    ? peaksOf(known.left, known.right, known.cluster.length, passes.value.length)
    : new Int32Array(0);
});

export const order = computed<readonly number[]>(() => {
  const known = classes.value;
  return known ? [...(classOrder.value === 'mds' ? known.mds : known.peak)] : [];
});

const otherPeak = computed(() => (otherClasses.value ? largestCount(otherClasses.value) : 0));

/** The marks of classes: one scale, so that classes compare, also with those of another run. */
export const markScale = computed<MarkScale>(() => ({
  threshold: anomalyRule.value.threshold,
  largest: peaks.value.reduce((top, peak) => Math.max(top, peak), otherPeak.value),
}));

export function classError(index: number): Float32Array {
  const count = passes.value.length;
  return classes.value?.error.subarray(index * count, (index + 1) * count) ?? new Float32Array(0);
}

export function classCounts(index: number): Counts {
  const [known, count] = [classes.value, passes.value.length];
  const part = (counts: Int32Array | undefined) =>
    counts?.subarray(index * count, (index + 1) * count) ?? new Int32Array(0);
  return { left: part(known?.left), right: part(known?.right) };
}

/** Null until they are there. */
export function imagesOf(index: number): TrainingImages | null {
  const resource = classImages.value.get(index);
  return resource ? latest(resource) : null;
}
