import { expect, test } from 'vitest';
import { stepFormat, stepTicks } from '../../src/scales/step-ticks';
import { between, columnSpan, panned, revealed, zoomed, zoomOf } from '../../src/scales/step-zoom';
import {
  columnsOf,
  GUTTER,
  indexAt,
  MARGIN,
  middleAt,
  stepAt,
  stepScale,
} from '../../src/scales/steps';

const steps = [100, 200, 300, 400, 500];
const many = Array.from({ length: 100 }, (_, index) => (index + 1) * 10);

test('charts leave room for labels', () => {
  expect([GUTTER, MARGIN]).toEqual([200, 16]);
});

test.each([
  [99, -1],
  [100, 0],
  [199, 0],
  [200, 1],
  [500, 4],
  [9000, 4],
])('the column of step %d is %d', (step, index) => {
  expect(indexAt(steps, step)).toBe(index);
});

test('a column lasts to the next step, the last as long as the one before it', () => {
  const scale = stepScale(steps, [100, 500], 500);
  expect(columnsOf(steps, scale).map(({ left, right }) => [left, right])).toEqual([
    [0, 100],
    [100, 200],
    [200, 300],
    [300, 400],
    [400, 500],
  ]);
});

test('a range shows its columns over the whole width', () => {
  const scale = stepScale(steps, [200, 300], 400);
  expect(columnsOf(steps, scale)).toEqual([
    { index: 1, step: 200, left: 0, right: 200 },
    { index: 2, step: 300, left: 200, right: 400 },
  ]);
  expect(scale.invert(300)).toBe(350);
});

test('charts that record at other steps line up', () => {
  const scale = stepScale(steps, [100, 500], 500);
  const columns = columnsOf([100, 300, 500], scale);
  expect(columns.map(({ left }) => left)).toEqual([0, 200, 400]);
  expect(columns[1]?.right).toBe(400);
});

test('a column that began before the range is in sight', () => {
  const scale = stepScale(steps, [200, 500], 400);
  expect(columnsOf([100, 300, 500], scale)[0]).toMatchObject({ step: 100, left: -100, right: 100 });
});

test('one step is one column', () => {
  const scale = stepScale([7], [7, 7], 300);
  expect(columnsOf([7], scale)).toEqual([{ index: 0, step: 7, left: 0, right: 300 }]);
});

test('no steps are no columns', () => {
  expect(columnsOf([], stepScale([], [0, 1], 300))).toEqual([]);
});

test('marks lie in the middle of their column', () => {
  const scale = stepScale(steps, [100, 500], 500);
  expect(steps.map((step) => middleAt(steps, scale, step))).toEqual([50, 150, 250, 350, 450]);
  expect(middleAt(steps, scale, 150)).toBe(100);
  expect(middleAt([], scale, 200)).toBe(100);
});

test('before the first column and after the last marks go on as in them', () => {
  const uneven = [0, 10, 40];
  const scale = stepScale(uneven, [0, 40], 70);
  expect([-2, 50, 60].map((step) => middleAt(uneven, scale, step))).toEqual([3, 65, 75]);
});

test('between columns of different widths marks move evenly', () => {
  const uneven = [0, 10, 40];
  const scale = stepScale(uneven, [0, 40], 70);
  const places = [0, 5, 10, 25, 40].map((step) => middleAt(uneven, scale, step));
  expect(places).toEqual([5, 15, 25, 40, 55]);
});

test('the step under the pointer is that of its column', () => {
  const scale = stepScale(steps, [200, 400], 300);
  expect([0, 99, 100, 299].map((x) => stepAt(steps, scale, x))).toEqual([200, 200, 300, 400]);
  expect([-1, 300].map((x) => stepAt(steps, scale, x))).toEqual([null, null]);
});

test('zooming keeps the step that it is about where it is', () => {
  expect(zoomed(many, null, 2, 10)).toEqual([10, 500]);
  expect(zoomed(many, null, 2, 1000)).toEqual([510, 1000]);
  expect(zoomed(many, [10, 500], 2, 250)).toEqual([130, 370]);
  expect(zoomed(many, [130, 370], 0.5, 250)).toEqual([10, 500]);
});

test('zooming ends at a few columns, and at all of them', () => {
  expect(zoomed(many, [500, 530], 8, 500)).toEqual([500, 530]);
  expect(zoomed(many, [10, 900], 0.5, 500)).toBeNull();
  expect(zoomed([1, 2], null, 8, 1)).toBeNull();
});

test('a small turn of the wheel changes one column at least', () => {
  expect(columnSpan(many, zoomed(many, [100, 180], 1.01, 140))).toEqual([10, 17]);
  expect(columnSpan(many, zoomed(many, [100, 180], 0.99, 140))).toEqual([9, 18]);
});

test('panning stops at the ends', () => {
  expect(panned(many, [100, 190], 5)).toEqual([150, 240]);
  expect(panned(many, [100, 190], -50)).toEqual([10, 100]);
  expect(panned(many, [100, 190], 500)).toEqual([910, 1000]);
  expect(panned(many, null, 3)).toBeNull();
});

test('a brushed range may be drawn either way, and snaps to columns', () => {
  expect(between(many, 207, 95)).toEqual([90, 200]);
  expect(between(many, 100, 101)).toEqual([100, 130]);
  expect(between(many, -5, 5000)).toBeNull();
});

test('a step out of sight is brought into the middle', () => {
  expect(revealed(many, [100, 190], 150)).toEqual([100, 190]);
  expect(revealed(many, [100, 190], 500)).toEqual([450, 540]);
  expect(revealed(many, null, 500)).toBeNull();
});

test('the zoom tells how much larger columns are', () => {
  expect(zoomOf(many, null)).toBe(1);
  expect(zoomOf(many, [10, 100])).toBe(10);
});

test('ticks are round steps in one unit', () => {
  const scale = stepScale([0, 500_000], [0, 500_000], 840);
  const labels = stepTicks(scale).map(({ label }) => label);
  expect(labels[0]).toBe('0');
  expect(labels).toContain('200\u00a0k');
  const close = stepFormat([1_009_600, 1_011_200, 1_012_800]);
  expect(close(1_011_200)).toBe('1,011.2\u00a0k');
  expect(stepFormat([0, 250_000, 500_000, 1_000_000])(250_000)).toBe('0.25\u00a0M');
  expect(stepFormat([0, 1, 2, 3])(3)).toBe('3');
  expect(stepFormat([1200, 1205, 1210])(1205)).toBe('1,205');
  expect(stepFormat([0, 200, 1400])(1400)).toBe('1,400');
  expect(stepFormat([0, 5000, 10_000])(5000)).toBe('5\u00a0k');
});

test('epochs have whole ticks only, and none that were not trained', () => {
  const scale = stepScale([1, 2, 3], [1, 3], 840);
  expect(stepTicks(scale).map(({ step }) => step)).toEqual([1, 2, 3]);
});

test.each([
  { all: steps, range: [100, 500] },
  { all: steps, range: [200, 300] },
  { all: [0, 10, 40, 60], range: [0, 60] },
] as const)('the tick of a step stands where its marks do: %o', ({ all, range }) => {
  const scale = stepScale(all, range, 600);
  const ticks = stepTicks(scale);
  expect(ticks.length).toBeGreaterThan(1);
  for (const { step, x } of ticks) expect(x).toBe(middleAt(all, scale, step));
  const places = ticks.map(({ x }) => x);
  expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...places)).toBeLessThanOrEqual(600);
});

test('the ticks end with the last step, though its column lasts on', () => {
  const epochs = [0, 80, 160, 240, 320, 400, 480];
  const scale = stepScale(epochs, [0, 480], 1400);
  expect(stepTicks(scale).at(-1)?.step).toBeLessThanOrEqual(480);
});
