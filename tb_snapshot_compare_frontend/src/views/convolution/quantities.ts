/** What the map can show: words, colours and ranges. */
import type { KernelMap } from '../../client/types';
import {
  type ColorScale,
  diverging,
  divergingTable,
  sequential,
  sequentialTable,
  type Theme,
} from '../../scales/color';
import { formatFraction, formatNumber } from '../../scales/format';
import { METRICS, metricInfo } from '../../state/metrics';
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

export interface Shown {
  readonly label: string;
  readonly unit: string | null;
  readonly domain: readonly [number, number];
  readonly colors: readonly string[];
  readonly scale: ColorScale;
  readonly format: (value: number) => string;
  /** Tiles hold cosines; what is shown is how far they are from 1. */
  readonly flipped: boolean;
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
    const largest = flipped ? 1 - (range(quantity)?.low ?? 0) : robust(quantity);
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
      format: (value) => (fraction ? formatFraction(value, 3) : formatNumber(value, 3)),
    };
  }
  const limit =
    (quantity === 'signed' ? robust('signed') : Math.max(robust('a'), robust('b'))) || 1;
  return {
    label: quantity === 'signed' ? 'b − a' : `Weights of ${quantity}`,
    unit: null,
    domain: [-limit, limit],
    colors: divergingTable(theme),
    scale: diverging(theme, limit),
    flipped: false,
    format: (value) => formatNumber(value, 3),
  };
}

export function metricOf(measure: string): Metric {
  return METRICS.find(({ key }) => key === measure)?.key ?? 'l2';
}
