import { expect, test } from 'vitest';
import type { Flow, FlowImage, Predictions } from '../../src/client/types';
import { classRows, predicted } from '../../src/views/performance/butterfly';
import { caption, classText } from '../../src/views/performance/classes';
import {
  changesOf,
  classCount,
  classFlows,
  frequentChanges,
  totals,
} from '../../src/views/performance/flow';
import {
  channelMaps,
  inputArea,
  mapOf,
  mapPixels,
  mapRange,
} from '../../src/views/performance/maps';
import { partName, spokenName } from '../../src/views/performance/parts';

function predictionsOf(a: (number | null)[], b: (number | null)[], label: number | null = null) {
  return { image: 'i', classes: [], a, b, label, references: [], note: null } satisfies Predictions;
}

test('few classes are shown by index', () => {
  const rows = classRows(predictionsOf([0.1, 0.9], [0.8, 0.2], 1), false);
  expect(rows.map(({ index }) => index)).toEqual([0, 1]);
  expect(rows[1]).toMatchObject({ a: 0.9, b: 0.2, isTruth: true });
});

test('of many classes the likeliest in a or b come first, and the true one is always there', () => {
  const a = Array.from({ length: 100 }, (_, index) => (index === 42 ? 0.7 : 0.001));
  const b = Array.from({ length: 100 }, (_, index) => (index === 7 ? 0.8 : 0.001));
  const rows = classRows(predictionsOf(a, b, 99), false);
  expect(rows.slice(0, 2).map(({ index }) => index)).toEqual([7, 42]);
  expect(rows).toHaveLength(13);
  expect(rows.at(-1)).toMatchObject({ index: 99, isTruth: true });
  expect(classRows(predictionsOf(a, b, 99), true)).toHaveLength(100);
});

test('the predicted class is the likeliest finite one', () => {
  expect(predicted([0.1, null, 0.7, 0.2])).toBe(2);
  expect(predicted([null, null])).toBeNull();
});

test('classes are named where names are known', () => {
  expect(classText(['daffodil', 'class 1'], 0)).toBe('class 0 · daffodil');
  expect(classText(['daffodil', 'class 1'], 1)).toBe('class 1');
  expect(classText([], 3)).toBe('class 3');
  expect(caption({ id: 'i', name: 'x.png', label: null, width: 1, height: 1 }, [])).toBe('x.png');
});

function image(label: number | null, a: number, b: number): FlowImage {
  return {
    image: `${label}${a}${b}`,
    label,
    predicted_a: a,
    predicted_b: b,
    truth_a: 0,
    truth_b: 0,
  };
}

function flowOf(images: FlowImage[], classes: string[] = []): Flow {
  const labelled = images.length;
  return {
    set: 's',
    classes,
    images,
    labelled,
    accuracy_a: 0,
    accuracy_b: 0,
    failed: [],
    note: null,
  };
}

const FLOW = flowOf([
  image(0, 0, 0),
  image(0, 0, 1),
  image(0, 1, 0),
  image(2, 1, 3),
  image(2, 0, 1),
  image(null, 0, 1),
]);

test('images flow by class from right or wrong to right or wrong', () => {
  const flows = classFlows(FLOW);
  expect(flows).toEqual([
    { label: 0, counts: { rr: 1, rw: 1, wr: 1, ww: 0 }, total: 3 },
    { label: 2, counts: { rr: 0, rw: 0, wr: 0, ww: 2 }, total: 2 },
  ]);
  expect(totals(flows)).toEqual({ rr: 1, rw: 1, wr: 1, ww: 2 });
});

test('changes of the prediction are counted from class to class', () => {
  expect(classCount(FLOW)).toBe(4);
  const { counts, largestChange, changed } = changesOf(FLOW, 4);
  expect(counts[0 * 4 + 1]).toBe(3);
  expect(counts[0 * 4 + 0]).toBe(1);
  expect(largestChange).toBe(3);
  expect(changed).toBe(5);
  expect(frequentChanges(FLOW.images, 2)).toEqual([
    { from: 0, to: 1, count: 3 },
    { from: 1, to: 0, count: 1 },
  ]);
});

const MAPS = channelMaps({
  channels: [5, 9],
  image: 'i',
  layer: 'conv',
  a: { width: 2, height: 1, values: Float32Array.of(0, 1, 0, 0) },
  b: { width: 2, height: 1, values: Float32Array.of(0, 4, 2, Number.NaN) },
  sameSize: true,
  difference: Float64Array.of(3, 2),
});

test('maps are cut out by channel, and their difference is b − a', () => {
  expect(MAPS.map(({ channel }) => channel)).toEqual([5, 9]);
  const first = MAPS[0] as (typeof MAPS)[0];
  expect([...(mapOf(first, 'difference')?.values ?? [])]).toEqual([0, 3]);
});

test('maps of unlike sizes have no difference', () => {
  const unlike = MAPS.map((maps) => ({ ...maps, sameSize: false }));
  expect(mapOf(unlike[0] as (typeof MAPS)[0], 'difference')).toBeNull();
  expect(mapRange(unlike, 'difference')).toEqual({ signed: true, limit: 0 });
  expect(mapRange(unlike, 'a')).toEqual({ signed: false, limit: 4 });
});

test('groups of filters are named by how many they are', () => {
  const part = { name: 'conv3', tensors: [], carried: 0, truth: 0, flips: 0 };
  expect(partName({ ...part, filters: [16, 17, 20] })).toBe('3 filters: 16–17, 20');
  expect(partName({ ...part, filters: [4] })).toBe('filter 4');
  expect(spokenName({ ...part, filters: [16, 17, 20] })).toBe('filters 16-17,20');
  expect(partName({ ...part, filters: null })).toBe('conv3');
});

test('a and b share one range, and the difference has a signed one', () => {
  expect(mapRange(MAPS, 'a')).toEqual({ signed: false, limit: 4 });
  expect(mapRange(MAPS, 'b')).toEqual(mapRange(MAPS, 'a'));
  expect(mapRange(MAPS, 'difference')).toEqual({ signed: true, limit: 3 });
});

test('zero is the surface, the limit the end of the scale, and what is not finite is grey', () => {
  const pixels = mapPixels(Float32Array.of(0, 4, Number.NaN), { signed: false, limit: 4 }, 'light');
  expect([...pixels.slice(0, 4)]).toEqual([255, 255, 255, 255]);
  expect([...pixels.slice(4, 8)]).toEqual([0x1b, 0x23, 0x50, 255]);
  expect([...pixels.slice(8, 12)]).toEqual([0xda, 0xdc, 0xe0, 255]);
});

test('a map lies where its input was cut out of the image', () => {
  const wide = { width: 200, height: 100 };
  const model = { input_size: [64, 64, 3] };
  expect(inputArea(wide, model, 'stretch')).toEqual({ x: 0, y: 0, width: 200, height: 100 });
  expect(inputArea(wide, model, 'crop')).toEqual({ x: 50, y: 0, width: 100, height: 100 });
  expect(inputArea(wide, model, 'pad')).toEqual({ x: 0, y: -50, width: 200, height: 200 });
  expect(inputArea(wide, { input_size: [null, null, 3] }, 'crop')).toMatchObject({ width: 200 });
});
