/** The measures a layer can be shaded by: words, direction and where zero lies. */
import type { Measures } from '../client/types';
import type { Metric, ShadeKey } from './selection';

export interface MetricInfo {
  readonly key: Metric;
  readonly label: string;
  /** Fits an axis or a legend. */
  readonly short: string;
  readonly description: string;
  /** `fraction` is shown in percent; `count` without decimals. */
  readonly kind: 'number' | 'fraction' | 'count' | 'cosine';
}

export type ShadeInfo = Omit<MetricInfo, 'key'> & { readonly key: ShadeKey };

export const METRICS: readonly MetricInfo[] = [
  {
    key: 'l2',
    label: 'Euclidean distance',
    short: '‖b − a‖₂',
    kind: 'number',
    description: 'Square root of the sum of squared differences.',
  },
  {
    key: 'relative_l2',
    label: 'Relative Euclidean distance',
    short: '‖b − a‖ ∕ ‖a‖',
    kind: 'fraction',
    description: 'Euclidean distance relative to the norm of a.',
  },
  {
    key: 'l1',
    label: 'L1 distance',
    short: 'Σ|b − a|',
    kind: 'number',
    description: 'Sum of absolute differences.',
  },
  {
    key: 'max_abs',
    label: 'Maximum change',
    short: 'max |b − a|',
    kind: 'number',
    description: 'Largest absolute difference of a single weight.',
  },
  {
    key: 'mean_abs',
    label: 'Mean change',
    short: 'mean |b − a|',
    kind: 'number',
    description: 'Mean absolute difference per weight.',
  },
  {
    key: 'mean_relative_percent',
    label: 'Mean relative percent difference',
    short: 'mean d(a, b)',
    kind: 'fraction',
    description: 'Mean of 2|b − a| ∕ (|a| + |b|), between 0 and 200 %.',
  },
  {
    key: 'cosine',
    label: 'Cosine dissimilarity',
    short: '1 − cos(a, b)',
    kind: 'cosine',
    description: 'One minus the cosine of the angle between a and b.',
  },
  {
    key: 'sign_flips',
    label: 'Sign flips',
    short: 'sign flips',
    kind: 'count',
    description: 'Number of weights whose sign changed.',
  },
  {
    key: 'changed',
    label: 'Changed fraction',
    short: 'changed',
    kind: 'fraction',
    description: 'Share of weights that are not equal in a and b.',
  },
];

/** The share of the change in outcome that a layer carries; known once layers were swapped. */
export const CARRIED: ShadeInfo = {
  key: 'carried',
  label: 'Outcome carried',
  short: 'carried',
  kind: 'fraction',
  description: 'Share of the change in outcome that the layer’s weights of b bring about in a.',
};

export function metricInfo(metric: ShadeKey): ShadeInfo {
  if (metric === 'carried') return CARRIED;
  const info = METRICS.find((entry) => entry.key === metric);
  if (!info) throw new Error(`unknown metric: ${metric}`);
  return info;
}

/** The shade of a layer: larger is more different. Null where the measure is undefined. */
export function difference(measures: Measures, metric: Metric): number | null {
  const value = measures[metric];
  if (value === null) return null;
  return metric === 'cosine' ? 1 - value : value;
}
