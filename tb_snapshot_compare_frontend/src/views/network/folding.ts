/** Which layers share a box with the layer before them. */
import type { LayerNode } from '../../client/types';
import type { Link } from '../../workers/layout/types';
import { append } from './lists';
import type { Unit } from './types';

const FOLDED_INTO_PREVIOUS =
  /^(Activation|ReLU|LeakyReLU|PReLU|ELU|GELU|Softmax|.*Normalization|.*Dropout.*|Gaussian(Noise|Dropout)|Flatten|Reshape|Identity|ActivityRegularization)$/;
const FOLDED_INTO_NEXT = /^ZeroPadding[123]D$/;
const NEVER_A_HEAD = /^InputLayer$/;

interface Folding {
  readonly units: readonly Unit[];
  readonly unitOf: ReadonlyMap<string, string>;
}

function neighbours(edges: readonly Link[]): {
  before: Map<string, string[]>;
  after: Map<string, string[]>;
} {
  const before = new Map<string, string[]>();
  const after = new Map<string, string[]>();
  for (const { source, target } of edges) {
    append(before, target, source);
    append(after, source, target);
  }
  return { before, after };
}

/**
 * Joins a layer to its only neighbour, when it is that neighbour's only one too: what is folded
 * never hides a branch. Groups and sides are kept apart.
 */
export function foldLayers(
  layers: readonly LayerNode[],
  edges: readonly Link[],
  compact: boolean,
): Folding {
  const { before, after } = neighbours(edges);
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const head = new Map(layers.map((layer) => [layer.name, layer.name]));
  const only = (map: Map<string, string[]>, name: string): LayerNode | null => {
    const all = map.get(name) ?? [];
    return all.length === 1 ? (byName.get(all[0] as string) ?? null) : null;
  };
  const alike = (left: LayerNode, right: LayerNode): boolean =>
    left.parent === right.parent && left.side === right.side;
  const padding = new Set<string>();
  for (const layer of compact ? layers : []) {
    if (FOLDED_INTO_NEXT.test(layer.kind)) {
      const next = only(after, layer.name);
      if (next && alike(layer, next) && only(before, next.name) === layer) {
        head.set(layer.name, next.name);
        padding.add(layer.name);
      }
      continue;
    }
    const previous = FOLDED_INTO_PREVIOUS.test(layer.kind) ? only(before, layer.name) : null;
    if (!previous || !alike(layer, previous) || NEVER_A_HEAD.test(previous.kind)) continue;
    if (padding.has(previous.name) || only(after, previous.name) !== layer) continue;
    head.set(layer.name, head.get(previous.name) as string);
  }
  const folded = new Map<string, LayerNode[]>();
  for (const layer of layers) {
    const unit = head.get(layer.name) as string;
    if (unit !== layer.name) append(folded, unit, layer);
  }
  const units = layers
    .filter((layer) => head.get(layer.name) === layer.name)
    .map((layer) => ({
      name: layer.name,
      layer,
      folded: folded.get(layer.name) ?? [],
      group: layer.parent,
    }));
  return { units, unitOf: head };
}
