/** Tensors of layers: their names, and which layers own a kernel and so have filters. */
import { computed } from '@preact/signals';
import type { Comparison, TensorDifference } from '../client/types';
import { difference } from './metrics';
import { comparison, latest } from './resources';
import type { Metric } from './selection';

/** A weight of both snapshots with two or more axes: a convolution's or dense layer's kernel. */
export function isKernel({ scope, status, shape_a }: TensorDifference): boolean {
  return scope === 'weights' && status === 'compared' && (shape_a?.length ?? 0) >= 2;
}

export function layersWithKernels({ tensors }: Comparison): ReadonlySet<string> {
  const names = tensors.filter(isKernel).map((tensor) => tensor.layer);
  return new Set(names.filter((name) => name !== null));
}

/** Null until the snapshots are compared. */
export const kernelLayers = computed<ReadonlySet<string> | null>(() => {
  const known = latest(comparison.value);
  return known && layersWithKernels(known);
});

/** Layers of which some weight is compared; null until the snapshots are compared. */
export const comparedLayers = computed<ReadonlySet<string> | null>(() => {
  const known = latest(comparison.value);
  if (!known) return null;
  const compared = known.tensors.filter(
    ({ scope, status }) => scope === 'weights' && status === 'compared',
  );
  return new Set(compared.map((tensor) => tensor.layer).filter((name) => name !== null));
});

/** Tensors with weights that could not be compared, by layer. */
export const notCompared = computed<ReadonlyMap<string, readonly TensorDifference[]>>(() => {
  const byLayer = new Map<string, TensorDifference[]>();
  for (const tensor of latest(comparison.value)?.tensors ?? []) {
    if (tensor.status === 'compared' || tensor.scope !== 'weights' || !tensor.layer) continue;
    byLayer.set(tensor.layer, [...(byLayer.get(tensor.layer) ?? []), tensor]);
  }
  return byLayer;
});

/** The layer to look at first: the one with a kernel that differs most, if any differs. */
export function mostChangedLayer(compared: Comparison, metric: Metric): string | null {
  const kernels = layersWithKernels(compared);
  let most: string | null = null;
  let largest = 0;
  for (const { name, measures } of compared.layers) {
    const value = kernels.has(name) ? difference(measures, metric) : null;
    if (value !== null && value > largest) [most, largest] = [name, value];
  }
  return most;
}

/** `conv1/kernel` of the layer `conv1` is its `kernel`. */
export function shortTensor(name: string, layer: string | null): string {
  return layer !== null && name.startsWith(`${layer}/`) ? name.slice(layer.length + 1) : name;
}
