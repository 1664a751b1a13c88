import { effect } from '@preact/signals';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Api } from '../../src/client/Api';
import { Client } from '../../src/client/Client';
import type { Training } from '../../src/client/types';
import { retryFailed, visible } from '../../src/state/environment';
import { Loader } from '../../src/state/loader';
import { comparison, curves, isStale, latest } from '../../src/state/resources';
import { run } from '../../src/state/selection';
import {
  closedSections,
  distantSections,
  filterMeasure,
  layerChart,
  layerStatistic,
  log,
  OPEN_CLASSES_MOST,
  onlyTop,
  openClasses,
  openImage,
  openLayers,
  openUnits,
  page,
  pinAll,
  pins,
  readLayer,
  runLength,
  stepRange,
  togglePin,
  training,
} from '../../src/state/training';
import {
  classImages,
  correlation,
  filterNorms,
  filterSeries,
  forensics,
  imageHistory,
  layerBands,
  layerSeries,
  topFilters,
  trainingClasses,
  trainingCurves,
} from '../../src/state/training-data';
import { growth, LIVE_MS, noteGrowth } from '../../src/state/training-live';
import { trainingNetwork } from '../../src/state/training-network';
import { waitWhileHidden } from '../../src/state/waiting';
import { FakeAddress } from '../harness/FakeAddress';
import { FakeServer, type FakeServerOptions } from '../harness/fake-server';
import { resetPage } from '../harness/page-state';
import { trainingListing } from '../harness/training/listing';
import { stepOf } from '../harness/training/plan';

const SMALL = { dumps: 60, classes: 6, perClass: 4 };

let loader: Loader;
let server: FakeServer;

async function settled(milliseconds = 10): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

async function open(options: FakeServerOptions = {}, keys = {}): Promise<void> {
  server = new FakeServer({ training: SMALL, ...options });
  const client = new Client({ fetch: server.fetch, wait: waitWhileHidden });
  loader = new Loader(new Api(client), new FakeAddress({ page: 'training', ...keys }));
  loader.start();
  await vi.dynamicImportSettled();
  await settled();
}

function asked(route: string): string[] {
  return server.requests.filter((request) => request.split('?')[0] === route);
}

const columns = (values: ArrayLike<number>, rows: number) => values.length / rows;

beforeEach(() => {
  vi.useFakeTimers();
  resetPage();
});

afterEach(() => {
  loader.stop();
  vi.useRealTimers();
});

test('the Training page asks for the training, and for nothing of the pair', async () => {
  await open();
  expect(log.value?.dumps).toHaveLength(60);
  expect(trainingCurves.value.status).toBe('ready');
  expect(trainingClasses.value.status).toBe('ready');
  expect(layerSeries.value.status).toBe('ready');
  expect(correlation.value.status).toBe('ready');
  expect([comparison.value.status, curves.value.status]).toEqual(['idle', 'idle']);
  for (const route of ['comparison', 'distribution', 'curves', 'images', 'trend']) {
    expect(asked(route)).toEqual([]);
  }
});

test('the network is that of the first snapshot, asked for once while the log grows', async () => {
  await open({ listing: trainingListing(SMALL.dumps) });
  const [asking, ...more] = asked('architecture');
  expect(more).toEqual([]);
  const query = new URLSearchParams(asking?.split('?')[1]);
  const first = log.value?.snapshots[0]?.id;
  expect([query.get('a'), query.get('b')]).toEqual([first, first]);
  expect(latest(trainingNetwork.value)?.edges.length).toBeGreaterThan(50);
  if (server.training) server.training.dumps = 64;
  await settled(10_000);
  expect(log.value?.version).toBe('v64');
  expect(asked('architecture')).toHaveLength(1);
});

test('the network is not asked for while the layers are folded up', async () => {
  await open({ listing: trainingListing(SMALL.dumps) }, { closed: 'layers' });
  expect(asked('architecture')).toEqual([]);
  expect(trainingNetwork.value.status).toBe('idle');
  closedSections.value = [];
  await settled();
  expect(trainingNetwork.value.status).toBe('ready');
});

test('the Compare page asks for nothing of the training', async () => {
  await open({}, { page: '' });
  expect(comparison.value.status).toBe('ready');
  await settled(10_000);
  expect(server.requests.filter((request) => request.startsWith('training'))).toEqual([]);
});

test('what follows a training comes with the first look at it', async () => {
  await open({}, { page: '' });
  page.value = 'training';
  await vi.dynamicImportSettled();
  await settled();
  expect(layerSeries.value.status).toBe('ready');
});

test('each page keeps what it knew while the other is on show', async () => {
  await open();
  page.value = 'compare';
  await settled();
  expect(comparison.value.status).toBe('ready');
  expect(trainingClasses.value.status).toBe('ready');
  const before = server.requests.length;
  page.value = 'training';
  await settled();
  expect(comparison.value.status).toBe('ready');
  expect(server.requests.length).toBe(before);
});

test('answers name the version of the log, and are asked for once', async () => {
  await open();
  expect(asked('training_classes')).toEqual(['training_classes?run=alexnet&v=v60&run_length=30']);
  runLength.value = 0;
  await settled();
  runLength.value = 30;
  await settled();
  expect(asked('training_classes')).toHaveLength(2);
});

test('a log that grows takes the place of the one before, and nothing is dimmed', async () => {
  await open();
  const seen: string[] = [];
  const stop = effect(() => {
    const series = latest(layerSeries.value);
    const classes = latest(trainingClasses.value);
    const dumps = log.value?.dumps.length;
    if (series && classes) {
      seen.push(
        [dumps, columns(series.values, series.units.length), columns(classes.error, 6)].join(),
      );
    }
    seen.push(String(isStale(layerSeries.value) || isStale(trainingClasses.value)));
  });
  if (server.training) server.training.dumps = 64;
  await settled(6000);
  stop();
  expect(log.value?.version).toBe('v64');
  expect(new Set(seen)).toEqual(new Set(['60,60,60', '64,64,64', 'false']));
  const value = latest(layerSeries.value);
  expect(Number.isNaN(value?.values.at(-1))).toBe(false);
});

test('what came with the last step is told apart, until nothing has come for a while', async () => {
  await open();
  expect(growth.value).toBeNull();
  for (const dumps of [62, 64]) {
    if (server.training) server.training.dumps = dumps;
    await settled(6000);
    expect(growth.value).toEqual({ after: stepOf(dumps - 3), newest: stepOf(dumps - 1) });
  }
  await settled(LIVE_MS);
  expect(growth.value).toBeNull();
});

test('what is computed from snapshots that there were is not new, nor is another run', () => {
  const known = (changes: Partial<Training>) =>
    ({ run: 'r', state: 'ready', dumps: [10, 20], passes: [], ...changes }) as unknown as Training;
  noteGrowth(known({ state: 'indexing' }), known({ dumps: [10, 20, 30] }));
  noteGrowth(known({}), known({}));
  noteGrowth(known({ dumps: [] }), known({}));
  expect(growth.value).toBeNull();
  noteGrowth(known({}), known({ passes: [25] }));
  expect(growth.value).toEqual({ after: 20, newest: 25 });
  noteGrowth(known({}), known({ run: 'other', dumps: [90] }));
  expect(growth.value).toBeNull();
});

test('a log that grows fast is read every two seconds', async () => {
  await open();
  const timer = setInterval(() => {
    if (server.training) server.training.dumps += 1;
  }, 100);
  await settled(12_000);
  clearInterval(timer);
  expect(asked('training').length).toBeLessThanOrEqual(7);
  expect(asked('training').length).toBeGreaterThanOrEqual(4);
});

test('while snapshots are indexed the training is asked for once a second', async () => {
  await open({ training: { ...SMALL, changes: { state: 'indexing', done: 3, total: 60 } } });
  await settled(4500);
  expect(asked('training')).toHaveLength(5);
  if (server.training) server.training.changes = {};
  await settled(2000);
  const before = asked('training').length;
  await settled(5000);
  expect(asked('training').length).toBe(before);
});

test('findings are waited for', async () => {
  await open({ training: { ...SMALL, changes: { examined: false } } });
  await settled(2500);
  expect(asked('training')).toHaveLength(3);
});

test('a training that cannot be read is not asked for in a loop', async () => {
  await open({ training: { ...SMALL, changes: { state: 'indexing', done: 0, total: 60 } } });
  server.failing = { route: 'training', status: 500, message: 'The log cannot be read.' };
  await settled(10_000);
  expect(training.value).toMatchObject({ status: 'failed', stale: { state: 'indexing' } });
  expect(asked('training').length).toBeLessThan(14);
});

test('a section that is folded up or out of sight asks for nothing', async () => {
  closedSections.value = ['validation'];
  distantSections.value = ['layers', 'correlation'];
  await open({}, { closed: 'validation' });
  expect(trainingClasses.value.status).toBe('idle');
  expect(layerSeries.value.status).toBe('idle');
  distantSections.value = ['correlation'];
  closedSections.value = [];
  await settled();
  expect(trainingClasses.value.status).toBe('ready');
  expect(layerSeries.value.status).toBe('ready');
  expect(asked('training_correlation')).toEqual([]);
});

test('classes that are opened have their images, until they are closed', async () => {
  await open();
  openClasses.value = [2, 5];
  await settled();
  expect([...classImages.value.keys()]).toEqual([2, 5]);
  expect(latest(classImages.value.get(5) ?? { status: 'idle' })?.image).toHaveLength(4);
  openClasses.value = [5];
  await settled();
  expect([...classImages.value.keys()]).toEqual([5]);
  expect(asked('training_images')).toHaveLength(2);
});

test('at most a dozen classes are held', async () => {
  await open({ training: { ...SMALL, classes: 20 } });
  openClasses.value = Array.from({ length: 20 }, (_, index) => index);
  await settled();
  expect(openClasses.value).toHaveLength(OPEN_CLASSES_MOST);
  expect([...classImages.value.keys()]).toEqual([9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

test('images of an opened class get the columns of a longer log', async () => {
  await open();
  openClasses.value = [2];
  openImage.value = 9;
  await settled();
  if (server.training) server.training.dumps = 61;
  await settled(6000);
  expect(latest(classImages.value.get(2) ?? { status: 'idle' })?.predicted).toHaveLength(4 * 61);
  expect(latest(imageHistory.value)?.predicted).toHaveLength(61);
});

test('another image does not show the one before it', async () => {
  await open();
  openImage.value = 9;
  await settled();
  openImage.value = 10;
  expect(imageHistory.value).toMatchObject({ status: 'loading', stale: null });
});

test('pins ask for their top filters, the newest for what moved first', async () => {
  await open();
  expect([topFilters.value.status, forensics.value.status]).toEqual(['idle', 'idle']);
  pinAll([stepOf(40)]);
  togglePin(stepOf(20));
  await settled();
  expect(latest(topFilters.value)?.steps).toEqual([stepOf(20), stepOf(40)]);
  expect(latest(forensics.value)?.step).toBe(stepOf(20));
  togglePin(stepOf(20));
  await settled();
  expect(latest(forensics.value)?.step).toBe(stepOf(40));
});

test('layers have the series that their chart needs', async () => {
  await open();
  layerStatistic.value = 'std';
  openUnits.value = ['conv2'];
  await settled();
  const last = asked('training_layers').at(-1) ?? '';
  expect(last).toContain('kind=gradient&statistic=std');
  expect(JSON.parse(new URLSearchParams(last).get('units') ?? '')).toContain('conv2/block1');
  layerChart.value = 'box';
  await settled();
  expect(latest(layerSeries.value)?.depth).toBe(5);
  layerChart.value = 'bands';
  await settled();
  expect(layerSeries.value.status).toBe('idle');
  expect(latest(layerBands.value)?.edges).toEqual([0.0001, 0.001, 0.01, 0.1]);
});

test('an opened layer has its filters, or only the most changed of them', async () => {
  await open({ training: { ...SMALL, dumps: 140 } });
  openLayers.value = ['conv1'];
  await settled();
  expect(latest(filterSeries.value.get('conv1') ?? { status: 'idle' })?.filters).toHaveLength(64);
  pinAll([stepOf(130)]);
  onlyTop.value = true;
  await settled();
  expect([...filterSeries.value.keys()]).toEqual([
    'conv4/block2/conv2',
    'conv4/block3/conv1',
    'conv4/block5/conv3',
  ]);
  const [first] = filterSeries.value.values();
  const known = latest(first ?? { status: 'idle' });
  expect(known?.filters.length).toBeLessThan(10);
  expect(known?.values).toHaveLength((known?.filters.length ?? 0) * 140);
});

test('relative norms come beside the cosines of the layer that is read', async () => {
  await open();
  openLayers.value = ['conv1'];
  await settled();
  expect(filterNorms.value.size).toBe(0);
  readLayer.value = 'conv1';
  await settled();
  const known = latest(filterNorms.value.get('conv1') ?? { status: 'idle' });
  expect([known?.measure, known?.filters.length]).toEqual(['relative_l2', 64]);
  filterMeasure.value = 'euclidean';
  await settled();
  expect(filterNorms.value.size).toBe(0);
});

test('another run drops what was known of the one before', async () => {
  await open();
  run.value = 'alexnet-dropout';
  expect(layerSeries.value.status).toBe('idle');
  await settled();
  expect(log.value?.run).toBe('alexnet-dropout');
  expect(asked('training_layers').at(-1)).toContain('run=alexnet-dropout');
});

test('what is of another run is forgotten where nothing new is asked for', async () => {
  await open();
  closedSections.value = ['validation', 'correlation'];
  run.value = 'alexnet-dropout';
  await settled();
  expect(log.value?.run).toBe('alexnet-dropout');
  expect(trainingClasses.value.status).toBe('idle');
  closedSections.value = [];
  await settled();
  expect(asked('training_classes').at(-1)).toContain('run=alexnet-dropout');
  expect(trainingClasses.value.status).toBe('ready');
});

test('an image that is looked at is asked for wherever the page is scrolled to', async () => {
  await open({}, { picture: '3' });
  distantSections.value = ['validation'];
  openImage.value = 4;
  await settled();
  expect(latest(imageHistory.value)?.image).toBe(4);
});

test('an address stays as it is while nothing is known of a log', async () => {
  const changes = { dumps: [], passes: [], units: [], classes: [], state: 'indexing' as const };
  await open(
    { training: { ...SMALL, changes } },
    { open: 'conv1', units: 'conv2', class_images: '2', picture: '3' },
  );
  expect([openUnits.value, openLayers.value]).toEqual([['conv2'], ['conv1']]);
  expect([openClasses.value, openImage.value]).toEqual([[2], 3]);
});

test('a failure is shown where it is, and asked for again on demand', async () => {
  await open({ failing: { route: 'training_classes', status: 500, message: 'Disk.' } });
  expect(trainingClasses.value).toMatchObject({ status: 'failed', failure: { message: 'Disk.' } });
  expect(layerSeries.value.status).toBe('ready');
  server.failing = undefined;
  retryFailed();
  await settled();
  expect(trainingClasses.value.status).toBe('ready');
});

test('scalars are read again now and then', async () => {
  await open();
  await settled(31_000);
  expect(asked('training_curves')).toHaveLength(2);
});

test('what the log does not have is dropped from the selection', async () => {
  await open(
    {},
    {
      steps: '5000000-6000000',
      class_images: '2,99',
      picture: '400',
      units: 'conv2,stem',
      open: 'conv1,stem/conv',
      pins: '5000000',
    },
  );
  expect(stepRange.value).toBeNull();
  expect(openClasses.value).toEqual([2]);
  expect(openImage.value).toBeNull();
  expect([openUnits.value, openLayers.value]).toEqual([['conv2'], ['conv1']]);
  expect(pins.value).toEqual([5_000_000]);
  expect(topFilters.value.status).toBe('idle');
});

test('a run without a log has nothing more to ask for', async () => {
  await open({ training: { ...SMALL, changes: { dumps: [], passes: [], state: 'empty' } } });
  expect(log.value?.state).toBe('empty');
  expect(asked('training_layers')).toEqual([]);
  expect(asked('training_classes')).toEqual([]);
});

test('a hidden page asks for nothing', async () => {
  await open({ training: { ...SMALL, changes: { state: 'indexing' } } });
  visible.value = false;
  const before = server.requests.length;
  await settled(30_000);
  expect(server.requests.length).toBe(before);
  visible.value = true;
  await settled(3100);
  expect(server.requests.length).toBeGreaterThan(before);
});
