import { expect, test } from 'vitest';
import type { Comparison, TensorDifference } from '../../src/client/types';
import { layersWithKernels, mostChangedLayer, shortTensor } from '../../src/state/tensors';
import { rangeSetter, tensorsOfLayer } from '../../src/views/distribution/tensors';
import { distributionOf, SMALL } from '../browser/distribution-fixture';
import { comparisonOf, snapshotOf } from '../harness/fixtures';

const compared = comparisonOf(snapshotOf(10), snapshotOf(40));

function tensorOf(changes: Partial<TensorDifference>, largest = 0.1): TensorDifference {
  const base = compared.tensors[0] as TensorDifference;
  const measures = { ...(base.measures as NonNullable<typeof base.measures>), max_abs: largest };
  return { ...base, measures, ...changes };
}

/** One layer with statistics that differ by far more than every kernel. */
function withStatistics(): Comparison {
  const [first] = compared.layers;
  if (!first) throw new Error('no layers');
  const measures = { ...first.measures, l2: 1000 };
  return {
    ...compared,
    layers: [...compared.layers, { name: 'norm2', kind: 'BatchNormalization', count: 4, measures }],
    tensors: [
      ...compared.tensors,
      tensorOf({ name: 'norm2/moving_variance', layer: 'norm2', shape_a: [4], shape_b: [4] }),
    ],
  };
}

test('a layer with filters owns a tensor of two or more axes', () => {
  const kernels = layersWithKernels(withStatistics());
  expect(kernels.has('conv5')).toBe(true);
  expect(kernels.has('norm2')).toBe(false);
});

test('the first layer to look at is the most changed one with a kernel', () => {
  const most = [...compared.layers].sort((x, y) => (y.measures.l2 ?? 0) - (x.measures.l2 ?? 0))[0];
  expect(mostChangedLayer(withStatistics(), 'l2')).toBe(most?.name);
});

test('where nothing differs, no layer is looked at first', () => {
  const layers = compared.layers.map((entry) => ({
    ...entry,
    measures: { ...entry.measures, l2: 0, cosine: null },
  }));
  expect(mostChangedLayer({ ...compared, layers }, 'l2')).toBeNull();
  expect(mostChangedLayer({ ...compared, layers }, 'cosine')).toBeNull();
});

test('tensors are called without their layer', () => {
  expect(shortTensor('conv1/kernel', 'conv1')).toBe('kernel');
  expect(shortTensor('conv10/kernel', 'conv1')).toBe('conv10/kernel');
  expect(tensorsOfLayer(compared, 'conv5').map(({ name }) => name)).toEqual([
    'conv5/kernel',
    'conv5/bias',
  ]);
  expect(tensorsOfLayer(compared, null)).toEqual([]);
});

test('a small tensor that stretches the range is named', () => {
  const counts = SMALL.counts.map(() => SMALL.level_edges.slice(1).map(() => 0));
  const crowded = { ...SMALL, layer: null, tensor: null, counts };
  counts[0] = [9_990, 0];
  counts[2] = [10, 0];
  const kernel = tensorOf({ count: 9_900 }, 0.01);
  const statistics = tensorOf({ name: 'norm2/moving_variance', layer: 'norm2', count: 100 }, 3);
  expect(rangeSetter(crowded, [kernel, statistics])?.name).toBe('norm2/moving_variance');
  expect(rangeSetter({ ...crowded, tensor: 'conv1/kernel' }, [kernel, statistics])).toBeNull();
  expect(rangeSetter(crowded, [kernel])).toBeNull();
  expect(rangeSetter(crowded, [tensorOf({ count: 9_900 }, 5), statistics])).toBeNull();
  expect(rangeSetter(distributionOf(), [kernel, statistics])).toBeNull();
});
