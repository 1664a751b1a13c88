/** All about the layer or group under the pointer. */
import type { ReadonlySignal } from '@preact/signals';
import type { LayerNode } from '../../client/types';
import { Tooltip } from '../../elements/Tooltip';
import { kernelShapes, notComparedWords } from '../../elements/tensor-words';
import { formatCount, formatMeasure, formatShape } from '../../scales/format';
import { shadeKey } from '../../state/carried';
import { difference, METRICS } from '../../state/metrics';
import { comparison, latest } from '../../state/resources';
import * as model from './model';
import { layersOf } from './network';
import type { Network } from './types';
import type { Visible } from './visible';
import { SIDE_WORDS, valueWords } from './words';

export interface Hovered {
  /** A layer or a group. */
  readonly name: string;
  readonly box: string | null;
  /** Null until the pointer has rested. */
  readonly anchor: DOMRect | null;
}

export interface HoverCardProps {
  readonly hovered: ReadonlySignal<Hovered | null>;
  readonly network: Network;
  readonly visible: Visible;
}

export function HoverCard({ hovered, network, visible }: HoverCardProps) {
  const now = hovered.value;
  if (!now?.anchor) return null;
  const layer = model.layers.value.find(({ name }) => name === now.name);
  return (
    <Tooltip anchor={now.anchor}>
      <div class="net-card">
        {layer ? (
          <LayerCard layer={layer} />
        ) : (
          <GroupCard name={now.name} members={layersOf(network, now.name)} />
        )}
        {now.box === now.name && <Neighbours name={now.name} visible={visible} />}
      </div>
    </Tooltip>
  );
}

/** A recurrent layer has two, an attention layer four. */
const KERNELS_MAX = 4;

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

const Fact = ({ label, text }: { readonly label: string; readonly text: string }) =>
  text === '' ? null : (
    <>
      <dt>{label}</dt>
      <dd>{text}</dd>
    </>
  );

function LayerCard({ layer }: { readonly layer: LayerNode }) {
  const found = model.differences.value.get(layer.name);
  const missing = model.notCompared.value.get(layer.name) ?? [];
  const side = SIDE_WORDS[layer.side];
  const kernels = kernelShapes(latest(comparison.value)?.tensors ?? [], layer.name);
  return (
    <>
      <h3>{layer.name}</h3>
      <dl class="net-facts">
        <Fact label="Kind" text={side ? `${layer.kind}, ${side}` : layer.kind} />
        {kernels.slice(0, KERNELS_MAX).map(({ name, shape }) => (
          <Fact key={name} label={capital(name)} text={shape} />
        ))}
        <Fact label="Output" text={layer.output_shape ? formatShape(layer.output_shape) : ''} />
        <Fact
          label="Weights"
          text={layer.parameters > 0 ? formatCount(layer.parameters) : 'none'}
        />
      </dl>
      {found && found.count > 0 && (
        <table class="net-measures">
          <tbody>
            {METRICS.map((info) => (
              <tr key={info.key} aria-current={info.key === shadeKey.value ? 'true' : undefined}>
                <th scope="row">{info.label}</th>
                <td>{formatMeasure(info.key, difference(found.measures, info.key))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {found && <NotFinite measures={found.measures} />}
      {missing.length > 0 && (
        <p class="net-missing">Not compared: {notComparedWords(missing, layer.name)}</p>
      )}
    </>
  );
}

function NotFinite({
  measures: { nan_a, nan_b, inf_a, inf_b },
}: {
  readonly measures: { nan_a: number; nan_b: number; inf_a: number; inf_b: number };
}) {
  if (nan_a + nan_b + inf_a + inf_b === 0) return null;
  const side = (name: string, nan: number, inf: number): string =>
    nan + inf > 0 ? `${name}: ${formatCount(nan)} NaN, ${formatCount(inf)} infinite` : '';
  return (
    <p class="net-missing">
      {[side('a', nan_a, inf_a), side('b', nan_b, inf_b)].filter(Boolean).join(' · ')}
    </p>
  );
}

function GroupCard({
  name,
  members,
}: {
  readonly name: string;
  readonly members: readonly LayerNode[];
}) {
  const value = model.groupDifference(members);
  const shaded = model.shadedBy({ layer: null, members });
  const ofKernels = shaded.length < members.length ? model.groupDifference(shaded) : null;
  const parameters = members.reduce((sum, member) => sum + member.parameters, 0);
  const changed = members
    .map((member) => ({ member, value: model.groupDifference([member]).value }))
    .filter((entry) => entry.value !== null)
    .sort((left, right) => (right.value as number) - (left.value as number))
    .slice(0, 3);
  return (
    <>
      <h3>{name}</h3>
      <dl class="net-facts">
        <Fact label="Group" text={`${members.length} layers`} />
        <Fact label="Weights" text={parameters > 0 ? formatCount(parameters) : 'none'} />
        {parameters > 0 && <Fact label="Difference" text={valueWords(shadeKey.value, value)} />}
        {ofKernels && <Fact label="Of kernels" text={valueWords(shadeKey.value, ofKernels)} />}
      </dl>
      {changed.length > 1 && (
        <table class="net-measures">
          <caption>Most changed</caption>
          <tbody>
            {changed.map((entry) => (
              <tr key={entry.member.name}>
                <th scope="row">{entry.member.name}</th>
                <td>{formatMeasure(shadeKey.value, entry.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="net-hint">
        {model.open.value.has(name) ? 'Click the title to close it.' : 'Double-click to open it.'}
      </p>
    </>
  );
}

function Neighbours({ name, visible }: { readonly name: string; readonly visible: Visible }) {
  const from = visible.links.filter((link) => link.target === name).map((link) => link.source);
  const to = visible.links.filter((link) => link.source === name).map((link) => link.target);
  const list = (names: readonly string[]): string =>
    names.length > 3
      ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
      : names.join(', ');
  return (
    <dl class="net-facts net-neighbours">
      <Fact label="From" text={list(from)} />
      <Fact label="To" text={list(to)} />
    </dl>
  );
}
