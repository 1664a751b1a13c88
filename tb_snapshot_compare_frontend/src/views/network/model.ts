/** What the view derives from the answers and the selection; each signal is computed on demand. */
import { computed, signal } from '@preact/signals';
import type { LayerDifference, LayerNode } from '../../client/types';
import { type ColorScale, sequential, type Theme } from '../../scales/color';
import { formatMeasure } from '../../scales/format';
import { carriedShares, shadeKey } from '../../state/carried';
import { dark } from '../../state/environment';
import { architecture, comparison, latest } from '../../state/resources';
import { layer, metric, toggledGroups } from '../../state/selection';
import { kernelLayers } from '../../state/tensors';
import { blocks, compact } from '../../state/view-choice';
import { type Face, facesOf } from './faces';
import { type GroupValue, groupValue } from './measures';
import { buildNetwork, hasBlocks } from './network';
import { matches } from './search';
import { boxOfLayer, openGroups, visibleNetwork } from './visible';

export { notCompared } from '../../state/tensors';
export { blocks, compact, networkMode as mode } from '../../state/view-choice';

export const query = signal('');
/** How many links of the drawing are hidden until one of their ends is pointed at. */
export const quietLinks = signal(0);

const PENDING: GroupValue = { value: null, how: 'pending' };

export const theme = computed<Theme>(() => (dark.value ? 'dark' : 'light'));

export const network = computed(() => {
  const known = latest(architecture.value);
  return known && buildNetwork(known, { compact: compact.value, blocks: blocks.value });
});

export const blocksFound = computed(() => {
  const known = latest(architecture.value);
  return known !== null && hasBlocks(known, compact.value);
});

/** Whether blocks are grouped now, by choice or by default. */
export const blocksShown = computed(() =>
  [...(network.value?.groups.values() ?? [])].some((group) => group.synthetic),
);

export const open = computed(() =>
  network.value ? openGroups(network.value, toggledGroups.value) : new Set<string>(),
);

export const visible = computed(() =>
  network.value ? visibleNetwork(network.value, open.value) : null,
);

export const faces = computed(() =>
  network.value && visible.value ? facesOf(network.value, visible.value) : null,
);

export const layers = computed<readonly LayerNode[]>(
  () => latest(architecture.value)?.nodes.filter((node) => !node.is_group) ?? [],
);

/** What may be drawn: never the numbers of another pair than the one that failed. */
const compared = computed(() =>
  comparison.value.status === 'failed' ? null : latest(comparison.value),
);

export const differences = computed<ReadonlyMap<string, LayerDifference>>(
  () => new Map(compared.value?.layers.map((entry) => [entry.name, entry]) ?? []),
);

export function groupDifference(members: readonly LayerNode[]): GroupValue {
  if (shadeKey.value === 'carried') return carriedBy(members);
  if (compared.value === null && comparison.value.status !== 'failed') return PENDING;
  const known = members
    .map((member) => differences.value.get(member.name))
    .filter((entry) => entry !== undefined && entry.count > 0) as LayerDifference[];
  return groupValue(known, metric.value);
}

/** Layers interact: of several together only the largest share of one is known. */
function carriedBy(members: readonly LayerNode[]): GroupValue {
  const shares = members
    .map(({ name }) => carriedShares.value?.get(name) ?? null)
    .filter((share) => share !== null);
  const how = shares.length > 1 ? 'largest' : 'exact';
  return { value: shares.length === 0 ? null : Math.max(...shares), how };
}

/**
 * The layers that a box is shaded by. Of a closed group these are its layers with a kernel, as the
 * domain is of those; all of them where it has none.
 */
export function shadedBy(face: Pick<Face, 'layer' | 'members'>): readonly LayerNode[] {
  if (face.layer !== null) return face.members;
  const kernels = face.members.filter(({ name }) => kernelLayers.value?.has(name));
  return kernels.length > 0 ? kernels : face.members;
}

/** Values of boxes, and of the layers folded into them, by name. */
export function valuesOf(all: ReadonlyMap<string, Face>): ReadonlyMap<string, GroupValue> {
  const result = new Map<string, GroupValue>();
  for (const face of all.values()) {
    result.set(face.id, groupDifference(shadedBy(face)));
    for (const { layer: folded } of face.foot) result.set(folded.name, groupDifference([folded]));
  }
  return result;
}

export const values = computed(() => valuesOf(faces.value ?? new Map()));

/** The largest value on screen. */
const largestValue = computed(() => largestOf(values.value.values()));

/**
 * From no difference to the largest among layers with a kernel on screen; to the largest of all
 * where none of those differs. Statistics of a normalisation may differ by far more than any
 * kernel: they would leave all other boxes pale.
 */
export const domain = computed<readonly [number, number]>(() => {
  const kernels = kernelLayers.value ?? new Set<string>();
  const members = [...(faces.value?.values() ?? [])]
    .flatMap((face) => [face.members, face.foot.map((part) => part.layer)])
    .map((layers) => layers.filter(({ name }) => kernels.has(name)))
    .filter((layers) => layers.length > 0);
  return [0, largestOf(members.map(groupDifference)) || largestValue.value];
});

/** Whether some value lies beyond the end of the shades. */
export const beyond = computed(() => largestValue.value > domain.value[1]);

/** The end of the shades in words, `≥ 2.96` where values lie beyond it. */
export function shadeText(value: number): string {
  if (value === 0) return '0';
  const text = formatMeasure(shadeKey.value, value);
  return beyond.value && value === domain.value[1] ? `≥\u00a0${text}` : text;
}

function largestOf(all: Iterable<GroupValue>): number {
  let largest = 0;
  for (const { value } of all) largest = Math.max(largest, value ?? 0);
  return largest;
}

export const color = computed<ColorScale>(() => sequential(theme.value, domain.value));

/** The box that shows the selected layer. */
export const selectedBox = computed(() =>
  layer.value !== null && network.value && visible.value
    ? boxOfLayer(network.value, visible.value, layer.value)
    : null,
);

export const found = computed(() => matches(layers.value, query.value));
