import { expect, test } from 'vitest';
import type { Curve, LogEvent } from '../../src/client/types';
import { stepScale } from '../../src/scales/steps';
import { drawnCurve, recordedAt, valueAxis } from '../../src/views/training-model/curve-geometry';
import { lanesOf, placing, withPasses } from '../../src/views/training-model/lanes';
import { toldOnce } from '../../src/views/training-model/reading';
import { eventMarks, eventsOf, rateAt, rateBlocks } from '../../src/views/training-model/strips';

const steps = [100, 200, 300, 400];
const scale = stepScale(steps, [100, 400], 400);

function curve(changes: Partial<Curve>): Curve {
  return {
    run: 'r/train',
    tag: 'loss',
    kind: 'loss',
    axis: 'step',
    x: [100, 200],
    y: [2, 1],
    ...changes,
  };
}

const lane = (y: (number | null)[], x = steps) => ({
  kind: 'loss' as const,
  curves: [{ role: 'train' as const, label: 'train', x, y }],
});

test('loss and error are lanes, accuracy is what error leaves', () => {
  const lanes = lanesOf(
    [
      curve({}),
      curve({ run: 'r/validation' }),
      curve({ tag: 'accuracy', kind: 'accuracy', y: [0.25, null] }),
      curve({ tag: 'learning_rate', kind: 'other' }),
    ],
    'step',
    [],
  );
  expect(lanes.map(({ kind, curves }) => [kind, curves.map(({ label }) => label)])).toEqual([
    ['loss', ['train', 'validation']],
    ['error', ['train']],
  ]);
  expect(lanes[1]?.curves[0]?.y).toEqual([0.75, null]);
});

test('an error that was logged is taken as it is', () => {
  const lanes = lanesOf(
    [
      curve({ tag: 'train/error', kind: 'other', y: [0.5, 0.4] }),
      curve({ tag: 'accuracy', kind: 'accuracy' }),
    ],
    'step',
    [],
  );
  expect(lanes[0]?.curves.map(({ y }) => y)).toEqual([[0.5, 0.4]]);
});

test('of several tags the shortest is drawn, and what lies on the axis before what is placed', () => {
  const snapshots = [1, 2, 3].map((epoch) => ({ epoch, step: epoch * 100 }));
  const byEpoch = curve({ tag: 'epoch_loss', axis: 'epoch', x: [1, 2, 3], y: [3, 2, 1] });
  const [both] = lanesOf([byEpoch, curve({ tag: 'batch_loss' })], 'step', snapshots);
  expect(both?.curves.map(({ x }) => x)).toEqual([[100, 200]]);
  const [placed] = lanesOf([byEpoch], 'step', snapshots);
  expect(placed?.curves[0]?.x).toEqual([100, 200, 300]);
  expect(lanesOf([byEpoch], 'step', [])).toEqual([]);
});

test('epochs are placed between snapshots, and beyond them', () => {
  const snapshots = [
    { epoch: 2, step: 200 },
    { epoch: 4, step: 500 },
    { epoch: null, step: 900 },
  ];
  const place = placing('epoch', 'step', snapshots);
  expect([1, 2, 3, 4, 5].map((epoch) => place?.(epoch))).toEqual([50, 200, 350, 500, 650]);
  expect(placing('step', 'step', [])?.(7)).toBe(7);
  expect(placing('step', 'save', snapshots)).toBeNull();
});

test('the error of the probe images stands in for a validation error', () => {
  const logged = lanesOf([curve({ kind: 'accuracy', tag: 'accuracy' })], 'step', []);
  const [error] = withPasses(logged, [100, 200], Float32Array.of(0.5, Number.NaN));
  expect(error?.curves.map(({ label }) => label)).toEqual(['train', 'probe images']);
  expect([error?.curves[1]?.x, error?.curves[1]?.y]).toEqual([[100], [0.5]]);
  expect(withPasses(logged, [100], Float32Array.of(Number.NaN))).toBe(logged);
  expect(withPasses(logged, [100], Float32Array.of(0.5, 0.25))).toBe(logged);
  const known = lanesOf([curve({ kind: 'accuracy', run: 'r/validation' })], 'step', []);
  expect(withPasses(known, [100], Float32Array.of(0.5))).toBe(known);
});

test('points lie in the middle of their columns, and gaps stay open', () => {
  const values = lane([1, 2, null, 3]);
  const axis = valueAxis(values, steps, scale, 100, 'linear');
  const path = drawnCurve(values.curves[0] as never, steps, scale, axis).path;
  expect(path.match(/[ML][\d.]+/g)).toEqual(['M50.0', 'L150.0', 'M350.0']);
});

test('where many values share a pixel, the line keeps the lowest and the highest', () => {
  const x = Array.from({ length: 4000 }, (_, index) => 100 + index * 0.1);
  const y = x.map((_, index) => (index === 2003 ? 9 : index === 2005 ? -5 : 1));
  const values = lane(y, x);
  const axis = valueAxis(values, steps, scale, 100, 'linear');
  const path = drawnCurve(values.curves[0] as never, steps, scale, axis).path;
  const heights = [...path.matchAll(/ ([\d.]+)/g)].map(([, text]) => Number(text));
  expect(heights.length).toBeLessThan(1700);
  expect(Math.min(...heights)).toBeLessThanOrEqual(axis.y(9) + 0.1);
  expect(Math.max(...heights)).toBeGreaterThanOrEqual(axis.y(-5) - 0.1);
});

test('a spike far above all else does not flatten the rest', () => {
  const x = Array.from({ length: 1000 }, (_, index) => 100 + index * 0.4);
  const y = x.map((_, index) => (index === 500 ? 1e6 : 1 + (index % 7)));
  const axis = valueAxis(lane(y, x), steps, scale, 120, 'linear');
  expect(axis.y.domain()[1]).toBeLessThan(20);
  const log = valueAxis(lane(y, x), steps, scale, 120, 'log');
  expect(log.y.domain()[1]).toBe(1e6);
});

test('on a logarithmic scale what is not positive is a gap', () => {
  const values = lane([1, 0, 10, 100]);
  const axis = valueAxis(values, steps, scale, 120, 'log');
  const path = drawnCurve(values.curves[0] as never, steps, scale, axis).path;
  expect(path.match(/[ML]/g)).toEqual(['M', 'M', 'L']);
  expect(axis.ticks).toEqual([1, 10, 100]);
});

const thousand = Array.from({ length: 1000 }, (_, index) => 100 + index * 0.4);

test('a line is cut where it leaves the chart, and a bar at the edge tells so', () => {
  const y = thousand.map((_, index) => (index === 500 || index === 501 ? 9298 : index % 7));
  const values = lane(y, thousand);
  const axis = valueAxis(values, steps, scale, 120, 'linear');
  const { path, beyond } = drawnCurve(values.curves[0] as never, steps, scale, axis);
  const heights = [...path.matchAll(/ (-?[\d.]+)/g)].map(([, text]) => Number(text));
  expect(Math.min(...heights)).toBe(-8);
  expect(path.match(/M/g)).toHaveLength(2);
  const [left, top, wide] = (beyond.match(/[\d.]+/g) ?? []).map(Number) as [number, number, number];
  expect(beyond.match(/M/g)).toHaveLength(1);
  expect([top, wide]).toEqual([0, 3]);
  expect(Math.abs(left + wide / 2 - 250.2)).toBeLessThan(0.2);
});

test('what is below the chart is cut there; values in it have no bar', () => {
  const values = { ...lane([0.5, -3, 0.2, 0.4]), kind: 'error' as const };
  const axis = valueAxis(values, steps, scale, 120, 'linear');
  const { path, beyond } = drawnCurve(values.curves[0] as never, steps, scale, axis);
  expect(path).toMatch(/^M50\.0 [\d.]+L[\d.]+ 128\.0M[\d.]+ 128\.0L250\.0 /);
  const [left, top, wide] = (beyond.match(/[\d.]+/g) ?? []).map(Number) as [number, number, number];
  expect([left < 100, top, left + wide > 200]).toEqual([true, 117, true]);
  expect([left > 50, left + wide < 250]).toEqual([true, true]);
  const inside = lane([1, 2, 3, 2]);
  const around = valueAxis(inside, steps, scale, 120, 'linear');
  expect(drawnCurve(inside.curves[0] as never, steps, scale, around).beyond).toBe('');
});

test('of few values a steep fall is in the chart, a spike is not', () => {
  const most = (y: number[]) =>
    valueAxis(lane(y), steps, scale, 120, 'linear').y.domain()[1] as number;
  expect(most([2.3, 0.4, 0.3, 0.2])).toBeGreaterThan(2);
  expect(most([2.3, 0.4])).toBeGreaterThan(2);
  expect(most([2.3, 9298, 2.2, 2.1])).toBeLessThan(5);
});

test.each([
  [[0.906, 0.906, 0.906]],
  [[0, 0]],
  [[1, 1]],
  [[0.31, 0.97, 0.5]],
  [[0.5, 7, 0.4]],
  [[43, 42]],
])('an error is a share, in per cent within 0 and 1: %o', (y) => {
  for (const kind of ['linear', 'log'] as const) {
    const axis = valueAxis({ ...lane(y), kind: 'error' }, steps, scale, 120, kind);
    const [low, high] = axis.y.domain() as [number, number];
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThanOrEqual(1);
    expect(high).toBeGreaterThan(low);
    for (const tick of axis.ticks) expect(axis.label(tick)).toMatch(/^[\d.]+\u00a0%$/);
  }
});

test('a value that stands alone is a point', () => {
  const values = lane([1, null, 2, 3]);
  const axis = valueAxis(values, steps, scale, 120, 'linear');
  const { path } = drawnCurve(values.curves[0] as never, steps, scale, axis);
  expect(path).toMatch(/^M50\.0 [\d.]+h0M250/);
});

test('only what is in sight sets the scale', () => {
  const values = lane([100, 1, 2, 1]);
  const zoomed = stepScale(steps, [300, 400], 200);
  expect(valueAxis(values, steps, zoomed, 100, 'linear').y.domain()[1]).toBeLessThan(5);
});

test('a line goes on beyond both edges', () => {
  const x = Array.from({ length: 31 }, (_, index) => 100 + index * 10);
  const values = lane(
    x.map((_, index) => index),
    x,
  );
  const zoomed = stepScale(steps, [200, 300], 200);
  const axis = valueAxis(values, steps, zoomed, 100, 'linear');
  const path = drawnCurve(values.curves[0] as never, steps, zoomed, axis).path;
  const places = [...path.matchAll(/[ML](-?[\d.]+)/g)].map(([, text]) => Number(text));
  expect(places[0]).toBeLessThan(0);
  expect(places.at(-1)).toBeGreaterThan(200);
});

test('nothing to draw has an axis still', () => {
  expect(valueAxis(lane([null, null]), steps, scale, 100, 'linear').ticks.length).toBeGreaterThan(
    1,
  );
  expect(valueAxis(lane([]), steps, scale, 100, 'log').ticks.length).toBeGreaterThan(0);
});

test('a step is read by its own value, not by a later one of its column', () => {
  const [only] = lane([5, 4, 3, 2], [100, 150, 200, 203]).curves;
  expect(recordedAt(only as never, 100)).toEqual({ step: 100, value: 5 });
  expect(recordedAt(only as never, 200)).toEqual({ step: 200, value: 3 });
});

test('a step without a value is read by the last before it; what is not finite is told apart', () => {
  const [only] = lane([3, null, 5, 4], [90, 110, 150, 200.0000001]).curves;
  expect(recordedAt(only as never, 80)).toBeNull();
  expect(recordedAt(only as never, 140)).toEqual({ step: 110, value: null });
  expect(recordedAt(only as never, 199)).toEqual({ step: 150, value: 5 });
  expect(recordedAt(only as never, 200)?.value).toBe(4);
});

test('learning rates are blocks that end where the step of the next stands', () => {
  const rates = [
    { first: 100, last: 200, value: 0.1 },
    { first: 300, last: 400, value: 0.01 },
  ];
  const blocks = rateBlocks(rates, steps, scale);
  expect(blocks.map(({ left, width }) => [left, width])).toEqual([
    [0, 250],
    [250, 150],
  ]);
  const zoomed = stepScale(steps, [300, 400], 400);
  expect(rateBlocks(rates, steps, zoomed).map(({ left, width }) => [left, width])).toEqual([
    [0, 100],
    [100, 300],
  ]);
  expect([50, 100, 250, 900].map((step) => rateAt(rates, step))).toEqual([null, 0.1, 0.1, 0.01]);
});

test('a resumed training and snapshots are events, once', () => {
  const noted: LogEvent[] = [
    { step: 300, time: 1, kind: 'resumed', text: 'Resumed.' },
    { step: 200, time: 1, kind: 'snapshot', text: 'Written.' },
  ];
  const session = (first_step: number) => ({ id: '', started: 0, first_step, writer: 'keras' });
  const events = eventsOf(
    {
      events: noted,
      sessions: [session(100), session(300), session(400), session(0)],
      snapshots: [
        { id: 'x', step: 200 },
        { id: 'y', step: 400 },
      ],
    },
    (step) => `step ${step}`,
  );
  expect(events.map(({ step, text }) => `${step} ${text}`)).toEqual([
    '0 Training was begun anew by keras.',
    '200 Written.',
    '300 Resumed.',
    '400 Training was resumed by keras.',
    '400 There is a snapshot of step 400.',
  ]);
});

test('marks that would overlap are one, which shows the gravest', () => {
  const event = (step: number, kind: LogEvent['kind']): LogEvent => ({
    step,
    time: 0,
    kind,
    text: kind,
  });
  const marks = eventMarks(
    [event(100, 'snapshot'), event(101, 'nan'), event(300, 'snapshot'), event(900, 'lost')],
    steps,
    scale,
  );
  expect(marks.map(({ kind, step, events }) => [kind, step, events.length])).toEqual([
    ['nan', 101, 2],
    ['snapshot', 300, 1],
  ]);
});

test('what another event repeats is told once', () => {
  const event = (kind: LogEvent['kind'], text: string) => ({ step: 1, time: 0, kind, text });
  const anomaly = event('anomaly', 'The loss is 2.5.');
  const snapshot = event('snapshot', 'a.safetensors was written. The loss is 2.5.');
  expect(toldOnce([anomaly, snapshot, snapshot])).toEqual([snapshot]);
  expect(toldOnce([anomaly])).toEqual([anomaly]);
});
