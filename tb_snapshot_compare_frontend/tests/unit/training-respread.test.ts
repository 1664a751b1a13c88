import { expect, test } from 'vitest';
import {
  movesOf,
  respread,
  respreadClasses,
  respreadSeries,
} from '../../src/state/training-respread';

test('steps that stay need no copy', () => {
  expect(movesOf([1, 2, 3], [1, 2, 3])).toBeNull();
});

test('columns go where their steps are, new ones are unknown', () => {
  const moves = movesOf([10, 20, 30], [10, 15, 30, 40]);
  expect([...(moves ?? [])]).toEqual([0, -1, 2, -1]);
  const values = Float32Array.of(1, 2, 3, 4, 5, 6);
  const spread = respread(values, 3, moves as Int32Array, Number.NaN);
  expect([...spread]).toEqual([1, Number.NaN, 3, Number.NaN, 4, Number.NaN, 6, Number.NaN]);
});

test('a column may have several values', () => {
  const moves = movesOf([1, 2], [2, 3]) as Int32Array;
  const counts = Int32Array.of(1, 2, 3, 4);
  expect([...respread(counts, 2, moves, -1, 2)]).toEqual([3, 4, -1, -1]);
});

test('values that are no whole rows do not end the page', () => {
  const spread = respread(Float32Array.of(1, 2, 3, 4, 5), 2, Int32Array.of(1, -1), 0);
  expect([...spread]).toEqual([2, 0, 4, 0]);
});

test('nothing has no rows', () => {
  expect(respread(new Float32Array(0), 0, Int32Array.of(-1), 0)).toHaveLength(0);
});

test('counts of what is not finite go with their dumps, 0 where nothing is known yet', () => {
  const value = {
    units: ['a', 'b'],
    kind: 'weight',
    statistic: 'l1',
    depth: 1 as const,
    values: Float32Array.of(1, Number.NaN, 3, 4),
    notFinite: { some: Float64Array.of(0, 9, 0, 1), of: Float64Array.of(9, 9, 8, 8) },
  };
  const [before, after] = [
    { dumps: [5, 6], passes: [] },
    { dumps: [5, 6, 7], passes: [] },
  ];
  const grown = respreadSeries(value, before, after).notFinite;
  expect([...(grown?.some ?? [])]).toEqual([0, 9, 0, 0, 1, 0]);
  expect([...(grown?.of ?? [])]).toEqual([9, 9, 0, 8, 8, 0]);
});

test('classes keep their orders and clusters', () => {
  const value = {
    error: Float32Array.of(0.5, 0.25),
    left: Int32Array.of(1, 2),
    right: Int32Array.of(3, 4),
    modelError: Float32Array.of(0.5),
    modelLeft: Int32Array.of(1),
    modelRight: Int32Array.of(2),
    mds: Int32Array.of(1, 0),
    peak: Int32Array.of(0, 1),
    cluster: Int32Array.of(0, 0),
    firstImage: Int32Array.of(3, -1),
  };
  const grown = respreadClasses(value, { dumps: [], passes: [5] }, { dumps: [], passes: [5, 6] });
  expect([...grown.error]).toEqual([0.5, Number.NaN, 0.25, Number.NaN]);
  expect([...grown.left]).toEqual([1, 0, 2, 0]);
  expect([...grown.modelRight]).toEqual([2, 0]);
  expect(grown.mds).toBe(value.mds);
});
