/** The distribution of the brushed area as a line over the bars of the whole layer. */
import type { JSX } from 'preact';
import type { AreaDistribution, Distribution } from '../../client/types';
import { totalOf } from './cells';
import { binRect, heightShare, type Stack } from './geometry';

/**
 * The area's weights by bin, of the levels that are shown, scaled so that the area has as many
 * weights as the layer: what is compared is which share of them lies where.
 */
export function scaledBars(
  area: AreaDistribution,
  { counts }: Pick<Distribution, 'counts'>,
  hidden: readonly number[],
): readonly number[] {
  const factor = area.total === 0 ? 0 : totalOf(counts) / area.total;
  return area.counts.map((bar) =>
    bar.reduce((sum, count, level) => sum + (hidden.includes(level) ? 0 : count * factor), 0),
  );
}

export function AreaOutline({
  stack,
  bars,
}: {
  readonly stack: Stack;
  readonly bars: readonly number[];
}): JSX.Element {
  const { kind, top, plot } = stack;
  const height = plot.bottom - plot.top;
  const steps = bars.map((count, bin) => {
    const { x, width } = binRect(stack, bin);
    const y = plot.bottom - Math.min(1, heightShare(kind, count, top)) * height;
    return `V${y.toFixed(2)}H${(x + width).toFixed(2)}`;
  });
  const path = `M${plot.left} ${plot.bottom}${steps.join('')}V${plot.bottom}`;
  return (
    <g class="area">
      <path class="area-halo" d={path} />
      <path class="area-line" d={path} />
    </g>
  );
}
