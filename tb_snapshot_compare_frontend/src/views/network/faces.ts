/** What stands on each box, and how large it therefore is. Differences do not change sizes. */
import type { LayerNode } from '../../client/types';
import { fitText, textWidth } from '../../elements/fit-text';
import { formatShape } from '../../scales/format';
import { layersOf, lineage, shortName } from './network';
import type { Network } from './types';
import type { Visible, VisibleBox } from './visible';

/** A folded layer, at the foot of a box. */
export interface FootPart {
  readonly layer: LayerNode;
  readonly text: string;
  readonly x: number;
  readonly width: number;
}

export interface Face {
  readonly id: string;
  readonly kind: 'weights' | 'plain' | 'group';
  readonly title: string;
  readonly subtitle: string;
  readonly side: LayerNode['side'];
  readonly foot: readonly FootPart[];
  readonly width: number;
  readonly height: number;
  /** Height without the foot. */
  readonly bodyHeight: number;
  readonly parent: string | null;
  /** The layer, or null for a closed group. */
  readonly layer: LayerNode | null;
  /** The layer itself, or all layers of the group. */
  readonly members: readonly LayerNode[];
}

export const TITLE_SIZE = 12.5;
export const SMALL_SIZE = 10.5;
export const FOOT_HEIGHT = 18;
export const CHEVRON = 18;
const PAD = 10;
const WIDTH = { weights: [112, 178], plain: [64, 132], group: [112, 190] } as const;
const BODY_HEIGHT = { weights: 60, plain: 40, group: 60 } as const;
const FOOT_GAP = 4;
const SWATCH = 11;

const SHORT_KINDS: readonly (readonly [RegExp, string])[] = [
  [/^BatchNormalization$/, 'BN'],
  [/^LayerNormalization$/, 'LN'],
  [/^GroupNormalization$/, 'GN'],
  [/^ZeroPadding[123]D$/, 'Pad'],
  [/^Activation$/, 'Activation'],
  [/^Global(Average|Max)Pooling[123]D$/, 'Global $1 pool'],
  [/^(Average|Max)Pooling[123]D$/, '$1 pool'],
  [/^InputLayer$/, 'Input'],
  [/^Spatial(Dropout)[123]D$/, '$1'],
  [/^Concatenate$/, 'Concat'],
];

export function shortKind(kind: string): string {
  for (const [pattern, short] of SHORT_KINDS)
    if (pattern.test(kind)) return kind.replace(pattern, short);
  return kind;
}

const tight = (shape: LayerNode['output_shape']): string =>
  shape === null ? '' : formatShape(shape).replaceAll(' × ', '×');

export const hasWeights = (layer: LayerNode): boolean =>
  layer.tensors.length > 0 || layer.parameters > 0;

function footParts(layers: readonly LayerNode[], room: number): FootPart[] {
  const parts: FootPart[] = [];
  let x = PAD - 3;
  for (const [index, layer] of layers.entries()) {
    const rest = layers.length - index;
    const text = shortKind(layer.kind);
    const width = textWidth(text, SMALL_SIZE) + 6 + (hasWeights(layer) ? SWATCH + 2 : 0);
    if (x + width > room - (rest > 1 ? 22 : 4)) {
      const more = { layer, text: `+${rest}`, x, width: 20 };
      return [...parts, more];
    }
    parts.push({ layer, text, x, width });
    x += width + FOOT_GAP;
  }
  return parts;
}

function clampWidth(kind: Face['kind'], wanted: number): number {
  const [least, most] = WIDTH[kind];
  return Math.round(Math.min(most, Math.max(least, wanted)) / 2) * 2;
}

function layerFace(network: Network, box: Extract<VisibleBox, { unit: unknown }>): Face {
  const { layer, folded } = box.unit;
  const kind = hasWeights(layer) ? 'weights' : 'plain';
  const name = shortName(network, layer.name, box.parent);
  const shape = kind === 'weights' ? ` ${tight(layer.output_shape)}` : '';
  const subtitle = `${shortKind(layer.kind)}${shape}`.trim();
  const footWidth = folded.reduce(
    (sum, part) => sum + textWidth(shortKind(part.kind), SMALL_SIZE) + FOOT_GAP + 6 + SWATCH,
    PAD,
  );
  const titleWidth = textWidth(name, TITLE_SIZE) + 2 * PAD;
  const wanted = Math.max(titleWidth, textWidth(subtitle, SMALL_SIZE) + 2 * PAD, footWidth);
  const width = clampWidth(kind, wanted);
  const foot = footParts(folded, width);
  const bodyHeight = BODY_HEIGHT[kind] + (layer.side === 'both' ? 0 : 12);
  return {
    id: box.id,
    kind,
    title: fitText(name, TITLE_SIZE, width - 2 * PAD + 4),
    subtitle: fitText(subtitle, SMALL_SIZE, width - 2 * PAD + 4),
    side: layer.side,
    foot,
    width,
    bodyHeight,
    height: bodyHeight + (foot.length > 0 ? FOOT_HEIGHT : 0),
    parent: box.parent,
    layer,
    members: [layer],
  };
}

function groupSide(members: readonly LayerNode[]): LayerNode['side'] {
  const [first] = members;
  return first && members.every((layer) => layer.side === first.side) ? first.side : 'both';
}

function groupFace(network: Network, box: Extract<VisibleBox, { group: unknown }>): Face {
  const members = layersOf(network, box.id);
  const name = shortName(network, box.id, box.parent);
  const subtitle = `${members.length} layer${members.length === 1 ? '' : 's'}`;
  const side = groupSide(members);
  const width = clampWidth(
    'group',
    Math.max(
      textWidth(name, TITLE_SIZE) + 2 * PAD + CHEVRON,
      textWidth(subtitle, SMALL_SIZE) + 2 * PAD,
    ),
  );
  const height = BODY_HEIGHT.group + (side === 'both' ? 0 : 12);
  return {
    id: box.id,
    kind: 'group',
    title: fitText(name, TITLE_SIZE, width - 2 * PAD - CHEVRON + 4),
    subtitle: fitText(subtitle, SMALL_SIZE, width - 2 * PAD + 4),
    side,
    foot: [],
    width,
    height,
    bodyHeight: height,
    parent: box.parent,
    layer: null,
    members,
  };
}

export function facesOf(network: Network, visible: Visible): Map<string, Face> {
  return new Map(
    visible.boxes.map((box) => [
      box.id,
      'unit' in box ? layerFace(network, box) : groupFace(network, box),
    ]),
  );
}

/** The title of an opened group, e.g. `encoder · 12 layers`. */
export function frameTitle(network: Network, group: string): { name: string; note: string } {
  const parent = network.groups.get(group)?.parent ?? null;
  const { length } = layersOf(network, group);
  return {
    name: shortName(network, group, parent),
    note: `${length} layer${length === 1 ? '' : 's'}`,
  };
}

/** How deep an opened group lies, 1 at the top. */
export function frameDepth(network: Network, group: string): number {
  return lineage(network, group).length;
}
