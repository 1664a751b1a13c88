/** The channel whose maps and patches are shown: by number, or one of those that differ most. */
import type { JSX } from 'preact';
import type { ChannelStrip } from '../../client/types';
import { Segments } from '../../elements/Segments';
import { Select } from '../../elements/Select';
import { formatNumber } from '../../scales/format';
import { probeLayer } from '../../state/probe-images';
import { channelStrip } from '../../state/probing';
import { latest } from '../../state/resources';
import { type Channel, channel, selectChannel } from '../../state/selection';

const OFFERED = 200;
const NONE = '';
const SIDES = [
  { value: 'input', label: 'Input' },
  { value: 'output', label: 'Output' },
] as const;

export function ChannelPicker(): JSX.Element | null {
  const layer = probeLayer.value;
  if (!layer) return null;
  const strip = latest(channelStrip.value);
  const chosen = channel.value;
  const side = chosen?.side ?? 'output';
  const values = strip?.layer === layer.name ? strip[side === 'output' ? 'outputs' : 'inputs'] : [];
  const ranked = rank(values).slice(0, OFFERED);
  const known = ranked.some(({ index }) => index === chosen?.index);
  const options = [
    { value: NONE, label: 'choose…' },
    ...(chosen && !known ? [{ value: String(chosen.index), label: String(chosen.index) }] : []),
    ...ranked.map(({ index, value }) => ({
      value: String(index),
      label: `${index}  (${formatNumber(value, 2)})`,
    })),
  ];
  return (
    <div class="perf-channel">
      {(layer.input_channels ?? 0) > 0 && (
        <Segments
          small
          label="Side of the layer"
          value={side}
          options={SIDES}
          onChange={(next) => selectChannel(mostDifferent(next, strip))}
        />
      )}
      <Select
        label="Channel"
        value={chosen ? String(chosen.index) : NONE}
        options={options}
        title="Those whose maps differ most between a and b first, with ‖b − a‖"
        onChange={(value) => selectChannel(value === NONE ? null : { side, index: Number(value) })}
      />
    </div>
  );
}

function mostDifferent(side: Channel['side'], strip: ChannelStrip | null): Channel {
  const [first] = rank(strip?.[side === 'output' ? 'outputs' : 'inputs'] ?? []);
  return { side, index: first?.index ?? 0 };
}

/** Largest first; those that are not finite last. */
export function rank(
  values: readonly (number | null)[],
): readonly { readonly index: number; readonly value: number | null }[] {
  return values
    .map((value, index) => ({ index, value }))
    .sort((x, y) => (y.value ?? -1) - (x.value ?? -1) || x.index - y.index);
}
