import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Api } from '../../src/client/Api';
import { Client } from '../../src/client/Client';
import { Loader } from '../../src/state/loader';
import { latest } from '../../src/state/resources';
import {
  closedSections,
  layerChart,
  openLayers,
  openUnits,
  otherLog,
  page,
  pinAll,
} from '../../src/state/training';
import * as other from '../../src/state/training-other';
import { waitWhileHidden } from '../../src/state/waiting';
import { FakeAddress } from '../harness/FakeAddress';
import { FakeServer, type FakeServerOptions } from '../harness/fake-server';
import { resetPage } from '../harness/page-state';
import type { FakeTrainingOptions } from '../harness/training/fake-training';

const SMALL: FakeTrainingOptions = { dumps: 60, classes: 6, perClass: 4 };
const TWO = { ...SMALL, dumps: 40 };

let loader: Loader;
let server: FakeServer;
let address: FakeAddress;

async function settled(milliseconds = 10): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

async function open(two: FakeTrainingOptions = TWO, options: FakeServerOptions = {}, keys = {}) {
  server = new FakeServer({ training: { ...SMALL, others: { two } }, ...options });
  const client = new Client({ fetch: server.fetch, wait: waitWhileHidden });
  address = new FakeAddress({ page: 'training', beside: 'two', ...keys });
  loader = new Loader(new Api(client), address);
  loader.start();
  await vi.dynamicImportSettled();
  await settled();
}

/** Of the other run. */
function asked(route = ''): URLSearchParams[] {
  return server.requests
    .filter((request) => request.startsWith(route === '' ? 'training' : `${route}?`))
    .map((request) => new URLSearchParams(request.split('?')[1]))
    .filter((query) => query.get('run') === 'two');
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

test('the same rows are asked for by the same routes, and nothing else', async () => {
  await open();
  expect(otherLog.value?.run).toBe('two');
  openLayers.value = ['conv1'];
  pinAll([otherLog.value?.dumps[3] ?? 0]);
  await settled();
  const routes = server.requests
    .filter((request) => new URLSearchParams(request.split('?')[1]).get('run') === 'two')
    .map((request) => request.split('?')[0]);
  expect([...new Set(routes)].sort()).toEqual([
    ...['training', 'training_classes', 'training_curves', 'training_layers'],
  ]);
  expect(routes).toHaveLength(4);
  const series = latest(other.otherSeries.value);
  expect(columns(series?.values ?? [], series?.units.length ?? 1)).toBe(40);
});

test('of units only those on show that it has', async () => {
  const units = (await import('../harness/training/plan')).UNITS.filter(
    ({ path }) => path !== 'conv2/block2' && !path.startsWith('conv2/block2/'),
  );
  await open({ ...TWO, changes: { units: [...units] } });
  openUnits.value = ['conv2'];
  await settled();
  const last = asked('training_layers').at(-1);
  const paths = JSON.parse(last?.get('units') ?? '[]') as string[];
  expect(paths).toContain('conv2/block1');
  expect(paths).not.toContain('conv2/block2');
});

test('sections that are folded up ask for nothing of it', async () => {
  await open(TWO, {}, { closed: 'validation,layers' });
  expect(asked('training_layers')).toEqual([]);
  expect(asked('training_classes')).toEqual([]);
  closedSections.value = [];
  await settled();
  expect(asked('training_layers')).toHaveLength(1);
  layerChart.value = 'bands';
  await settled();
  expect(asked('training_bands')).toHaveLength(1);
  expect(other.otherSeries.value.status).toBe('idle');
});

test('a kind that it did not record is not asked for', async () => {
  await open({ ...TWO, changes: { kinds: ['weight'] } });
  expect(asked('training_layers')).toEqual([]);
  expect(other.otherSeries.value.status).toBe('idle');
});

test('where its steps count something else, only that is asked', async () => {
  await open({ ...TWO, changes: { axis: 'epoch' } });
  expect(otherLog.value).toBeNull();
  expect(asked()).toHaveLength(1);
});

test('without it nothing is known of it, and nothing asked', async () => {
  await open();
  const before = asked().length;
  other.otherRun.value = null;
  await settled(5000);
  expect(asked()).toHaveLength(before);
  for (const resource of [
    other.otherTraining,
    other.otherCurves,
    other.otherClasses,
    other.otherSeries,
  ]) {
    expect(resource.value.status).toBe('idle');
  }
  expect(address.keys.beside).toBeUndefined();
});

test('it grows too, and what is on show gets its columns', async () => {
  await open();
  const two = server.training?.others.get('two');
  if (!two || !server.training) throw new Error('there is no other run');
  two.dumps = 44;
  server.training.dumps = 61;
  await settled(10_000);
  expect(otherLog.value?.version).toBe('v44');
  const [series, classes] = [latest(other.otherSeries.value), latest(other.otherClasses.value)];
  expect(columns(series?.values ?? [], series?.units.length ?? 1)).toBe(44);
  expect(columns(classes?.error ?? [], 6)).toBe(44);
});

test('while it is computed from snapshots it is asked for again', async () => {
  await open({ ...TWO, changes: { state: 'indexing', done: 1, total: 40 } });
  const first = asked('training').length;
  await settled(5000);
  expect(asked('training').length).toBeGreaterThan(first + 2);
});

test('a page that is not on show asks for nothing of it', async () => {
  await open();
  page.value = 'compare';
  await settled();
  const before = asked().length;
  server.training?.others.forEach((two) => {
    two.dumps = 50;
  });
  await settled(10_000);
  expect(asked()).toHaveLength(before);
});
