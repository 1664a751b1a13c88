/** The tensors that a distribution counts. */
import type { Comparison, Distribution, TensorDifference } from '../../client/types';
import { totalOf } from './cells';

/** From this share of the weights in two neighbouring bars on, the others say little. */
const CROWDED = 0.97;
/** Tensors that hold more of the weights than this are what the distribution is about. */
const FEW = 0.05;

export function tensorsOfLayer(
  compared: Comparison | null,
  layer: string | null,
): readonly TensorDifference[] {
  if (compared === null || layer === null) return [];
  return compared.tensors.filter(
    (tensor) =>
      tensor.layer === layer && tensor.scope === 'weights' && tensor.status === 'compared',
  );
}

/**
 * The small tensor whose changes alone make the range so wide that nearly all weights lie in two
 * neighbouring bars; null where the bars tell the weights apart.
 */
export function rangeSetter(
  { layer, tensor, counts }: Distribution,
  tensors: readonly TensorDifference[],
): TensorDifference | null {
  if (tensor !== null || share(counts) < CROWDED) return null;
  const counted = tensors.filter(
    (entry) =>
      entry.scope === 'weights' &&
      entry.measures !== null &&
      (layer === null || entry.layer === layer),
  );
  const change = (entry: TensorDifference) => entry.measures?.max_abs ?? 0;
  const [first, ...others] = counted.sort((x, y) => change(y) - change(x));
  if (!first || others.length === 0 || first.count > FEW * totalOf(counts)) return null;
  return first;
}

/** The largest share of two neighbouring bars. */
function share(counts: Distribution['counts']): number {
  const bars = counts.map((bar) => bar.reduce((sum, count) => sum + count, 0));
  const pairs = bars.map((count, bin) => count + (bars[bin + 1] ?? 0));
  const total = totalOf(counts);
  return total === 0 ? 0 : Math.max(...pairs) / total;
}
