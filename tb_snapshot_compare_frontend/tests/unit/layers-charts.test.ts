import { expect, test } from 'vitest';
import { columnsOf, stepScale } from '../../src/scales/steps';
import { bandShapes, sharesOf } from '../../src/views/training-layers/bands';
import { boxShapes, quartilesOf } from '../../src/views/training-layers/box';
import { type Bucket, bucketsOf } from '../../src/views/training-layers/buckets';
import {
  extentOf,
  horizonExtent,
  innerBoxExtent,
  innerExtentOf,
  joined,
} from '../../src/views/training-layers/extents';
import { farthest, fold, horizonShapes } from '../../src/views/training-layers/horizon';
import { lineShapes } from '../../src/views/training-layers/line';
import { notFiniteShapes } from '../../src/views/training-layers/not-finite';
import {
  hasGaps,
  hasValues,
  notFiniteAt,
  type Row,
  rowOf,
  valueAt,
} from '../../src/views/training-layers/series';
import { type Shape, svgShapes } from '../../src/views/training-layers/shapes';
import { random } from '../harness-layers/log';

const row = (values: readonly number[], depth = 1): Row => ({
  depth,
  dumps: values.length / depth,
  values: Float32Array.from(values),
  notFinite: null,
});
const each = (count: number, width = 1): readonly Bucket[] =>
  Array.from({ length: count }, (_, at) => ({
    left: at * width,
    right: (at + 1) * width,
    from: at,
    to: at + 1,
  }));
const STYLE = {
  above: ['a1', 'a2', 'a3'],
  below: ['b1', 'b2', 'b3'],
  mirror: true,
  missing: 'gap',
};

/** What is painted at the middle of a place; the last shape wins. */
function colorAt(shapes: readonly Shape[], x: number, y: number): string | null {
  let found: string | null = null;
  for (const shape of shapes) {
    if (shape.kind === 'line') continue;
    for (let at = 0; at < shape.rects.length; at += 4) {
      const [left = 0, top = 0, width = 0, height = 0] = shape.rects.slice(at, at + 4);
      if (x >= left && x < left + width && y >= top && y < top + height) found = shape.fill;
    }
  }
  return found;
}

function* seeded(count: number): Generator<() => number> {
  for (let seed = 1; seed <= count; seed += 1) yield random(seed);
}

test('buckets cover the chart without gaps, and every dump is in exactly one', () => {
  for (const next of seeded(20)) {
    const count = 1 + Math.floor(next() * 900);
    let step = 0;
    const steps = Array.from({ length: count }, () => {
      step += 1 + Math.floor(next() * 5);
      return step;
    });
    const [first, last] = [steps[0] as number, steps.at(-1) as number];
    const [width, ratio] = [50 + Math.floor(next() * 600), next() < 0.5 ? 1 : 2];
    const buckets = bucketsOf(
      columnsOf(steps, stepScale(steps, [first, last], width)),
      width,
      ratio,
    );
    expect(buckets[0]?.left).toBe(0);
    expect(buckets.at(-1)?.right).toBe(width * ratio);
    expect(buckets.every(({ left, right, from, to }) => right > left && to > from)).toBe(true);
    const later = buckets.slice(1).map(({ left, from }) => [left, from]);
    expect(later).toEqual(buckets.slice(0, -1).map(({ right, to }) => [right, to]));
    expect([buckets[0]?.from, buckets.at(-1)?.to]).toEqual([0, count]);
  }
});

test('a zoomed chart has the dumps in sight only, cut at its edges', () => {
  const steps = [0, 10, 20, 30, 40];
  const scale = stepScale(steps, [10, 20], 100);
  const buckets = bucketsOf(columnsOf(steps, scale), 100, 1);
  expect(buckets).toEqual([
    { left: 0, right: 50, from: 1, to: 2 },
    { left: 50, right: 100, from: 2, to: 3 },
  ]);
});

test('a value is folded into the band that it reaches', () => {
  expect(fold(0, 3)).toBeNull();
  expect(fold(1 / 3, 3)).toEqual({ band: 0, share: 1 });
  expect(fold(0.5, 3)).toEqual({ band: 1, share: 0.5 });
  expect(fold(1, 3)).toEqual({ band: 2, share: 1 });
  expect(fold(7, 3)).toEqual({ band: 2, share: 1 });
  expect(fold(-0.5, 2)).toEqual({ band: 0, share: 1 });
});

test('every place of a horizon graph has the colour of its band', () => {
  for (const next of seeded(12)) {
    const values = Array.from({ length: 40 }, () => (next() < 0.1 ? Number.NaN : 2 * next() - 1));
    const mirror = next() < 0.5;
    const height = 30;
    const extent = { low: 0, high: 0.8 };
    const shapes = horizonShapes(row(values), each(40), extent, height, { ...STYLE, mirror });
    const places = values.flatMap((value, dump) =>
      Array.from({ length: height }, (_, y) => ({ value, dump, y: y + 0.5 })),
    );
    expect(places.map(({ dump, y }) => colorAt(shapes, dump, y))).toEqual(
      places.map(({ value, y }) => brute(value, y, height, mirror)),
    );
  }
});

/** By the definition: a curve in bands, each moved down to the base. */
function brute(value: number, y: number, height: number, mirror: boolean): string | null {
  if (Number.isNaN(value)) return 'gap';
  const real = Math.fround(value);
  const bars = Math.min(Math.abs(real) / 0.8, 1) * 3;
  const up = real < 0 && !mirror ? y / height : 1 - y / height;
  const layer = Array.from({ length: 3 }, (_, band) => band).findLast((band) => up + band < bars);
  if (layer === undefined) return null;
  return (real < 0 ? STYLE.below : STYLE.above)[layer] as string;
}

test('dumps that share a pixel show the value farthest from the base', () => {
  const values = row([1, -3, 2, Number.NaN]);
  expect(farthest(values, { left: 0, right: 1, from: 0, to: 3 }, 0)).toBe(-3);
  expect(farthest(values, { left: 0, right: 1, from: 2, to: 4 }, 0)).toBe(2);
  expect(farthest(values, { left: 0, right: 1, from: 3, to: 4 }, 0)).toBeNaN();
});

test('a horizon graph spans all values but single outliers', () => {
  const values = Array.from({ length: 757 }, (_, at) => at / 757);
  values[400] = 1e6;
  const extent = horizonExtent(row(values), 'zero');
  expect(extent?.low).toBe(0);
  expect(extent?.high).toBeLessThan(1);
  expect(horizonExtent(row([4, 5, 6]), 'lowest')).toEqual({ low: 4, high: 6 });
  expect(horizonExtent(row([-4, 2]), 'zero')).toEqual({ low: 0, high: 4 });
  expect(horizonExtent(row([Number.NaN]), 'zero')).toBeNull();
});

test('box plots span all minima and maxima but single outliers', () => {
  const five = [-2, -1, 0, 1, 2];
  const values = Array.from({ length: 300 }, (_, dump) =>
    dump === 100 ? [-1e6, -1, 0, 1, 1e6] : five,
  );
  expect(innerBoxExtent(row(values.flat(), 5))).toEqual({ low: -2, high: 2 });
  expect(innerBoxExtent(row([...five, -3, 0, 0, 0, 1], 5))).toEqual({ low: -3, high: 2 });
  expect(innerBoxExtent(row(new Array(5).fill(Number.NaN), 5))).toBeNull();
});

test('ranges are of finite values', () => {
  const values = row([3, Number.NaN, Number.POSITIVE_INFINITY, -2]);
  expect(extentOf(values)).toEqual({ low: -2, high: 3 });
  expect(innerExtentOf(values)).toEqual({ low: -2, high: 3 });
  expect(joined([{ low: 0, high: 1 }, null, { low: -1, high: 0.5 }])).toEqual({ low: -1, high: 1 });
  expect(joined([null])).toBeNull();
});

test('stacked shares have the heights of their sums, the largest ratios below', () => {
  const colors = ['small', 'middle', 'large'];
  for (const next of seeded(20)) {
    const dumps = Array.from({ length: 12 }, () => {
      const parts = [next(), next(), next()];
      const sum = parts.reduce((total, part) => total + part, 0);
      return parts.map((part) => part / sum);
    });
    const shapes = bandShapes(row(dumps.flat(), 3), each(12), 40, colors, 'gap');
    const places = dumps.flatMap((shares, dump) =>
      Array.from({ length: 40 }, (_, y) => ({ shares, dump, y: y + 0.5 })),
    );
    const expected = places.map(({ shares, y }) => {
      const [, middle, large] = shares.map(Math.fround) as [number, number, number];
      const up = 1 - y / 40;
      return up < large ? 'large' : up < large + middle ? 'middle' : 'small';
    });
    expect(places.map(({ dump, y }) => colorAt(shapes, dump, y))).toEqual(expected);
  }
});

test('shares of several dumps are their mean, of known ones only', () => {
  const values = row([0.5, 0.5, 1, 0, Number.NaN, Number.NaN], 2);
  expect(sharesOf(values, { left: 0, right: 1, from: 0, to: 3 })).toEqual([0.75, 0.25]);
  expect(sharesOf(values, { left: 0, right: 1, from: 2, to: 3 })).toBeNull();
});

test('boxes reach from quartile to quartile, ranges from minimum to maximum', () => {
  const style = {
    range: 'range',
    whisker: 'whisker',
    box: 'box',
    mean: 'mean',
    beyond: 'beyond',
    missing: 'gap',
  };
  const five = [-4, -1, 0.5, 2, 4];
  const shapes = boxShapes(row(five, 5), each(1, 3), { low: -4, high: 4 }, 80, style, 1);
  const colors = [0, 30, 36, 49, 51, 79].map((y) => colorAt(shapes, 1, y + 0.5));
  expect(colors).toEqual(['range', 'box', 'box', 'box', 'range', 'range']);
  expect(colorAt(shapes, 1, 35)).toBe('mean');
  const wide = boxShapes(row(five, 5), each(1, 20), { low: -4, high: 4 }, 80, style, 1);
  expect([colorAt(wide, 10, 10), colorAt(wide, 5, 10)]).toEqual(['whisker', null]);
  expect(colorAt(wide, 10, 0.5)).toBe('whisker');
  const cut = boxShapes(row(five, 5), each(1, 20), { low: -4, high: 1 }, 80, style, 1);
  expect([0.5, 10, 79.5].map((y) => colorAt(cut, 10, y))).toEqual(['beyond', 'box', 'whisker']);
});

test('boxes of several dumps have the widest range and mean quartiles', () => {
  const values = row([-4, -1, 0, 1, 4, -2, -2, 1, 3, 9, ...new Array(5).fill(Number.NaN)], 5);
  expect(quartilesOf(values, { left: 0, right: 1, from: 0, to: 3 })).toEqual({
    minimum: -4,
    q1: -1.5,
    mean: 0.5,
    q3: 2,
    maximum: 9,
  });
  expect(quartilesOf(values, { left: 0, right: 1, from: 2, to: 3 })).toBeNull();
});

test('a line holds its value over each column, breaks where it is not known, and says where it leaves', () => {
  const style = { stroke: 'line', zero: 'zero', beyond: 'beyond', missing: 'gap' };
  const values = row([0, 1, Number.NaN, 9]);
  const shapes = lineShapes(values, each(4, 10), { low: 0, high: 1 }, 21.25, style, 1);
  const line = shapes.find((shape) => shape.kind === 'line');
  expect(line?.kind === 'line' && line.points.map((point) => Math.round(point * 10) / 10)).toEqual([
    0,
    20.6,
    10,
    20.6,
    10,
    0.6,
    20,
    0.6,
    20,
    Number.NaN,
    30,
    0.6,
    40,
    0.6,
  ]);
  expect(colorAt(shapes, 25, 10)).toBe('gap');
  expect([colorAt(shapes, 35, 1), colorAt(shapes, 15, 1)]).toEqual(['beyond', null]);
});

test('dumps that share a pixel show their least and greatest values as a line', () => {
  const style = { stroke: 'line', zero: 'zero', beyond: 'beyond', missing: 'gap' };
  const bucket = { left: 0, right: 1, from: 0, to: 3 };
  const shapes = lineShapes(row([1, 0, 2]), [bucket], { low: 0, high: 2 }, 21.25, style, 1);
  const line = shapes.find((shape) => shape.kind === 'line');
  const points = line?.kind === 'line' ? line.points.map((point) => Math.round(point)) : [];
  expect(points).toEqual([0, 11, 0, 21, 0, 1, 1, 1]);
});

const struck = (values: readonly number[], some: readonly number[], depth = 1): Row => ({
  ...row(values, depth),
  notFinite: { some: Float64Array.from(some), of: Float64Array.from(some, () => 9) },
});

test('dumps with values that are not finite have an edge, and a ground where none is', () => {
  const values = struck([1, 2, Number.NaN, Number.NaN], [0, 3, 9, 0]);
  const style = { edge: 'edge', stripe: 'stripe', ground: 'ground' };
  const shapes = notFiniteShapes(values, each(4, 12), 30, style, 1);
  const at = (dump: number, y: number) =>
    new Set(Array.from({ length: 12 }, (_, x) => colorAt(shapes, dump * 12 + x, y)));
  expect([0, 1, 2, 3].map((dump) => at(dump, 2))).toEqual([
    new Set([null]),
    new Set(['stripe', 'edge']),
    new Set(['stripe', 'edge']),
    new Set([null]),
  ]);
  expect([0, 1, 2, 3].map((dump) => at(dump, 20))).toEqual([
    new Set([null]),
    new Set([null]),
    new Set(['ground']),
    new Set([null]),
  ]);
  expect(notFiniteShapes(row([1, Number.NaN]), each(2), 30, style, 1)).toEqual([]);
});

test('stripes of neighbours join where dumps are as narrow as pixels', () => {
  const values = struck(new Array(24).fill(1), new Array(24).fill(1));
  const style = { edge: 'edge', stripe: 'stripe', ground: 'ground' };
  const shapes = notFiniteShapes(values, each(24), 30, style, 1);
  const colors = Array.from({ length: 12 }, (_, x) => colorAt(shapes, x, 2));
  const expected = ['stripe', 'edge', 'stripe', 'edge'].flatMap((color) => [color, color, color]);
  expect(colors).toEqual(expected);
});

test('a dump whose values are all NaN or infinite is known, and recorded', () => {
  expect(hasGaps(struck([1, Number.NaN], [0, 9]))).toBe(false);
  expect(hasGaps(struck([1, Number.NaN, Number.NaN], [0, 9, 0]))).toBe(true);
  expect(hasGaps(struck([1, 1, Number.NaN, Number.NaN], [0, 9], 2))).toBe(false);
  expect(hasValues(struck([Number.NaN], [9]))).toBe(true);
  expect(hasValues(row([Number.NaN]))).toBe(false);
});

test('a drawing has the same shapes', () => {
  const rects: Shape = { kind: 'rects', fill: '#123', rects: [0, 1, 2, 3.456] };
  const line: Shape = {
    kind: 'line',
    stroke: '#456',
    width: 1,
    points: [0, 1, 2, Number.NaN, 3, 4],
  };
  expect(svgShapes([rects, line, { ...rects, rects: [] }])).toBe(
    '<path d="M0 1h2v3.46h-2z" fill="#123"/>' +
      '<path d="M0 1M3 4" fill="none" stroke="#456" stroke-width="1" stroke-linejoin="round"/>',
  );
});

test('rows are found by their unit, those that grow later end earlier', () => {
  const series = {
    units: ['a', 'b'],
    kind: 'weight',
    statistic: 'l1',
    depth: 1 as const,
    values: Float32Array.from([1, 2, 3, 4]),
    notFinite: { some: Float64Array.of(0, 0, 0, 5), of: Float64Array.of(9, 9, 9, 9) },
  };
  const found = rowOf(series, 'b') as Row;
  expect([found.dumps, valueAt(found, 0), valueAt(found, 5)]).toEqual([2, 3, Number.NaN]);
  expect([notFiniteAt(found, 0), notFiniteAt(found, 1)]).toEqual([0, 5]);
  expect(rowOf(series, 'c')).toBeNull();
  const shapes = horizonShapes(found, each(4), { low: 0, high: 4 }, 10, STYLE);
  expect(colorAt(shapes, 3, 9)).toBeNull();
});
