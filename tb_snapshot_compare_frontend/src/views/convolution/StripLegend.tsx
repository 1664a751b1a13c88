/** What the shades of the strips mean: how much each channel's activation differs. */
import type { JSX } from 'preact';
import type { KernelMap } from '../../client/types';
import { ColorLegend } from '../../elements/Legend';
import { activationTable } from '../../scales/color';
import { formatNumber } from '../../scales/format';
import { dark } from '../../state/environment';
import { currentImage } from '../../state/probe-images';
import { channelStrip } from '../../state/probing';
import { latest } from '../../state/resources';
import { largestValue } from './strips';

const LABEL = 'Strips: ‖map b − map a‖';

export function StripLegend({ map }: { readonly map: KernelMap }): JSX.Element | null {
  const theme = dark.value ? 'dark' : 'light';
  const strip = latest(channelStrip.value);
  if (!map.columns_are_channels && !map.rows_are_channels) return null;
  if (strip?.layer !== map.layer) return null;
  const ends = [
    map.columns_are_channels && endOf(strip.outputs, 'top'),
    map.rows_are_channels && endOf(strip.inputs, 'left'),
  ].filter((end) => typeof end === 'string');
  if (ends.length === 0) return null;
  const colors = activationTable(theme);
  const color = (share: number | null): string =>
    colors[Math.round((share ?? 0) * (colors.length - 1))] ?? '';
  return (
    <span
      class="kernel-strip-legend"
      title={`How much each channel’s activation on ${currentImage.value?.name ?? 'the image'} differs`}
    >
      <ColorLegend
        label={LABEL}
        domain={[0, 1]}
        color={color}
        format={(share) => (share === 0 ? '0' : ends.join(', '))}
        inline
        theme={theme}
      />
    </span>
  );
}

/** Each strip has a range of its own; null where it holds nothing. */
function endOf(values: readonly (number | null)[], side: 'top' | 'left'): string | null {
  return values.length === 0 ? null : `${formatNumber(largestValue(values), 3)} ${side}`;
}
