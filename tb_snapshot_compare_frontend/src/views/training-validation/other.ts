/** The rows of the run beside the one on show: the same classes by name, over its own passes. */
import { computed } from '@preact/signals';
import { type Column, columnsOf } from '../../scales/steps';
import { anomalyRule, otherLog } from '../../state/training';
import { otherClasses as besideClasses } from '../../state/training-other';
import { columnAt, otherClassOf, otherPasses, shortTitles } from '../../state/training-pair';
import { type Counts, peaksOf, type Triangle, trianglesOf } from './anomalies';
import { type Group, otherClusterGroups, otherModelGroup } from './groups';
import type { Line, OwnContent } from './lines';
import { className, columns, markScale, otherClasses, passes, peaks, scale } from './sources';

export const isPaired = computed(() => otherLog.value !== null);

const otherColumns = computed(() => columnsOf(otherPasses.value, scale.value));

/** The passes of a line's run, and those of them in sight as columns. */
export interface LineAxis {
  readonly passes: readonly number[];
  readonly columns: readonly Column[];
}

export function axisOf({ kind }: Pick<Line, 'kind'>): LineAxis {
  return kind === 'other'
    ? { passes: otherPasses.value, columns: otherColumns.value }
    : { passes: passes.value, columns: columns.value };
}

/** The pass of a line's run whose column a step falls into; -1 beside its columns. */
export function passAtStep(line: Pick<Line, 'kind'>, step: number): number {
  return columnAt(axisOf(line).passes, step);
}

export function otherGroup(of: OwnContent): Group | null {
  if (of.kind === 'model') return otherModelGroup.value;
  return of.kind === 'cluster' ? (otherClusterGroups.value[of.cluster] ?? null) : null;
}

/** Null where the other run has no such row, or it is not known. */
export function otherError(of: OwnContent): Float32Array | null {
  if (of.kind === 'model' || of.kind === 'cluster') return otherGroup(of)?.error ?? null;
  const part = partOf(of.index);
  return part && (otherClasses.value?.error.subarray(...part) ?? null);
}

export function otherMarks(of: OwnContent): readonly Triangle[] {
  if (of.kind === 'model' || of.kind === 'cluster') return otherGroup(of)?.marks ?? [];
  const [part, known] = [partOf(of.index), otherClasses.value];
  if (!part || !known) return [];
  const counts: Counts = {
    left: known.left.subarray(...part),
    right: known.right.subarray(...part),
  };
  return trianglesOf(counts, markScale.value, anomalyRule.value.runLength);
}

/** Where the series of a class of this run lies in the other's matrices. */
function partOf(index: number): readonly [from: number, to: number] | null {
  const place = otherClassOf.value[index] ?? -1;
  const count = otherPasses.value.length;
  return place < 0 || !otherClasses.value ? null : [place * count, (place + 1) * count];
}

const otherPeaks = computed<Int32Array>(() => {
  const known = otherClasses.value;
  if (!known) return new Int32Array(0);
  return peaksOf(known.left, known.right, known.cluster.length, otherPasses.value.length);
});

/** The other run's largest count of a class of this one; null where it has no such class. */
export function otherPeak(index: number): number | null {
  return otherPeaks.value[otherClassOf.value[index] ?? -1] ?? null;
}

/** The largest count of each class of this run, in either run. */
export const pairPeaks = computed<Int32Array>(() =>
  peaks.value.map((peak, index) => Math.max(peak, otherPeak(index) ?? 0)),
);

/** What stands in the place of a strip; null where there is one. */
export function absenceWords(of: OwnContent): string | null {
  const [log, run] = [otherLog.value, shortTitles.value.other];
  if (log === null) return '';
  if (log.passes.length === 0) return `${run} has no validation passes`;
  if (!log.labelled) return `the probe images of ${run} have no labels`;
  if (!otherClasses.value) {
    return besideClasses.value.status === 'failed' ? 'could not be read' : 'being read…';
  }
  if (otherError(of)) return null;
  if (of.kind === 'class' || of.kind === 'images') {
    return `${run} has no class ${className(of.index)}`;
  }
  return `${run} has none of these classes`;
}
