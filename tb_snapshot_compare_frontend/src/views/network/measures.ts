/** The difference of a group of layers, as if their weights were one vector. */
import type { LayerDifference, Measures } from '../../client/types';
import { difference } from '../../state/metrics';
import type { Metric } from '../../state/selection';

export interface GroupValue {
  readonly value: number | null;
  /**
   * `largest` where the layers' measures do not determine the group's, `pending` while the
   * snapshots are still being compared.
   */
  readonly how: 'exact' | 'largest' | 'pending';
}

const NONE: GroupValue = { value: null, how: 'exact' };

function sum(values: readonly (number | null)[]): number | null {
  let total = 0;
  for (const value of values) {
    if (value === null) return null;
    total += value;
  }
  return total;
}

const square = (value: number | null): number | null => (value === null ? null : value * value);
const root = (value: number | null): number | null => (value === null ? null : Math.sqrt(value));

/** ||a||^2, from ||b-a|| and ||b-a|| / ||a||; unknown where both are 0. */
function normSquared({ l2, relative_l2 }: Measures): number | null {
  return l2 === null || !relative_l2 ? null : (l2 / relative_l2) ** 2;
}

const wholly = ({ nan_a, nan_b, inf_a, inf_b }: Measures): boolean =>
  nan_a + nan_b + inf_a + inf_b === 0;

/** Means cover the finite pairs only, whose number is known where all pairs are finite. */
function weightedMean(layers: readonly LayerDifference[], metric: Metric): number | null {
  if (!layers.every((layer) => wholly(layer.measures))) return null;
  const total = sum(
    layers.map(({ count, measures }) => {
      const value = measures[metric];
      return value === null ? null : value * count;
    }),
  );
  const count = layers.reduce((all, layer) => all + layer.count, 0);
  return total === null || count === 0 ? null : total / count;
}

function exact(layers: readonly LayerDifference[], metric: Metric): number | null {
  const of = (key: Metric): (number | null)[] => layers.map(({ measures }) => measures[key]);
  switch (metric) {
    case 'l2':
      return root(sum(of('l2').map(square)));
    case 'relative_l2': {
      const norm = sum(layers.map(({ measures }) => normSquared(measures)));
      const distance = sum(of('l2').map(square));
      return norm === null || distance === null ? null : Math.sqrt(distance / norm);
    }
    case 'max_abs':
      return of('max_abs').includes(null) ? null : Math.max(...(of('max_abs') as number[]));
    case 'mean_abs':
    case 'mean_relative_percent':
    case 'changed':
      return weightedMean(layers, metric);
    case 'cosine':
      return null;
    default:
      return sum(of(metric));
  }
}

/** `layers` are those that were compared; without any the group has no value. */
export function groupValue(layers: readonly LayerDifference[], metric: Metric): GroupValue {
  const [only] = layers;
  if (!only) return NONE;
  if (layers.length === 1) return { value: difference(only.measures, metric), how: 'exact' };
  const value = exact(layers, metric);
  if (value !== null) return { value, how: 'exact' };
  const all = layers
    .map((layer) => difference(layer.measures, metric))
    .filter((entry) => entry !== null);
  return all.length === 0 ? NONE : { value: Math.max(...all), how: 'largest' };
}
