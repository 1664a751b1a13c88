import { expect, test } from 'vitest';
import { chartStyle } from '../../src/views/training-layers/chart-style';
import { EDGES, PUBLISHED, sorted, withOneMore } from '../../src/views/training-layers/edges';
import { layersRows } from '../../src/views/training-layers/layers-csv';
import type { Row } from '../../src/views/training-layers/series';
import {
  bandWords,
  isSigned,
  notFiniteWords,
  quantityOf,
  readingsAt,
  summaryOf,
} from '../../src/views/training-layers/words';

const row = (values: readonly number[], depth = 1): Row => ({
  depth,
  dumps: values.length / depth,
  values: Float32Array.from(values),
  notFinite: null,
});

test('edges are those that a log has: zero, and one digit of six decades', () => {
  expect(EDGES).toHaveLength(56);
  expect(EDGES).toEqual([...EDGES].sort((one, other) => one - other));
  expect([EDGES[0], EDGES[1], EDGES.at(-1)]).toEqual([0, 1e-6, 1]);
  expect(PUBLISHED.every((edge) => EDGES.includes(edge))).toBe(true);
});

test('another edge halves the widest band, until there is none', () => {
  expect(sorted([0.1, 0.01, 0.1])).toEqual([0.01, 0.1]);
  const more = withOneMore(PUBLISHED);
  expect(more).toHaveLength(5);
  expect(more.every((edge) => EDGES.includes(edge))).toBe(true);
  expect(withOneMore(EDGES)).toBe(EDGES);
});

test('bands are named by their ends', () => {
  expect(bandWords(PUBLISHED)).toEqual([
    'up to 0.0001',
    '0.0001 – 0.001',
    '0.001 – 0.01',
    '0.01 – 0.1',
    'above 0.1',
  ]);
  expect(bandWords([0, 0.00002])).toEqual(['unchanged', 'up to 2e−5', 'above 2e−5']);
});

test('what a chart shows is said with its unit', () => {
  expect(quantityOf('horizon', 'gradient', 'l1')).toBe('mean magnitude (L1) of gradients');
  expect(quantityOf('box', 'weight', 'l1')).toBe('spread of weights');
  expect(quantityOf('bands', 'update', 'l1')).toBe('updates relative to weights, |Δw ∕ w|');
  expect([isSigned('mean'), isSigned('l2')]).toEqual([true, false]);
});

test('a dump is read in full, the largest first', () => {
  expect(readingsAt('line', row([1, 0.123456789]), 1, 'mean', [])).toEqual([
    { label: 'mean', value: '0.12346' },
  ]);
  const five = readingsAt('box', row([-1, 0, 1, 2, 3], 5), 0, '', []);
  expect(five.map(({ label, value }) => `${label} ${value}`)).toEqual([
    'Maximum 3',
    'Third quartile 2',
    'Mean 1',
    'First quartile 0',
    'Minimum −1',
  ]);
  const bands = readingsAt('bands', row([0.75, 0.25], 2), 0, '', [0.1]);
  expect(bands.map(({ value }) => value)).toEqual(['25\u00a0%', '75\u00a0%']);
  expect(readingsAt('line', row([Number.NaN]), 0, '', [])[0]?.value).toBe('not known');
});

test('how much of a dump is NaN or infinite is told, and of what the value is', () => {
  const some: Row = {
    ...row([1, 2, Number.NaN]),
    notFinite: { some: Float64Array.of(0, 1024, 1056), of: Float64Array.of(1056, 1056, 1056) },
  };
  const shown = { chart: 'horizon', kind: 'weight', statistic: 'l1' } as const;
  expect(notFiniteWords(some, 0, shown)).toBeNull();
  expect(notFiniteWords(some, 1, shown)).toBe(
    '1,024 of 1,056 weights are NaN or infinite; the mean magnitude (L1) is of the others',
  );
  expect(notFiniteWords(some, 1, { ...shown, chart: 'box' })).toMatch(
    /the spread is of the others/,
  );
  expect(notFiniteWords(some, 2, { ...shown, kind: 'moment1' })).toBe(
    'all 1,056 first moments are NaN or infinite',
  );
  expect(notFiniteWords(row([1]), 0, shown)).toBeNull();
  expect(readingsAt('line', some, 2, 'mean', [])[0]?.value).toBe('none finite');
  expect(summaryOf('line', some, [10, 20, 30], [])).toBe(
    'from 1 to 2, greatest at step 20; some NaN or infinite at 2 dumps, first at step 20',
  );
});

test('a row is summed up for who cannot see it', () => {
  expect(summaryOf('line', row([1, 5, 2]), [10, 20, 30], [])).toBe(
    'from 1 to 5, greatest at step 20',
  );
  expect(summaryOf('bands', row([1, 0, 0.5, 0.5], 2), [10, 20], [0.1])).toBe(
    'at most 50\u00a0% above 0.1 at step 20',
  );
  expect(summaryOf('line', row([Number.NaN]), [1], [])).toBe('not recorded');
  expect(summaryOf('line', row([Number.POSITIVE_INFINITY]), [1], [])).toBe('nowhere finite');
  expect(summaryOf('line', null, [], [])).toBe('not read yet');
});

test('colours of bands grow from one to the next, those below the base in their own hue', () => {
  const choice = { theme: 'light', horizonBands: 4, mirror: true, ratioBands: 5 } as const;
  const signed = chartStyle({ ...choice, signed: true });
  expect(new Set([...signed.horizon.above, ...signed.horizon.below]).size).toBe(8);
  expect(chartStyle({ ...choice, signed: false }).horizon.above).not.toEqual(signed.horizon.above);
  expect(signed.bands).toHaveLength(5);
  expect(chartStyle({ ...choice, horizonBands: 1, signed: true }).horizon.above).toHaveLength(1);
});

test('the table ends before it is too long for a spreadsheet', () => {
  const dumps = Array.from({ length: 1000 }, (_, at) => at);
  const indices = Array.from({ length: 700 }, (_, at) => at);
  const values = new Float32Array(700_000);
  const table = layersRows({
    chart: 'line',
    kind: 'weight',
    statistic: 'l1',
    edges: [],
    dumps,
    rows: new Map(),
    filters: [{ layer: 'a', measure: 'cosine', filters: indices, values }],
  });
  expect(table).toHaveLength(1 + 500_000);
});

test('the table has every value on show, of units and of filters', () => {
  const table = layersRows({
    chart: 'bands',
    kind: 'gradient',
    statistic: 'l1',
    edges: [0.1],
    dumps: [100, 200],
    rows: new Map([['conv1', row([0.9, 0.1, Number.NaN, Number.NaN], 2)]]),
    filters: [
      { layer: 'conv1', measure: 'cosine', filters: [3], values: Float32Array.from([1, 0.5]) },
    ],
  });
  expect(table).toEqual([
    ['unit', 'filter', 'step', 'kind', 'quantity', 'value'],
    ['conv1', null, 100, 'gradient', 'share up to 0.1', Math.fround(0.9)],
    ['conv1', null, 200, 'gradient', 'share up to 0.1', null],
    ['conv1', null, 100, 'gradient', 'share above 0.1', Math.fround(0.1)],
    ['conv1', null, 200, 'gradient', 'share above 0.1', null],
    ['conv1', 3, 100, 'filter', 'cosine', 1],
    ['conv1', 3, 200, 'filter', 'cosine', 0.5],
  ]);
});
