import { expect, test } from 'vitest';
import type { FilterSeries } from '../../src/client/types';
import type { FilterScale } from '../../src/state/training';
import type { Bucket } from '../../src/views/training-layers/buckets';
import { movedCell } from '../../src/views/training-layers/cells';
import {
  boundsAt,
  changeOf,
  type Shading,
  shadesOf,
  shadingOf,
  strongest,
} from '../../src/views/training-layers/filter-scale';
import { absenceOf, readFilter } from '../../src/views/training-layers/filter-words';
import { filterPixels } from '../../src/views/training-layers/paint-filters';
import { ranked, topOf } from '../../src/views/training-layers/top';
import { random } from '../harness-layers/log';

function seriesOf(measure: string, rows: readonly (readonly number[])[]): FilterSeries {
  return {
    layer: 'conv1',
    measure,
    filters: rows.map((_, filter) => filter),
    values: Float32Array.from(rows.flat()),
  };
}

test('a layer of which no filter changed says so, and one that was not recorded', () => {
  const still = [
    [Number.NaN, 1, 1],
    [Number.NaN, 1, 1],
  ];
  expect(absenceOf(seriesOf('cosine', still))).toBe('no filter changed at any dump');
  expect(absenceOf(seriesOf('relative_l2', [[0, 0, Number.NaN]]))).toBe(
    'no filter changed at any dump',
  );
  expect(absenceOf(seriesOf('cosine', [[1, 1, 0.5]]))).toBeNull();
  expect(absenceOf(seriesOf('cosine', [[0, 0]]))).toBeNull();
  expect(absenceOf(seriesOf('g_l2', [[0, 0]]))).toBeNull();
  expect(absenceOf(seriesOf('g_l2', [[Number.NaN, Number.NaN]]))).toBe('not recorded');
});

const shadeAt = (shading: Shading, filter: number, dump: number) => shadesOf(shading, filter)[dump];

function made(seed: number, filters: number, dumps: number): number[][] {
  const next = random(seed);
  const value = () => (next() < 0.05 ? Number.NaN : next() ** 3);
  return Array.from({ length: filters }, () => Array.from({ length: dumps }, value));
}

/** The greatest known value of what a cell is compared with. */
function brute(rows: readonly (readonly number[])[], scale: FilterScale, at: [number, number]) {
  const [filter, dump] = at;
  const peers = {
    filter: rows[filter] as readonly number[],
    dump: rows.map((row) => row[dump] as number),
    all: rows.flat(),
  }[scale].filter((value) => !Number.isNaN(value));
  return Math.max(...peers.map(Math.fround));
}

test.each(['filter', 'dump', 'all'] as const)('shades are shares of the largest: %s', (scale) => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const rows = made(seed, 7, 11);
    const shading = shadingOf(seriesOf('euclidean', rows), scale);
    rows.forEach((row, filter) => {
      row.forEach((value, dump) => {
        const shade = shadeAt(shading, filter, dump);
        if (Number.isNaN(value)) expect(shade).toBeNaN();
        else expect(shade).toBeCloseTo(value / brute(rows, scale, [filter, dump]), 5);
      });
    });
  }
});

test('a cosine is shaded by the angle, darker where it is smaller', () => {
  expect(changeOf('cosine', 0.75)).toBe(0.25);
  expect(changeOf('euclidean', 0.75)).toBe(0.75);
  const shading = shadingOf(seriesOf('cosine', [[1, 0.75, 0]]), 'filter');
  expect([0, 1, 2].map((dump) => shadeAt(shading, 0, dump))).toEqual([0, 0.5, 1]);
});

test('norms of weights span from their least value, changes from zero', () => {
  const rows = [[2, 3, 4]];
  expect(boundsAt(shadingOf(seriesOf('w_l2', rows), 'filter'), 0, 0)).toEqual({ low: 2, high: 4 });
  expect(boundsAt(shadingOf(seriesOf('g_l2', rows), 'filter'), 0, 0)).toEqual({ low: 0, high: 4 });
});

test('what never changes is not shaded, what is not known is neither', () => {
  const shading = shadingOf(
    seriesOf('cosine', [
      [1, 1],
      [Number.NaN, Number.NaN],
    ]),
    'filter',
  );
  expect(shadeAt(shading, 0, 0)).toBe(0);
  expect(shadeAt(shading, 1, 0)).toBeNaN();
  expect(boundsAt(shading, 1, 0)).toBeNull();
});

test('single outliers do not flatten a whole layer', () => {
  const row = Array.from({ length: 1000 }, (_, at) => at / 1000);
  row[3] = 1e9;
  const bounds = boundsAt(shadingOf(seriesOf('euclidean', [row]), 'all'), 0, 0);
  expect(bounds?.high).toBeLessThan(1);
});

test('the strongest shade of some dumps is what they show', () => {
  const shades = Float32Array.from([Number.NaN, 0.25, 1, 0.5]);
  expect(strongest(shades, 0, 9)).toBe(1);
  expect(strongest(shades, 0, 2)).toBe(0.25);
  expect(strongest(shades, 0, 1)).toBeNaN();
});

const COLORS = { table: ['#000000', '#808080', '#ffffff'], missing: '#ff0000', grid: '#00ff00' };
const packed = (hex: string) =>
  Number.parseInt(`ff${hex.slice(5)}${hex.slice(3, 5)}${hex.slice(1, 3)}`, 16);

test('every pixel has the colour of its filter and its dumps', () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const next = random(seed);
    const [filters, dumps] = [1 + Math.floor(next() * 30), 1 + Math.floor(next() * 20)];
    const shading = shadingOf(seriesOf('euclidean', made(seed, filters, dumps)), 'all');
    const order = Array.from({ length: filters }, (_, at) => filters - 1 - at);
    const wide = 1 + Math.floor(next() * 4);
    const buckets: Bucket[] = Array.from({ length: dumps }, (_, at) => {
      return { left: at * wide, right: (at + 1) * wide, from: at, to: at + 1 };
    });
    const row = 1 + next() * 4;
    const frame = { width: dumps * wide, height: 40, top: next() * 20, row, grid: false, gap: 0 };
    const pixels = filterPixels(shading, order, buckets, frame, COLORS);
    const expected = Array.from(pixels, (_, at) => {
      const [x, y] = [at % frame.width, Math.floor(at / frame.width)];
      const line = order.findIndex((_, place) => y < Math.round((place + 1) * row - frame.top));
      if (line < 0) return 0;
      const shade = shadeAt(shading, order[line] ?? 0, Math.floor(x / wide)) as number;
      const color = Number.isNaN(shade) ? COLORS.missing : COLORS.table[Math.round(shade * 2)];
      return packed(color as string);
    });
    expect([...pixels]).toEqual(expected);
  }
});

test('large filters have lines between them, and between wide dumps', () => {
  const shading = shadingOf(
    seriesOf('euclidean', [
      [1, 1],
      [1, 1],
    ]),
    'all',
  );
  const buckets = [0, 1].map((at) => ({ left: 8 * at, right: 8 * at + 8, from: at, to: at + 1 }));
  const frame = { width: 16, height: 14, top: 0, row: 7, grid: true, gap: 0 };
  const pixels = filterPixels(shading, [0, 1], buckets, frame, COLORS);
  const grid = [...pixels].flatMap((pixel, at) => (pixel === packed(COLORS.grid) ? [at] : []));
  expect(grid.filter((at) => Math.floor(at / 16) === 6)).toHaveLength(16);
  expect(grid.filter((at) => Math.floor(at / 16) === 2)).toEqual([2 * 16 + 7, 2 * 16 + 15]);
});

test('arrows move over filters and dumps, and stop at the edges', () => {
  const at = { line: 1, dump: 5 };
  const to = (key: string) => movedCell(key, at, 30, 10);
  expect(to('ArrowUp')).toEqual({ line: 0, dump: 5 });
  expect(to('PageUp')).toEqual({ line: 0, dump: 5 });
  expect(to('PageDown')).toEqual({ line: 11, dump: 5 });
  expect([to('Home')?.dump, to('End')?.dump]).toEqual([0, 9]);
  expect(to('a')).toBeNull();
});

test('a cosine is read with the relative norm, other measures alone', () => {
  const cosine = seriesOf('cosine', [[0.5, 0.25]]);
  const norms = {
    ...seriesOf('relative_l2', [
      [9, 9],
      [0.1, 0.2],
    ]),
    filters: [7, 0],
  };
  expect(readFilter(cosine, 0, 1, norms).readings).toEqual([
    { label: 'Cosine similarity', value: '0.25' },
    { label: 'Relative change ‖Δw‖₂ ∕ ‖w‖₂', value: '0.2' },
  ]);
  expect(readFilter(cosine, 0, 9, null).readings[0]?.value).toBe('not known');
  expect(readFilter(norms, 0, 0, norms).readings).toHaveLength(1);
});

test('top filters are ranked by their mean change where it is known', () => {
  const of = (filter: number, ...cosine: (number | null)[]) => {
    return { layer: filter < 5 ? 'a' : 'b', filter, cosine, relative_l2: cosine };
  };
  const top = {
    steps: [1, 2],
    count: 20,
    left_out: [],
    filters: [of(3, 0.9, 0.9), of(9, null, 0.2), of(1, 0.5, 0.7), of(2, null, null)],
  };
  expect(ranked(top).map(({ rank, filter }) => [rank, filter.filter])).toEqual([
    [1, 9],
    [2, 1],
    [3, 3],
    [4, 2],
  ]);
  expect(topOf(top, 'a')).toEqual([1, 2, 3]);
  expect(ranked(null)).toEqual([]);
});
