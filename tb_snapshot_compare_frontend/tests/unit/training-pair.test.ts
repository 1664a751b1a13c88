import { afterEach, describe, expect, test } from 'vitest';
import type { Training } from '../../src/client/types';
import { stepScale } from '../../src/scales/steps';
import { besideNote } from '../../src/shell/training/beside-words';
import { listing } from '../../src/state/resources';
import * as training from '../../src/state/training';
import { trainingCurves } from '../../src/state/training-data';
import { otherRun, otherTraining } from '../../src/state/training-other';
import { classMatches, columnAt, comparableRuns, toldApart } from '../../src/state/training-pair';
import { settleTraining } from '../../src/state/training-settle';
import { withRuns } from '../../src/views/training-layers/layers-csv';
import { layOutRows, ROW } from '../../src/views/training-layers/rows';
import { valueAxis } from '../../src/views/training-model/curve-geometry';
import { marksOn } from '../../src/views/training-model/curve-marks';
import { joinedLanes } from '../../src/views/training-model/other';
import { layOut, modelLayout, otherKey } from '../../src/views/training-validation/lines';
import { listingOf, snapshotOf } from '../harness/fixtures';
import { resetPage } from '../harness/page-state';
import { emptyTraining, FakeTraining } from '../harness/training/fake-training';

afterEach(resetPage);

const fake = new FakeTraining({ dumps: 20, classes: 3, perClass: 2, layers: 4 });
const own = fake.training('one');
const ready = (value: Training) => ({ status: 'ready', value }) as const;
const show = (other: Training) => {
  training.training.value = ready(own);
  otherRun.value = other.run;
  otherTraining.value = ready(other);
};

test('classes are the same by name, of equal names the first by the first', () => {
  expect(classMatches(['cat', 'crane', 'crane', 'dog'], ['crane', 'dog', 'crane', 'ox'])).toEqual([
    -1, 0, 2, 1,
  ]);
  expect(classMatches(['crane', 'crane'], ['crane'])).toEqual([0, -1]);
});

test('a step falls into the column before it, and into none beyond the last', () => {
  const columns = [10, 20, 40];
  const found = [9, 10, 19, 20, 39, 40, 59, 60].map((step) => columnAt(columns, step));
  expect(found).toEqual([-1, 0, 0, 1, 1, 2, 2, -1]);
  expect([columnAt([], 5), columnAt([5], 5), columnAt([5], 6)]).toEqual([-1, 0, -1]);
});

test.each([
  ['alexnet', 'alexnet-incident', 'alexnet', 'alexnet-incident'],
  ['runs/2026/lr0.1-warmup5', 'runs/2026/lr0.1-warmup0', '…warmup5', '…warmup0'],
  ['runs/a', 'runs/b', 'runs/a', 'runs/b'],
  ['/home/mira/flowers/logs', 'warm', '/home/mira/flowers/logs', 'warm'],
  ['same-same-same-same', 'same-same-same-same', '…same', '…same'],
])('%s and %s are told apart by what differs', (own, other, mine, theirs) => {
  expect(toldApart(own, other)).toEqual({ own: mine, other: theirs });
});

describe('the time axis', () => {
  test('has the steps of both, each once', () => {
    show({ ...own, run: 'two', dumps: [own.dumps[0] as number, 5], passes: [7] });
    const all = [...new Set([...own.dumps, 5, 7])].sort((one, other) => one - other);
    expect(training.steps.value).toEqual(all);
  });

  test('is of the run alone where the other counts something else, or is another by now', () => {
    for (const change of [{ axis: 'epoch' as const }, { run: 'one' }]) {
      show({ ...own, run: 'two', dumps: [5], passes: [], ...change });
      expect(training.otherLog.value).toBeNull();
      expect(training.steps.value).toEqual(own.dumps);
    }
    show({ ...own, run: 'two', dumps: [5] });
    otherRun.value = 'three';
    expect(training.otherLog.value).toBeNull();
  });

  test('keeps what is in sight while the other run is being read', () => {
    training.training.value = ready(own);
    otherRun.value = 'two';
    otherTraining.value = { status: 'loading', job: null, stale: null };
    training.stepRange.value = [90_000_000, 91_000_000];
    settleTraining();
    expect(training.stepRange.value).toEqual([90_000_000, 91_000_000]);
    show({ ...own, run: 'two', dumps: [90_500_000] });
    settleTraining();
    expect(training.stepRange.value).toEqual([90_000_000, 91_000_000]);
    show({ ...own, run: 'two' });
    settleTraining();
    // Scalars may have steps before those of the log.
    expect(training.stepRange.value).toEqual([90_000_000, 91_000_000]);
    trainingCurves.value = { status: 'ready', value: { run: 'one', curves: [] } };
    settleTraining();
    expect(training.stepRange.value).toBeNull();
  });
});

test('a run is not beside itself', () => {
  training.training.value = ready(own);
  otherRun.value = 'one';
  settleTraining();
  expect(otherRun.value).toBeNull();
});

test('only layers with filters are opened, whatever an address says', () => {
  training.training.value = ready(own);
  const layer = own.units.find((unit) => unit.is_layer && unit.filters > 0)?.path as string;
  const group = own.units.find((unit) => !unit.is_layer)?.path as string;
  training.openLayers.value = [group, layer, 'nowhere'];
  settleTraining();
  expect(training.openLayers.value).toEqual([layer]);
});

test('runs with a log, and runs with two snapshots that can be read, can be chosen', () => {
  const run = (name: string, snapshots: number, recorded = false) => ({
    name,
    event_runs: [],
    has_log: recorded,
    snapshots: Array.from({ length: snapshots }, (_, index) => snapshotOf(index + 1, name)),
  });
  const runs = [run('one', 3, true), run('two', 0, true), run('three', 1), run('four', 2)];
  listing.value = { status: 'ready', value: listingOf({ runs }) };
  training.training.value = ready(own);
  expect(comparableRuns.value).toEqual(['two', 'four']);
});

describe('what is said of the other run', () => {
  const noteOf = (changes: Partial<Training>) =>
    besideNote(own, 'two', ready({ ...own, run: 'two', ...changes }));

  test('nothing where both are alike', () => {
    expect(noteOf({})).toBeNull();
    expect(noteOf({ dumps: own.dumps.slice(0, 9) })).toBeNull();
  });

  test('that it is not aligned, being read, being computed, empty or unreadable', () => {
    expect(noteOf({ axis: 'epoch' })).toEqual({
      tone: 'apart',
      text: 'Not aligned: two counts epochs, this run steps.',
    });
    expect(besideNote(own, 'two', { status: 'loading', job: null, stale: null })?.tone).toBe(
      'busy',
    );
    expect(noteOf({ state: 'indexing', done: 3, total: 10 })?.text).toContain('3 of 10 pairs');
    const empty = emptyTraining('two');
    expect(besideNote(own, 'two', ready(empty))).toEqual({ tone: 'apart', text: empty.note });
    const failure = { code: 'failed', message: 'The disk is gone.' };
    const failed = besideNote(own, 'two', { status: 'failed', failure, stale: null });
    expect(failed?.text).toBe('The log of two could not be read. The disk is gone.');
  });

  test('what they do not share, and how far apart their dumps are', () => {
    const every = (own.dumps[1] as number) - (own.dumps[0] as number);
    const text = noteOf({
      units: own.units.slice(0, 3),
      classes: [own.classes[0] as string, 'ox'],
      probe_images: 10,
      dumps: own.dumps.filter((_, index) => index % 2 === 0),
    })?.text;
    expect(text).toBe(
      `2 of ${own.units.length - 1} units are in both, 1 of 3 classes is in both, ` +
        `10 probe images there, 6 here, updates span ${(2 * every).toLocaleString('en-US')} ` +
        `steps there, ${every.toLocaleString('en-US')} here.`,
    );
    expect(noteOf({ probe_images: 0, passes: [] })?.text).toBe('two has no validation passes.');
    expect(noteOf({ units: own.units.slice(0, 1), probe_images: 1 })?.text).toBe(
      'no unit is in both, 1 probe image there, 6 here.',
    );
    expect(noteOf({ dumps: [1, 2, 3] })?.text).toMatch(/^updates span 1 step there, /);
  });
});

test('rows of layers leave room for the other run, above their filters', () => {
  const units = own.units.filter(({ is_layer: leaf }) => leaf).slice(0, 2);
  const opened = () => ({ kind: 'pixels', filters: 20, zoom: 1 }) as const;
  const [alone, paired] = [false, true].map((pair) => layOutRows(units, opened, 400, pair));
  expect(alone?.[0]?.other).toBeNull();
  expect(paired?.map(({ top, other }) => (other ?? 0) - top)).toEqual([ROW, ROW]);
  expect(paired?.[0]?.filters?.top).toBe(2 * ROW);
  expect(paired?.[1]?.top).toBe((alone?.[1]?.top ?? 0) + ROW);
});

test('every row of classes has that of the other run below it, what is not listed has none', () => {
  const { lines } = layOut({
    clusters: [[0, 1], [2]],
    openClusters: [0],
    classes: [0, 1, 2],
    list: (classes) => ({ listed: classes.slice(0, 1), below: classes.length - 1 }),
    opened: new Map([[0, 4]]),
    zoom: () => 1,
    triangles: true,
    paired: true,
  });
  expect(lines.map(({ key }) => key)).toEqual([
    ...['cluster-0', 'cluster-0-other', 'class-0', 'class-0-other', 'rest-0'],
    ...['cluster-1', 'cluster-1-other'],
  ]);
  expect(lines[3]).toMatchObject({ kind: 'other', of: { kind: 'images', index: 0 } });
  expect(modelLayout(true).lines.map(({ key }) => key)).toEqual(['model', otherKey('model')]);
});

test('curves of a role lie one after the other, those of the other run with its name', () => {
  const curve = (role: 'train' | 'validation') => ({ role, label: role, x: [1], y: [1] });
  const loss = { kind: 'loss', curves: [curve('train'), curve('validation')] } as const;
  const error = { kind: 'error', curves: [curve('validation')] } as const;
  const joined = joinedLanes([loss], [error, loss], 'two');
  expect(joined.map(({ kind, curves }) => [kind, curves.map(({ label }) => label)])).toEqual([
    ['loss', ['train', 'train · two', 'validation', 'validation · two']],
    ['error', ['validation · two']],
  ]);
  expect(joined[0]?.curves.map(({ beside = false }) => beside)).toEqual([false, true, false, true]);
  expect(joinedLanes([loss], [], 'two')).toEqual([loss]);
});

test('marks lie on values of the curve, apart from one another', () => {
  const steps = Array.from({ length: 600 }, (_, index) => index);
  const y = steps.map((step) => (step % 7 === 0 ? null : step + 1));
  const curve = { role: 'train', label: 'train', x: steps, y } as const;
  const scale = stepScale(steps, [0, 599], 600);
  const axis = valueAxis({ kind: 'loss', curves: [curve] }, steps, scale, 120, 'linear');
  const marks = marksOn(curve, steps, scale, axis);
  expect(marks.length).toBeGreaterThan(6);
  for (const [x, top] of marks) expect(top).toBeCloseTo(axis.y(Math.floor(x) + 1), 6);
  const gaps = marks.slice(1).map(([x], index) => x - (marks[index]?.[0] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(60);
  expect(marksOn({ ...curve, y: steps.map(() => null) }, steps, scale, axis)).toEqual([]);
});

test('files name the run of every line', () => {
  const header = ['unit', 'value'];
  expect(
    withRuns([
      ['one', [header, ['conv1', 1]]],
      ['two', [header, ['conv1', 2]]],
    ]),
  ).toEqual([
    ['run', 'unit', 'value'],
    ['one', 'conv1', 1],
    ['two', 'conv1', 2],
  ]);
});
