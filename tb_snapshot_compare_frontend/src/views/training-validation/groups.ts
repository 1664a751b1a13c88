/** The series and the marks of the model and of every cluster. */
import { computed } from '@preact/signals';
import type { TrainingClasses } from '../../client/types';
import { anomalyRule } from '../../state/training';
import { otherClassOf, otherPasses } from '../../state/training-pair';
import {
  type Counts,
  largestCount,
  type MarkScale,
  meanErrors,
  sumCounts,
  type Triangle,
  trianglesOf,
  usualFence,
} from './anomalies';
import { clustersOf } from './listing';
import { classes, otherClasses, passes } from './sources';

/** A row of the model or of a cluster. */
export interface Group {
  readonly error: Float32Array;
  readonly marks: readonly Triangle[];
  readonly scale: MarkScale;
}

/** What of a group does not depend on the threshold. */
interface Series {
  readonly error: Float32Array;
  readonly counts: Counts;
  readonly largest: number;
  readonly fence: number;
}

const runLength = computed(() => anomalyRule.value.runLength);

function seriesOf(error: Float32Array, counts: Counts): Series {
  const largest = largestCount(counts);
  return { error, counts, largest, fence: usualFence(counts, runLength.value) };
}

/** Marks are as large as those of the same row of the other run. */
function groupOf({ error, counts, largest, fence }: Series, beside: Series | null): Group {
  const scale = {
    threshold: Math.max(anomalyRule.value.threshold, fence),
    largest: Math.max(largest, beside?.largest ?? 0),
  };
  return { error, scale, marks: trianglesOf(counts, scale, runLength.value) };
}

const modelSeries = computed<Series | null>(() => {
  const known = classes.value;
  return known && seriesOf(known.modelError, { left: known.modelLeft, right: known.modelRight });
});

/** By cluster; independent of the order in which classes are listed. */
const clusterSeries = computed<readonly Series[]>(() => {
  const known = classes.value;
  if (!known) return [];
  const count = passes.value.length;
  return membersOf(known).map((members) =>
    seriesOf(meanErrors(known.error, members, count), {
      left: sumCounts(known.left, members, count),
      right: sumCounts(known.right, members, count),
    }),
  );
});

const otherModelSeries = computed<Series | null>(() => {
  const known = otherClasses.value;
  return known && seriesOf(known.modelError, { left: known.modelLeft, right: known.modelRight });
});

/** Of the same classes as each cluster's; null where the other run has none of them. */
const otherClusterSeries = computed<readonly (Series | null)[]>(() => {
  const [known, other] = [classes.value, otherClasses.value];
  if (!known || !other) return [];
  const count = otherPasses.value.length;
  return membersOf(known).map((members) => {
    const same = members.map((index) => otherClassOf.value[index] ?? -1).filter(isThere);
    if (same.length === 0) return null;
    return seriesOf(meanErrors(other.error, same, count), {
      left: sumCounts(other.left, same, count),
      right: sumCounts(other.right, same, count),
    });
  });
});

function isThere(index: number): boolean {
  return index >= 0;
}

export const modelGroup = computed<Group | null>(
  () => modelSeries.value && groupOf(modelSeries.value, otherModelSeries.value),
);

export const clusterGroups = computed<readonly Group[]>(() =>
  clusterSeries.value.map((series, cluster) =>
    groupOf(series, otherClusterSeries.value[cluster] ?? null),
  ),
);

/** Of the other run. */
export const otherModelGroup = computed<Group | null>(
  () => otherModelSeries.value && groupOf(otherModelSeries.value, modelSeries.value),
);

export const otherClusterGroups = computed<readonly (Group | null)[]>(() =>
  otherClusterSeries.value.map(
    (series, cluster) => series && groupOf(series, clusterSeries.value[cluster] ?? null),
  ),
);

function membersOf({ cluster }: TrainingClasses): readonly (readonly number[])[] {
  return clustersOf(cluster, [...cluster.keys()]);
}
