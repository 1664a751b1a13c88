import { expect, test } from 'vitest';
import type { Trend } from '../../src/client/types';
import { joinTrend } from '../../src/state/trend';
import { timelineRows } from '../../src/views/timeline/timeline-csv';
import {
  cellsOn,
  cellWords,
  colorRange,
  coverageWords,
  hatchWords,
  measureFor,
  rankingOf,
  rowsOf,
  valueWords,
} from '../../src/views/timeline/trend-model';
import { runOf, trendOf } from '../harness/fixtures';

const snapshots = runOf(5).snapshots;
const trend = trendOf(snapshots);
const row = { name: 'conv1', index: 0 };
const ranking = rankingOf(trend, 'l2');

function waiting(): Trend {
  const [first, second, ...others] = trend.pairs;
  if (!first || !second) throw new Error('no pairs');
  const nothing = { l2: null, relative_l2: null };
  return {
    ...trend,
    pairs: [
      { ...first, ...nothing, state: 'waiting' },
      { ...second, ...nothing, state: 'computing', fraction: 0.25 },
      ...others,
    ],
  };
}

test('a cell lies between the places of its two snapshots', () => {
  expect(cellsOn('epoch', trend).map(({ from, to }) => [from, to])).toEqual([
    [1, 2],
    [2, 3],
    [3, 4],
    [4, 5],
  ]);
  expect(cellsOn('step', trend)[0]?.to).toBe(68);
  const stepless = {
    ...trend,
    snapshots: trend.snapshots.map((snapshot) => ({ ...snapshot, step: null })),
  };
  expect(cellsOn('step', stepless)).toEqual([]);
  expect(cellsOn('epoch', null)).toEqual([]);
});

test('the layers that changed most are shown in the order of the network, the selected one too', () => {
  expect(rowsOf(trend, ranking, null, 3).map(({ name }) => name)).toEqual(['fc6', 'fc7', 'fc8']);
  expect(rowsOf(trend, ranking, 'conv1', 3).map(({ name }) => name)).toEqual([
    'conv1',
    'fc7',
    'fc8',
  ]);
  expect(rowsOf(trend, ranking, null, Number.POSITIVE_INFINITY)).toHaveLength(8);
});

test('the measure of the page is used where the trend has it', () => {
  expect(measureFor('l2')).toBe('l2');
  expect(measureFor('cosine')).toBe('relative_l2');
});

test('colours span what is positive', () => {
  const all = rowsOf(trend, ranking, null, Number.POSITIVE_INFINITY);
  const [low = 0, high = 0] = colorRange(trend, 'l2', all) ?? [];
  expect(low).toBeCloseTo(3.333);
  expect(high).toBe(80);
  const still = { ...trend, pairs: trend.pairs.map((pair) => ({ ...pair, l2: [0, 0] })) };
  expect(colorRange(still, 'l2', all)).toBeNull();
  const one = { ...trend, pairs: trend.pairs.map((pair) => ({ ...pair, l2: [3] })) };
  expect(colorRange(one, 'l2', all)).toEqual([0.3, 3]);
});

test('colours span the rows that are shown, or a small layer would flatten them', () => {
  const most = rowsOf(trend, ranking, null, 3);
  const [low = 0, high = 0] = colorRange(trend, 'l2', most) ?? [];
  expect(low).toBeGreaterThan(10);
  expect(high).toBe(80);
});

test('what is hatched is named', () => {
  const words = (known: Trend) => hatchWords(cellsOn('epoch', known), [row], 'l2');
  expect(words(trend)).toBeNull();
  expect(words(waiting())).toBe('not compared yet');
  const [first, ...others] = trend.pairs;
  if (!first) throw new Error('no pair');
  const failed = { ...first, state: 'failed' as const, l2: null };
  expect(words({ ...trend, pairs: [failed, ...others] })).toBe('not compared');
  const valueless = { ...first, l2: [null] };
  expect(words({ ...trend, pairs: [valueless, ...others] })).toBe('not compared');
  const { pairs } = waiting();
  expect(words({ ...trend, pairs: [...pairs.slice(0, 2), failed] })).toBe('not compared (yet)');
});

test('a cell says its value, or why there is none', () => {
  const [first, second, third] = cellsOn('epoch', waiting());
  if (!first || !second || !third) throw new Error('no cells');
  expect(valueWords(first, row, 'l2')).toBe('not compared yet');
  expect(valueWords(second, row, 'l2')).toBe('being compared, 25 %');
  expect(cellWords(third, row, 'l2')).toBe(
    'conv1, epoch 3 · step 102 to epoch 4 · step 136: 3.333 (Euclidean distance, ‖b − a‖₂)',
  );
  const failed = { ...third, pair: { ...third.pair, state: 'failed' as const, problem: 'Cut.' } };
  expect(valueWords(failed, row, 'l2')).toBe('Cut.');
});

test('what is not all of the network says so', () => {
  const pair = trend.pairs[0];
  if (!pair) throw new Error('no pair');
  expect(coverageWords(pair)).toBeNull();
  expect(coverageWords({ ...pair, compared: 80, total: 100 })).toBe(
    '80.0 % of the weights are compared',
  );
});

test('values that were sent before stay, under the layers of the newer answer', () => {
  const layers = ['added', ...trend.layers];
  const next = {
    ...trend,
    version: 4,
    layers,
    pairs: trend.pairs.map((pair) => ({ ...pair, l2: null, relative_l2: null })),
  };
  const joined = joinTrend(trend, next);
  expect(joined.pairs[1]?.l2).toEqual([null, ...(trend.pairs[1]?.l2 ?? [])]);
  expect(joinTrend(null, next)).toBe(next);
});

test('the table of the timeline holds the changes of every layer', () => {
  const rows = timelineRows(snapshots, null, trend);
  expect(rows).toHaveLength(1 + 5 + 2 * 4 * 8);
  expect(rows[6]).toEqual([
    'l2 since epoch 1 · step 34',
    'conv1',
    2,
    68,
    snapshots[1]?.modified,
    'done',
    10,
  ]);
});
