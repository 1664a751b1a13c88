import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Curve, Finding } from '../../src/client/types';
import { stepScale } from '../../src/scales/steps';
import { callbackSnippet } from '../../src/shell/training/callback-snippet';
import { gripAt, gripped, overviewPath } from '../../src/shell/training/overview-model';
import {
  chooseAnomaly,
  compareAnomaly,
  comparePinned,
  followAnomalies,
  mostChanged,
  pairAround,
  pinnedPair,
} from '../../src/state/compare-pins';
import { findings, showEvidence, wantedSection } from '../../src/state/findings';
import { a, b, filters, layer, maximised } from '../../src/state/selection';
import { choosingLayer } from '../../src/state/settle';
import * as training from '../../src/state/training';
import { topFilters, trainingClasses } from '../../src/state/training-data';
import { goTo, panBy, setRange, zoomBy, zoomFactor } from '../../src/state/training-zoom';
import {
  columnAt,
  dumpsAround,
  intervalsOf,
  leadOf,
  type Moved,
  type MovedRow,
  movedRows,
  placedMarks,
  quantitiesOf,
} from '../../src/views/training-forensics/moved-model';
import { deviationWords, leadWords, onsetWords } from '../../src/views/training-forensics/words';
import { resetPage } from '../harness/page-state';
import { FakeTraining } from '../harness/training/fake-training';
import { stepOf } from '../harness/training/plan';

const fake = new FakeTraining({ classes: 8, perClass: 4 });

beforeEach(() => {
  resetPage();
  training.training.value = { status: 'ready', value: fake.training() };
});

afterEach(resetPage);

const snapshots = [10, 20, 30].map((step) => ({ id: `s${step}`, step }));

test.each([
  [[15], ['s10', 's20']],
  [[20], ['s10', 's20']],
  [
    [12, 25],
    ['s10', 's30'],
  ],
  [
    [10, 20],
    ['s10', 's20'],
  ],
  [
    [12, 14, 18],
    ['s10', 's20'],
  ],
])('around the pins %j lie %j', (pins, expected) => {
  const pair = pairAround(pins, snapshots);
  expect(pair.state === 'ready' && [pair.a.id, pair.b.id]).toEqual(expected);
});

test.each([
  [[], 'Pin one or two steps first.'],
  [[10], 'No snapshot was kept before step 10.'],
  [[35], 'No snapshot was kept after step 35.'],
  [[35], 'No snapshot was kept after epoch 35.', 'epoch'],
] as const)('the pins %j cannot be compared: %s', (pins, reason, axis?: 'epoch') => {
  expect(pairAround(pins, snapshots, axis)).toEqual({ state: 'impossible', reason });
});

test('of snapshots of one step the newest counts, which comes last', () => {
  const twice = [1, 1, 9, 9].map((step, place) => ({ id: `${step}-${place}`, step }));
  const found = pairAround([5], twice);
  expect(found).toMatchObject({ a: { id: '1-1' }, b: { id: '9-3' } });
});

test('one snapshot is no comparison', () => {
  expect(pairAround([15], snapshots.slice(1, 2))).toMatchObject({ state: 'impossible' });
});

test('the layer with most of the top filters is preselected', () => {
  const entry = (name: string, filter: number) => ({
    layer: name,
    filter,
    cosine: [],
    relative_l2: [],
  });
  const value = {
    steps: [1],
    count: 10,
    left_out: [],
    filters: [entry('x', 3), entry('y', 9), entry('y', 2)],
  };
  expect(mostChanged(value)).toEqual({ layer: 'y', filters: [2, 9] });
  expect(mostChanged({ ...value, filters: [] })).toBeNull();
  expect(mostChanged(null)).toBeNull();
});

test('comparing opens the page with the snapshots around the pin, at what changed most', () => {
  training.page.value = 'training';
  maximised.value = 'network';
  training.pinAll([stepOf(402)]);
  topFilters.value = { status: 'ready', value: fake.top([stepOf(402)]) };
  comparePinned();
  expect([a.value, b.value]).toEqual(['resnet50-401', 'resnet50-402']);
  expect(layer.value).toBe(mostChanged(fake.top([stepOf(402)]))?.layer);
  expect(filters.value.length).toBeGreaterThan(0);
  expect([training.page.value, maximised.value]).toEqual(['compare', null]);
});

test.each([
  ['other pins', [402], 401, null],
  ['one pin of two', [402, 450], 402, null],
  ['these pins', [402], 402, mostChanged(fake.top([stepOf(402)]))?.layer],
])('filters of %s on screen while the next ones come', (_, pinned, dump, chosen) => {
  training.pinAll(pinned.map(stepOf));
  topFilters.value = { status: 'loading', job: null, stale: fake.top([stepOf(dump)]) };
  comparePinned();
  expect([layer.value, choosingLayer.value]).toEqual([chosen, chosen === null]);
  choosingLayer.value = false;
});

test('where no filter is known to have changed most, the page chooses a layer by itself', () => {
  training.pinAll([stepOf(300)]);
  comparePinned();
  expect([layer.value, choosingLayer.value]).toEqual([null, true]);
  choosingLayer.value = false;
});

test('without pins nothing is compared', () => {
  expect(pinnedPair.value.state).toBe('impossible');
  comparePinned();
  expect([a.value, training.page.value]).toEqual([null, 'compare']);
});

test('an anomaly sets Compare to the snapshots around it, and opens nothing', () => {
  training.page.value = 'training';
  training.pinAll([stepOf(450)]);
  topFilters.value = { status: 'loading', job: null, stale: null };
  expect(chooseAnomaly(stepOf(402))).toBe(true);
  expect([a.value, b.value]).toEqual(['resnet50-401', 'resnet50-402']);
  expect(training.pins.value).toEqual([stepOf(402), stepOf(450)]);
  expect(training.page.value).toBe('training');
  choosingLayer.value = false;
});

test('filters of an anomaly are chosen once they are known, unless somebody chose some', () => {
  const stop = followAnomalies();
  const known = { status: 'ready', value: fake.top([stepOf(402)]) } as const;
  const clicked = () => {
    training.setPins([]);
    topFilters.value = { status: 'loading', job: null, stale: null };
    compareAnomaly(stepOf(402));
    expect([layer.value, filters.value, choosingLayer.value]).toEqual([null, [], true]);
  };
  clicked();
  expect(training.page.value).toBe('compare');
  topFilters.value = known;
  expect(layer.value).toBe(mostChanged(known.value)?.layer);
  expect(filters.value).toEqual(mostChanged(known.value)?.filters);
  expect(choosingLayer.value).toBe(false);
  clicked();
  filters.value = [1];
  topFilters.value = known;
  expect(filters.value).toEqual([1]);
  clicked();
  training.pinAll([stepOf(450)]);
  topFilters.value = known;
  expect(filters.value).toEqual([]);
  choosingLayer.value = false;
  stop();
});

test('an anomaly without snapshots around it is pinned alone', () => {
  training.page.value = 'training';
  const before = [a.value, b.value];
  compareAnomaly(-1);
  expect([a.value, b.value]).toEqual(before);
  expect([training.pins.value, training.page.value]).toEqual([[-1], 'training']);
});

test('findings come by severity', () => {
  const severities = findings.value.map(({ severity }) => severity);
  expect(severities).toEqual([...severities].sort((x, y) => order(x) - order(y)));
  function order(severity: string): number {
    return ['problem', 'warning', 'note'].indexOf(severity);
  }
});

const finding = (changes: Partial<Finding>): Finding => ({
  id: 'x',
  kind: 'anomaly',
  severity: 'warning',
  text: 'Something.',
  view: 'model',
  units: [],
  classes: [],
  steps: [],
  also: [],
  ...changes,
});

test('a finding about a layer opens what lies around it, and dead filters show', () => {
  training.closedSections.value = ['layers', 'model'];
  const units = ['conv5/block1/conv1'];
  showEvidence(finding({ view: 'layers', units, kind: 'dead_filters' }));
  expect(training.openUnits.value).toEqual(['conv5/block1', 'conv5']);
  expect(training.shownUnits.value).toContain('conv5/block1/conv1');
  expect(training.openLayers.value).toEqual(units);
  expect(training.closedSections.value).toEqual(['model']);
  expect(wantedSection.value).toEqual({ section: 'layers' });
});

test('what did not train is seen by its updates, what is dead by the norm of its weights', () => {
  training.layerKind.value = 'gradient';
  showEvidence(finding({ view: 'layers', units: ['conv1'], kind: 'not_finite' }));
  expect(training.layerKind.value).toBe('gradient');
  showEvidence(finding({ view: 'layers', units: ['conv1'], kind: 'never_trained' }));
  expect(training.shownKind.value).toBe('update');
  expect(training.filterMeasure.value).toBe('cosine');
  showEvidence(finding({ view: 'layers', units: ['conv1'], kind: 'dead_filters' }));
  expect(training.filterMeasure.value).toBe('w_l2');
});

test('a finding about a group closes it, so that it has a row', () => {
  training.openUnits.value = ['conv3', 'conv3/block1'];
  showEvidence(finding({ view: 'layers', units: ['conv3/block1'] }));
  expect(training.shownUnits.value).toContain('conv3/block1');
});

test('a finding about classes opens them and their clusters, and pins its steps', () => {
  trainingClasses.value = { status: 'ready', value: fake.classes(30) };
  const steps = [stepOf(130), stepOf(560)];
  setRange([stepOf(100), stepOf(140)]);
  showEvidence(finding({ view: 'validation', classes: [5, 6, 7, 2], steps }));
  expect(training.openClasses.value).toEqual([5, 6, 7]);
  const clusters = fake.classes(30).cluster;
  expect(new Set(training.openClusters.value)).toEqual(
    new Set([5, 6, 7].map((index) => clusters[index])),
  );
  expect(training.pins.value).toEqual(steps);
  const [first, last] = training.shownRange.value;
  expect(first <= stepOf(560) && stepOf(560) <= last).toBe(true);
});

test('pins of a finding take the place of those of another, beside what was pinned by hand', () => {
  training.togglePin(stepOf(20));
  showEvidence(finding({ view: 'forensics', steps: [stepOf(130), stepOf(140)] }));
  expect(training.pins.value).toEqual([20, 130, 140].map(stepOf));
  expect(training.newestPin.value).toBe(stepOf(130));
  showEvidence(finding({ view: 'forensics', steps: [stepOf(20), stepOf(560)] }));
  expect(training.pins.value).toEqual([20, 560].map(stepOf));
  showEvidence(finding({ view: 'forensics', steps: [stepOf(300)] }));
  expect(training.pins.value).toEqual([20, 300].map(stepOf));
});

test('a finding with hundreds of steps pins the first of them', () => {
  const steps = Array.from({ length: 300 }, (_, index) => stepOf(index));
  showEvidence(finding({ steps }));
  expect(training.pins.value).toHaveLength(8);
});

test('zooming and panning move all charts', () => {
  zoomBy(4, stepOf(400));
  expect(zoomFactor.value).toBeCloseTo(4, 1);
  const [first] = training.shownRange.value;
  panBy(0.25);
  expect(training.shownRange.value[0]).toBeGreaterThan(first);
  goTo(stepOf(10));
  expect(training.shownRange.value[0]).toBeLessThanOrEqual(stepOf(10));
  expect(training.hoveredStep.value).toBe(stepOf(10));
  setRange(null);
  expect(zoomFactor.value).toBe(1);
});

test('zooming keeps the newest pin in sight, while it is shown and in sight', () => {
  training.setPins([10, 40].map(stepOf));
  training.togglePin(stepOf(20));
  for (let click = 0; click < 6; click += 1) zoomBy(1.5);
  const [first, last] = training.shownRange.value;
  expect(zoomFactor.value).toBeGreaterThan(10);
  expect(first <= stepOf(20) && last >= stepOf(20)).toBe(true);
  setRange([stepOf(100), stepOf(200)]);
  zoomBy(2);
  expect(training.shownRange.value).toEqual([125, 175].map(stepOf));
  training.showPins.value = false;
  setRange([stepOf(0), stepOf(100)]);
  zoomBy(2);
  expect(training.shownRange.value).toEqual([25, 75].map(stepOf));
});

const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
const whole = stepScale(hundred, [1, 100], 1000);

test.each([
  [200, 'first'],
  [500, 'last'],
  [300, 'move'],
  [100, 'draw'],
  [195, 'first'],
])('at %d the strip is held by %s', (x, grip) => {
  expect(gripAt(x, { left: 200, right: 500 }, true)).toBe(grip);
});

test('while all is in sight its ends can be held, and a window drawn', () => {
  expect(gripAt(3, { left: 0, right: 1000 }, false)).toBe('first');
  expect(gripAt(500, { left: 0, right: 1000 }, false)).toBe('draw');
});

test('a drag on the strip draws, moves and resizes what is in sight', () => {
  const range = [21, 50] as const;
  expect(gripped(hundred, whole, 'draw', range, 600, 700)).toEqual([61, 71]);
  expect(gripped(hundred, whole, 'move', range, 300, 400)).toEqual([31, 60]);
  expect(gripped(hundred, whole, 'first', range, 200, 100)).toEqual([11, 50]);
  expect(gripped(hundred, whole, 'last', range, 500, 5000)).toEqual([21, 100]);
  expect(gripped(hundred, whole, 'first', range, 200, 800)).toEqual([50, 53]);
});

test('the strip shows the loss of training', () => {
  const curve = (run: string, y: number[]): Curve => ({
    run,
    tag: 'loss',
    kind: 'loss',
    axis: 'step',
    x: [1, 50, 100],
    y,
  });
  const path = overviewPath(
    [curve('r/validation', [9, 9, 9]), curve('r/train', [3, 2, 1])],
    'step',
    hundred,
    whole,
    28,
  );
  expect(path).toBe('M5.0 3.0L495.0 14.0L995.0 25.0');
  expect(overviewPath([], 'step', hundred, whole, 28)).toBe('');
});

test('a spike far above all else leaves the strip', () => {
  const x = Array.from({ length: 1000 }, (_, index) => 1 + index / 10);
  const y = x.map((_, index) => (index === 500 ? 1e6 : index % 3));
  const curve = { run: 'r', tag: 'loss', kind: 'loss', axis: 'step', x, y } as const;
  const path = overviewPath([curve], 'step', hundred, whole, 28);
  const heights = [...path.matchAll(/ (-?[\d.]+)/g)].map(([, text]) => Number(text));
  expect(heights.filter((height) => height < 0)).toHaveLength(1);
});

test('what moved first is listed by unit, earliest first', () => {
  const forensics = fake.forensics(stepOf(402));
  const rows = movedRows(forensics);
  const onsets = rows.map(({ first }) => first.onset);
  expect(onsets).toEqual([...onsets].sort((x, y) => x - y));
  expect(rows.at(-1)?.unit).toBe('');
  expect(rows[0]?.first.quantity).toBe('gradient');
  expect(quantitiesOf(rows)).toEqual([
    'gradient',
    'moment1',
    'moment2',
    'update',
    'weight',
    'loss',
  ]);
});

test('marks of one column lie beside each other', () => {
  const forensics = fake.forensics(stepOf(402));
  const dumps = dumpsAround(forensics, training.dumps.value);
  expect(dumps).toContain(stepOf(402));
  expect(dumps.length).toBeLessThan(24);
  const marks = placedMarks(movedRows(forensics)[0] as never, dumps);
  const together = marks.filter(({ column }) => column === marks[1]?.column);
  expect(together.map(({ place }) => place)).toEqual(together.map((_, index) => index));
});

const movedAt = (quantity: Moved['quantity'], after: number | null, onset: number): Moved => ({
  unit: quantity === 'learning_rate' || quantity === 'loss' ? '' : 'a',
  quantity,
  after,
  onset,
  lead: 198 - onset,
  deviation: 25,
});

test('what a dump saw began at any step since the dump before', () => {
  const lead = (after: number | null, onset: number) =>
    leadOf(movedAt('update', after, onset), 198);
  expect(lead(192, 200)).toEqual({ most: 5, least: -2 });
  expect(lead(200, 208)).toEqual({ most: -3, least: -10 });
  expect(lead(184, 192)).toEqual({ most: 13, least: 6 });
  expect(lead(null, 192)).toEqual({ most: 6, least: 6 });
  expect(leadOf(movedAt('learning_rate', 196, 197), 198)).toEqual({ most: 1, least: 1 });
  expect(leadOf({ ...movedAt('update', 192, 200), lead: null }, 198)).toBeNull();
  expect(leadOf(movedAt('loss', 197, 198), 198)).toBeNull();
});

test('leads are told as exactly as they are known', () => {
  const leads: readonly (readonly [number, number])[] = [
    [5, -2],
    [-3, -10],
    [13, 6],
    [1, 1],
    [-4, -4],
    [0, 0],
    [0, -7],
    [5, 0],
  ];
  expect(leads.map(([most, least]) => leadWords({ most, least }))).toEqual([
    '5 steps before to 2 after',
    '3 to 10 steps after',
    '13 to 6 steps before',
    '1 step before',
    '4 steps after',
    'with it',
    'up to 7 steps after',
    'up to 5 steps before',
  ]);
  expect(leadWords(null)).toBe('–');
});

test('marks of one dump lie amid the interval before it, those of a step at it', () => {
  const dumps = [184, 192, 200, 208];
  const series = [
    movedAt('learning_rate', 196, 197),
    movedAt('gradient', 192, 200),
    movedAt('update', 192, 200),
    movedAt('weight', 200, 208),
    movedAt('loss', 197, 198),
  ];
  const rows = movedRows({ step: 198, loss_onset: 198, series });
  expect(rows.map(({ unit, first }) => [unit, first.quantity])).toEqual([
    ['', 'learning_rate'],
    ['a', 'gradient'],
  ]);
  const [model, unit] = rows as [MovedRow, MovedRow];
  expect(placedMarks(model, dumps).map(({ column }) => column)).toEqual([1.625, 1.75]);
  expect(intervalsOf(model, dumps)).toEqual([]);
  expect(placedMarks(unit, dumps).map(({ column, place, of }) => [column, place, of])).toEqual([
    [1.5, 0, 2],
    [1.5, 1, 2],
    [2.5, 0, 1],
  ]);
  expect(intervalsOf(unit, dumps)).toEqual([
    { from: 1, to: 2 },
    { from: 2, to: 3 },
  ]);
  expect([184, 198, 208, 230, 100].map((step) => columnAt(dumps, step))).toEqual([
    0, 1.75, 3, 3, -1,
  ]);
});

test('a learning rate is told by how many times the one before it is', () => {
  const rate = movedAt('learning_rate', 500, 501);
  expect([25, 0, 1e9].map((deviation) => deviationWords({ ...rate, deviation }))).toEqual([
    '25 times the one before',
    'It became 0',
    'It was 0 before',
  ]);
  expect(onsetWords(rate)).toBe('at step 501');
  expect(onsetWords(movedAt('update', 496, 504))).toBe('after step 496, by step 504');
});

test('onsets far apart are cut to the columns around the pin', () => {
  const series = [10, 700].map((dump) => ({
    unit: 'conv1',
    quantity: 'update' as const,
    onset: stepOf(dump),
    after: stepOf(dump - 1),
    lead: null,
    deviation: 5,
  }));
  const dumps = dumpsAround({ step: stepOf(400), loss_onset: null, series }, training.dumps.value);
  expect(dumps).toHaveLength(24);
  expect(dumps).toContain(stepOf(400));
});

test('the lines that record name the run below the logdir', () => {
  expect(callbackSnippet('/logs', 'resnet "50"').split('\n')).toEqual([
    'from tb_snapshot_compare import SnapshotCallback',
    '',
    'recording = SnapshotCallback("/logs", run="resnet \\"50\\"", probe_data=(x_val, y_val))',
    'model.fit(x, y, callbacks=[recording])',
  ]);
  expect(callbackSnippet('/logs', '.')).toContain('SnapshotCallback("/logs", probe_data=');
});

test('a finding about a layer without top filters shows all layers again', () => {
  topFilters.value = { status: 'ready', value: fake.top([stepOf(402)]) };
  training.setPins([stepOf(402)]);
  training.onlyTop.value = true;
  const [inside] = training.topLayers.value ?? [];
  showEvidence(finding({ view: 'layers', units: [inside as string], kind: 'never_trained' }));
  expect(training.onlyTop.value).toBe(true);
  const others = training.log.value?.units.map(({ path }) => path) ?? [];
  const outside = others.find((path) => !training.topLayers.value?.includes(path)) as string;
  showEvidence(finding({ view: 'layers', units: [outside], kind: 'never_trained' }));
  expect(training.onlyTop.value).toBe(false);
});
