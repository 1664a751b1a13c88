/** What the map can show: words, colours and ranges. */
import type { KernelMap, KernelSlice } from '../../client/types';
import {
  type ColorScale,
  diverging,
  divergingTable,
  sequential,
  sequentialTable,
  type Theme,
} from '../../scales/color';
import { formatFraction, formatNumber } from '../../scales/format';
import { difference, METRICS, metricInfo } from '../../state/metrics';
import type { KernelQuantity, Metric } from '../../state/selection';

export const QUANTITIES: readonly {
  readonly value: KernelQuantity;
  readonly label: string;
  readonly title: string;
}[] = [
  { value: 'difference', label: 'Difference', title: 'The measure that the page is set to' },
  { value: 'signed', label: 'Signed b − a', title: 'The difference with its sign' },
  {
    value: 'relative',
    label: 'Relative %',
    title: '2|b − a| ∕ (|a| + |b|), between 0 and 200 %',
  },
  { value: 'a', label: 'Values of a', title: 'Weights of a, on one scale with those of b' },
  { value: 'b', label: 'Values of b', title: 'Weights of b, on one scale with those of a' },
];

/** Sums grow with the number of weights: the map shows them per weight. */
const EXTENSIVE: readonly string[] = ['l2', 'l1', 'sign_flips'];
/** What stands for the colours where there is nothing to tell apart. */
export const ZERO = '0 everywhere';

export interface Shown {
  readonly label: string;
  readonly unit: string | null;
  readonly domain: readonly [number, number];
  readonly colors: readonly string[];
  readonly scale: ColorScale;
  readonly format: (value: number) => string;
  /** Tiles hold cosines; what is shown is how far they are from 1. */
  readonly flipped: boolean;
  /** Every slice is zero: the domain says nothing. */
  readonly isZero: boolean;
}

/** `Euclidean distance per weight`. */
export function measureName(measure: string): string {
  const { label } = metricInfo(metricOf(measure));
  return EXTENSIVE.includes(measure) ? `${label} per weight` : label;
}

/** The name of the values of the map, in full. */
export function quantityName(map: KernelMap, { label }: Shown, quantity: KernelQuantity): string {
  if (quantity === 'difference') return measureName(map.measure);
  return quantity === 'relative' ? `${label} as a fraction` : label;
}

/** The map's measure of a slice, as the map shows it: sums are those of its mean weight. */
export function measureOf(map: KernelMap, slice: KernelSlice): number | null {
  const metric = metricOf(map.measure);
  const value = difference(slice.measures, metric);
  if (value === null || !EXTENSIVE.includes(metric)) return value;
  const finite = slice.difference.flat().filter((change) => change !== null).length;
  if (finite === 0) return null;
  return value / (metric === 'l2' ? Math.sqrt(finite) : finite);
}

/** What a value of a tile is shown as. */
export function asShown({ flipped }: Pick<Shown, 'flipped'>, value: number): number {
  return flipped ? 1 - value : value;
}

export function isFlipped(map: KernelMap, quantity: KernelQuantity): boolean {
  return quantity === 'difference' && metricInfo(metricOf(map.measure)).kind === 'cosine';
}

/** How a quantity of this map is shown. Ranges leave out the largest half percent of slices. */
export function shownAs(map: KernelMap, quantity: KernelQuantity, theme: Theme): Shown {
  const range = (name: string) => map.scales.find((scale) => scale.quantity === name);
  const robust = (name: string) => {
    const known = range(name);
    return known?.robust || Math.max(Math.abs(known?.low ?? 0), Math.abs(known?.high ?? 0));
  };
  if (quantity === 'difference' || quantity === 'relative') {
    const flipped = isFlipped(map, quantity);
    const known = range(quantity);
    const largest = flipped ? 1 - (known?.low ?? 0) : robust(quantity);
    const domain = [0, largest || 1] as const;
    const metric = metricOf(map.measure);
    const fraction = quantity === 'relative' || metricInfo(metric).kind === 'fraction';
    return {
      label: quantity === 'relative' ? 'Relative difference' : metricInfo(metric).label,
      unit: quantity === 'difference' && EXTENSIVE.includes(metric) ? 'per weight' : null,
      domain,
      colors: sequentialTable(theme),
      scale: sequential(theme, domain),
      flipped,
      isZero: known?.low != null && largest === 0,
      format: (value) => (fraction ? formatFraction(value, 3) : formatNumber(value, 3)),
    };
  }
  const largest = quantity === 'signed' ? robust('signed') : Math.max(robust('a'), robust('b'));
  const limit = largest || 1;
  return {
    label: quantity === 'signed' ? 'b − a' : `Weights of ${quantity}`,
    unit: null,
    domain: [-limit, limit],
    colors: divergingTable(theme),
    scale: diverging(theme, limit),
    flipped: false,
    isZero: range(quantity)?.low != null && largest === 0,
    format: (value) => formatNumber(value, 3),
  };
}

export function metricOf(measure: string): Metric {
  return METRICS.find(({ key }) => key === measure)?.key ?? 'l2';
}
