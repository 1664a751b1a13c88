import { expect, test } from 'vitest';
import type { KernelMap } from '../../src/client/types';
import {
  cameraView,
  cellsRectangle,
  extentOf,
  fitScale,
  inverse,
  Projection,
  runsOf,
  sharedView,
} from '../../src/views/convolution/geometry';
import { movedCursor } from '../../src/views/convolution/keys';
import { largestPixels } from '../../src/views/convolution/largest';
import { areaOf } from '../../src/views/convolution/overlay';
import { measureOf, shownAs } from '../../src/views/convolution/quantities';
import { labelPlace } from '../../src/views/convolution/strips';
import {
  areaSize,
  locatedLine,
  positionOf,
  sliceText,
  valueText,
} from '../../src/views/convolution/words';
import { kernelMapOf, sliceOf, tilesOf } from '../harness/kernel-fixture';

const CONV = kernelMapOf('conv3', new URLSearchParams());
const DENSE = kernelMapOf('fc8', new URLSearchParams());
const BIAS = kernelMapOf('conv3', new URLSearchParams({ tensor: 'conv3/bias' }));
const at = (map: KernelMap, x = 0, y = 0, scale = 1) => new Projection(map, { x, y, scale });

test('weights of slices are squares; a long map of single weights is stretched', () => {
  expect(extentOf(CONV)).toEqual({ width: 576, height: 384 });
  expect(extentOf(DENSE)).toEqual({ width: 1024 / 3, height: 1024 });
  expect(extentOf(BIAS)).toEqual({ width: 192, height: 64 });
  const depthwise = { ...CONV, rows: 1, columns: 512 };
  expect(extentOf(depthwise)).toEqual({ width: 1536, height: 18 });
});

test('a point is a weight of the map, and its cell; outside of the map it is none', () => {
  const projection = at(CONV, 10, 20, 2);
  expect(projection.weightAt(10, 20)).toEqual({ row: 0, column: 0 });
  expect(projection.weightAt(17, 35)).toEqual({ row: 7, column: 3 });
  expect(projection.cellOf({ row: 7, column: 3 })).toEqual({ row: 2, column: 1 });
  expect(projection.weightAt(9, 20)).toBeNull();
  expect(projection.weightAt(10 + 2 * 576, 20)).toBeNull();
});

test('cells are a rectangle of weights whatever corner comes first', () => {
  const rectangle = { top: 3, left: 6, bottom: 15, right: 9 };
  expect(cellsRectangle(CONV, { row: 4, column: 2 }, { row: 1, column: 2 })).toEqual(rectangle);
});

test('the shared view comes back as the same camera', () => {
  const extent = extentOf(CONV);
  const screen = { width: 800, height: 500 };
  const view = { x: -300, y: -120, scale: 4 };
  const shared = sharedView(view, extent, screen);
  expect(shared?.zoom).toBeCloseTo(4 / fitScale(extent, screen));
  const back = cameraView(shared ?? { x: 0, y: 0, zoom: 1 }, extent, screen);
  expect(back.x).toBeCloseTo(view.x);
  expect(back.y).toBeCloseTo(view.y);
  expect(sharedView({ x: 0, y: 0, scale: fitScale(extent, screen) }, extent, screen)).toBeNull();
});

test('an order and its inverse undo each other', () => {
  const order = Int32Array.from([2, 0, 3, 1]);
  expect([...inverse(order)].map((place) => order[place])).toEqual([0, 1, 2, 3]);
});

test('neighbours are runs', () => {
  expect(runsOf([0, 1, 2, 5, 7, 8])).toEqual([
    [0, 2],
    [5, 5],
    [7, 8],
  ]);
});

test('the cursor moves by cells, by weights where they are open, and never off the map', () => {
  const start = { row: 4, column: 4 };
  expect(movedCursor(at(CONV), start, 'ArrowRight', false)).toEqual({ row: 4, column: 7 });
  expect(movedCursor(at(CONV, 0, 0, 8), start, 'ArrowDown', false)).toEqual({ row: 5, column: 4 });
  expect(movedCursor(at(CONV, 0, 0, 8), start, 'ArrowDown', true)).toEqual({ row: 7, column: 4 });
  expect(movedCursor(at(CONV), start, 'Home', false)).toEqual({ row: 4, column: 0 });
  expect(movedCursor(at(CONV), start, 'PageUp', false)).toEqual({ row: 0, column: 4 });
  expect(movedCursor(at(CONV), start, 'x', false)).toBeNull();
});

test('a and b share one diverging scale with zero in the middle', () => {
  const [a, b] = [shownAs(CONV, 'a', 'light'), shownAs(CONV, 'b', 'light')];
  expect(a.domain).toEqual([-0.062, 0.062]);
  expect(b.domain).toEqual(a.domain);
  expect(a.scale(0)).toBe('#ffffff');
});

test('sums are said to be per weight, relative differences are percent', () => {
  expect(shownAs(CONV, 'difference', 'light').unit).toBe('per weight');
  expect(shownAs({ ...CONV, measure: 'max_abs' }, 'difference', 'light').unit).toBeNull();
  expect(shownAs(CONV, 'relative', 'light').format(1.6)).toBe('160\u00a0%');
});

test('a map of zeros is said to be one', () => {
  const zero = { low: 0, high: 0, robust: 0, unit: 1 };
  const scales = CONV.scales.map(({ quantity }) => ({ quantity, ...zero }));
  for (const quantity of ['difference', 'signed', 'relative'] as const) {
    expect(shownAs({ ...CONV, scales }, quantity, 'light').isZero).toBe(true);
    expect(shownAs(CONV, quantity, 'light').isZero).toBe(false);
  }
  const undefinedOnes = scales.map((scale) => ({ ...scale, low: null, high: null, robust: null }));
  expect(shownAs({ ...CONV, scales: undefinedOnes }, 'difference', 'light').isZero).toBe(false);
});

test('sums of a slice are given per finite weight, as tiles have them', () => {
  const slice = sliceOf('conv3', new URLSearchParams({ row: '1', column: '1' }));
  const measures = { ...slice.measures, l2: 4, l1: 16, sign_flips: 4, max_abs: 3 };
  const known = { ...slice, measures, difference: [[1, 1, 1, 1], [null]] };
  const of = (measure: string) => measureOf({ ...CONV, measure }, known);
  expect(['l2', 'l1', 'sign_flips', 'max_abs'].map(of)).toEqual([2, 4, 1, 3]);
});

test('cosines are shown as how far they are from 1', () => {
  const scales = [{ quantity: 'difference', low: 0.4, high: 1, robust: 1, unit: 1 }];
  const shown = shownAs({ ...CONV, measure: 'cosine', scales }, 'difference', 'light');
  expect(shown.domain).toEqual([0, 0.6]);
  expect(shown.flipped).toBe(true);
});

test('the largest slices come first, by their stored place', async () => {
  const fetch = async (tiles: readonly { level: number; row: number; column: number }[]) => {
    const text = tiles.map(({ level, row, column }) => `${level}.${row}.${column}`).join();
    return new Uint16Array(tilesOf('conv3', new URLSearchParams({ tiles: text })));
  };
  const pixels = await largestPixels(
    { map: CONV, unit: 1, fetch },
    5,
    new AbortController().signal,
  );
  expect(pixels).toHaveLength(5);
  expect(pixels[0]?.first).toEqual(pixels[0]?.last);
  const values = pixels.map(({ value }) => value);
  expect(values).toEqual([...values].sort((x, y) => y - x));
});

test('positions name stored indices', () => {
  const cell = { row: 1, column: 0 };
  expect(positionOf(CONV, null, cell)).toBe('filter 0, input channel 1');
  const places = { rows: Int32Array.from([5, 3]), columns: Int32Array.from([9]) };
  expect(positionOf(CONV, places, cell)).toBe('filter 9, input channel 3');
  expect(positionOf({ ...CONV, rows_by: 'difference' }, null, cell)).toBe(
    'filter …, input channel …',
  );
  expect(positionOf(BIAS, null, { row: 0, column: 7 })).toBe('unit 7');
});

test('counts are words', () => {
  const located = { tensor: 't', weights: 1234, slices: 567, slices_total: 262_144 };
  expect(locatedLine(located, CONV)).toBe('1,234 weights in 567 of 262,144 slices');
  const area = areaOf([
    { row: 63, column: 0 },
    { row: 0, column: 31 },
  ]);
  expect(areaSize(area, CONV)).toBe('64 × 32 slices');
});

test('what is not finite is named', () => {
  const slice = sliceOf('conv3', new URLSearchParams({ row: '1', column: '1' }));
  const texts = { ...slice, texts_b: { '1,1': 'nan' } };
  expect(valueText(texts, 'b', 1, 1)).toBe('NaN');
  expect(sliceText(slice).split('\n').at(1)?.split('\t')).toHaveLength(3);
});

test('the label of a place that is larger than the view stands where it is seen', () => {
  expect(labelPlace(-400, 1000, 500, 36)).toBe(250);
  expect(labelPlace(-90, 100, 500, 36)).toBeNull();
  expect(labelPlace(-40, 100, 500, 36)).toBe(30);
  expect(labelPlace(100, 100, 500, 36)).toBe(150);
  expect(labelPlace(100, 6, 500, 36)).toBe(103);
});
