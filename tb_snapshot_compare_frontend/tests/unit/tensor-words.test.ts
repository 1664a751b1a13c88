import { expect, test } from 'vitest';
import type { TensorDifference } from '../../src/client/types';
import { kernelShapes, notComparedWords, whyNotCompared } from '../../src/elements/tensor-words';

function tensor(name: string, changes: Partial<TensorDifference> = {}): TensorDifference {
  return {
    name,
    layer: 'conv5',
    role: 'kernel',
    scope: 'weights',
    dtype_a: 'float32',
    dtype_b: 'float32',
    shape_a: [3, 3, 192, 128],
    shape_b: [3, 3, 192, 128],
    status: 'compared',
    rule: 'name',
    count: 1,
    problem: null,
    measures: null,
    ...changes,
  };
}

test('other shapes are given for both snapshots', () => {
  const other = tensor('conv5/kernel', { status: 'shape_differs', shape_b: [5, 5, 192, 128] });
  expect(whyNotCompared(other)).toBe(
    'shapes differ: 3 × 3 × 192 × 128 in a, 5 × 5 × 192 × 128 in b',
  );
});

test('a few are named, the others counted', () => {
  const all = Array.from({ length: 6 }, (_, i) => tensor(`conv5/w${i}`, { status: 'only_b' }));
  expect(notComparedWords(all, 'conv5', 2)).toBe('w0 (only in b), w1 (only in b) and 4 more');
});

test('a layer has the shapes of its kernels, not of its biases or of the optimizer', () => {
  const all = [
    tensor('conv5/kernel'),
    tensor('conv5/recurrent_kernel', { shape_a: [2, 4], shape_b: [2, 8] }),
    tensor('conv5/gone', { shape_a: [2, 4], shape_b: null, status: 'only_a' }),
    tensor('conv5/bias', { shape_a: [128], shape_b: [128] }),
    tensor('conv5/kernel/m', { scope: 'optimizer' }),
    tensor('conv4/kernel', { layer: 'conv4' }),
  ];
  expect(kernelShapes(all, 'conv5')).toEqual([
    { name: 'kernel', shape: '3 × 3 × 192 × 128' },
    { name: 'recurrent_kernel', shape: '2 × 4 in a, 2 × 8 in b' },
    { name: 'gone', shape: '2 × 4' },
  ]);
});
