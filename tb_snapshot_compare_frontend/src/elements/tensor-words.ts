/** Tensors that could not be compared, in words. */
import type { TensorDifference } from '../client/types';
import { formatShape } from '../scales/format';
import { shortTensor } from '../state/tensors';

const REASONS = {
  compared: '',
  only_a: 'only in a',
  only_b: 'only in b',
  shape_differs: 'shapes differ',
  not_numeric: 'not numeric',
  unreadable: 'unreadable',
} as const satisfies Record<TensorDifference['status'], string>;

/** `shapes differ: 3 × 3 × 4 × 8 in a, 3 × 3 × 4 × 16 in b` */
export function whyNotCompared({ status, shape_a, shape_b }: TensorDifference): string {
  if (status !== 'shape_differs') return REASONS[status];
  return `${REASONS[status]}: ${formatShape(shape_a)} in a, ${formatShape(shape_b)} in b`;
}

/** `kernel (shapes differ: ...), bias (only in a) and 2 more` */
export function notComparedWords(
  tensors: readonly TensorDifference[],
  layer: string | null,
  most = 4,
): string {
  const named = tensors
    .slice(0, most)
    .map((tensor) => `${shortTensor(tensor.name, layer)} (${whyNotCompared(tensor)})`);
  const more = tensors.length > most ? ` and ${tensors.length - most} more` : '';
  return named.join(', ') + more;
}

/** A layer's kernels by name, with the shape that each has, or has in a and in b. */
export function kernelShapes(
  tensors: readonly TensorDifference[],
  layer: string,
): readonly { readonly name: string; readonly shape: string }[] {
  return tensors
    .filter(
      (tensor) =>
        tensor.layer === layer &&
        tensor.scope === 'weights' &&
        Math.max(tensor.shape_a?.length ?? 0, tensor.shape_b?.length ?? 0) >= 2,
    )
    .map((tensor) => ({ name: shortTensor(tensor.name, layer), shape: bothShapes(tensor) }));
}

function bothShapes({ shape_a, shape_b }: TensorDifference): string {
  if (shape_a === null || shape_b === null) return formatShape(shape_a ?? shape_b);
  const [a, b] = [formatShape(shape_a), formatShape(shape_b)];
  return a === b ? a : `${a} in a, ${b} in b`;
}
