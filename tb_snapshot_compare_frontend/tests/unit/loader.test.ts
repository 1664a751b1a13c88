import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Api } from '../../src/client/Api';
import { Client } from '../../src/client/Client';
import type { Snapshot } from '../../src/client/types';
import { announcement, retryFailed, visible } from '../../src/state/environment';
import { kernelPlaces } from '../../src/state/kernel';
import { Loader } from '../../src/state/loader';
import { raised } from '../../src/state/notices';
import {
  architecture,
  comparison,
  curves,
  distribution,
  filterMeasures,
  listing,
} from '../../src/state/resources';
import { a, b, filters, layer, orderKernel, selectLayer, tensor } from '../../src/state/selection';
import { isGone, readyPair, rewritten, swapSides } from '../../src/state/snapshots';
import { standingOf } from '../../src/state/standing';
import { trend, trendWaits } from '../../src/state/trend';
import { waitWhileHidden } from '../../src/state/waiting';
import { FakeAddress } from '../harness/FakeAddress';
import { FakeServer, type FakeServerOptions } from '../harness/fake-server';
import { emptyListing, listingOf, listingWith, snapshotOf, trendOf } from '../harness/fixtures';
import { resetPage } from '../harness/page-state';

let loader: Loader;
let server: FakeServer;
let address: FakeAddress;

async function open(options: FakeServerOptions = {}, keys = {}): Promise<void> {
  server = new FakeServer(options);
  address = new FakeAddress(keys);
  const client = new Client({ fetch: server.fetch, wait: waitWhileHidden });
  loader = new Loader(new Api(client), address);
  loader.start();
  await vi.advanceTimersByTimeAsync(10);
}

function asked(route: string): string[] {
  return server.requests.filter((request) => request.startsWith(route));
}

beforeEach(() => {
  vi.useFakeTimers();
  resetPage();
});

afterEach(() => {
  loader.stop();
  vi.useRealTimers();
});

test('the suggested pair is compared, and the address names it', async () => {
  await open();
  expect([a.value, b.value]).toEqual(['alexnet-10', 'alexnet-40']);
  expect(comparison.value.status).toBe('ready');
  expect(distribution.value.status).toBe('ready');
  expect(curves.value.status).toBe('ready');
  expect(address.keys).toMatchObject({ a: 'alexnet-10', b: 'alexnet-40' });
  expect(announcement.value).toBe(
    'Compared epoch 10 · step 340 with epoch 40 · step 1,360: 16 of 16 tensors',
  );
});

test('a page opened without any choice shows the layer that changed most', async () => {
  await open();
  expect(layer.value).not.toBeNull();
  expect(address.keys.layer).toBe(layer.value);
  expect(filterMeasures.value.status).toBe('ready');
  expect(asked('distribution')).toHaveLength(1);
  expect(asked('distribution')[0]).toContain(`layer=${layer.value}`);
});

test('no layer is chosen where the address names snapshots', async () => {
  await open({}, { a: 'alexnet-2', b: 'alexnet-3' });
  expect(comparison.value.status).toBe('ready');
  expect(layer.value).toBeNull();
});

test('a deselected layer stays deselected', async () => {
  await open();
  selectLayer(null);
  await vi.advanceTimersByTimeAsync(10);
  swapSides();
  await vi.advanceTimersByTimeAsync(10);
  expect(layer.value).toBeNull();
  expect(address.keys.layer).toBeUndefined();
});

test('the filters of a layer without a kernel are not asked for', async () => {
  await open({}, { a: 'alexnet-2', b: 'alexnet-3', layer: 'flatten' });
  expect(filterMeasures.value.status).toBe('idle');
  expect(asked('filters')).toEqual([]);
});

test('a click on a layer asks for all that is shown of it at once, and for nothing else', async () => {
  await open({}, { a: 'alexnet-2', b: 'alexnet-3', layer: 'conv5' });
  const before = server.requests.length;
  selectLayer('fc6');
  const routes = () => server.requests.slice(before).map((request) => request.split('?')[0]);
  expect(routes()).toEqual(['kernel', 'distribution', 'filters']);
  await vi.advanceTimersByTimeAsync(10);
  expect(routes()).toHaveLength(3);
});

test('the order of the map is asked for where it is not by index', async () => {
  await open({}, { a: 'alexnet-2', b: 'alexnet-3', layer: 'conv5' });
  expect(kernelPlaces.value.status).toBe('idle');
  orderKernel('rows', 'difference');
  await vi.advanceTimersByTimeAsync(10);
  expect(asked('kernel_order')).toHaveLength(1);
  expect(kernelPlaces.value.status).toBe('ready');
  orderKernel('rows', 'index');
  expect(kernelPlaces.value.status).toBe('idle');
});

test('a layer without weights has no distribution to ask for', async () => {
  await open({}, { a: 'alexnet-2', b: 'alexnet-3', layer: 'pool1' });
  expect(distribution.value.status).toBe('idle');
  expect(asked('distribution')).toEqual([]);
  selectLayer('conv5');
  await vi.advanceTimersByTimeAsync(10);
  expect(distribution.value.status).toBe('ready');
});

test('one tensor of the layer is asked for, and dropped with its layer', async () => {
  await open({}, { a: 'alexnet-2', b: 'alexnet-3', layer: 'conv5', tensor: 'conv5/bias' });
  expect(asked('distribution').at(-1)).toContain('tensor=conv5%2Fbias');
  selectLayer('fc6');
  await vi.advanceTimersByTimeAsync(10);
  expect(tensor.value).toBeNull();
  expect(asked('distribution').at(-1)).not.toContain('tensor');
});

test('a tensor that the layer does not have is dropped', async () => {
  await open({}, { a: 'alexnet-2', b: 'alexnet-3', layer: 'conv5', tensor: 'fc6/bias' });
  expect(tensor.value).toBeNull();
});

test('the address decides before the suggestion', async () => {
  await open({}, { a: 'alexnet-2', b: 'alexnet-3', layer: 'conv5', filters: '1,3,900' });
  expect([a.value, b.value, layer.value]).toEqual(['alexnet-2', 'alexnet-3', 'conv5']);
  expect(filterMeasures.value.status).toBe('ready');
  expect(filters.value).toEqual([1, 3]);
});

test('an edited address is followed', async () => {
  await open();
  address.edit({ a: 'alexnet-1', b: 'alexnet-2', layer: 'fc6' });
  await vi.advanceTimersByTimeAsync(10);
  expect([a.value, b.value, layer.value]).toEqual(['alexnet-1', 'alexnet-2', 'fc6']);
  address.edit({});
  expect(a.value).toBe('alexnet-1');
});

test('a snapshot that the address names and nobody knows is replaced, and said so', async () => {
  await open({}, { a: 'gone-1', b: 'alexnet-7' });
  expect([a.value, b.value]).toEqual(['alexnet-10', 'alexnet-7']);
  expect(raised.value.map(({ text }) => text)).toEqual([
    'The snapshot that the address names (a) is not in the logdir. ' +
      'epoch 10 · step 340 is compared instead.',
  ]);
});

function changed(change: (snapshot: Snapshot) => Snapshot | null): void {
  const [main, ...others] = server.listing.runs;
  if (!main) throw new Error('no run');
  const snapshots = main.snapshots.map(change).filter((snapshot) => snapshot !== null);
  server.listing = {
    ...server.listing,
    version: server.listing.version + 1,
    runs: [{ ...main, snapshots }, ...others],
    suggested: { a: 'alexnet-9', b: 'alexnet-40' },
  };
}

test('a chosen snapshot that is deleted stays chosen, with its results, and is said to be gone', async () => {
  await open();
  const before = asked('comparison').length;
  changed((snapshot) => (snapshot.id === 'alexnet-10' ? null : snapshot));
  await vi.advanceTimersByTimeAsync(3100);
  expect(a.value).toBe('alexnet-10');
  expect(isGone(a.value)).toBe(true);
  expect(readyPair.value?.[0].label).toBe('epoch 10 · step 340');
  expect(comparison.value.status).toBe('ready');
  expect(asked('comparison')).toHaveLength(before);
  const [notice] = standingOf('a');
  expect(notice?.text).toContain('epoch 10 · step 340 (a) was deleted from the logdir');
  notice?.action?.run();
  expect(a.value).toBe('alexnet-9');
  expect(standingOf('a')).toEqual([]);
});

test('a chosen snapshot that is written anew keeps its results until it is complete', async () => {
  await open();
  const asking = () => asked('comparison').length;
  const before = asking();
  changed((snapshot) =>
    snapshot.id === 'alexnet-40'
      ? { ...snapshot, generation: 'half', state: 'being_written' as const }
      : snapshot,
  );
  await vi.advanceTimersByTimeAsync(3100);
  expect(comparison.value.status).toBe('ready');
  expect(asking()).toBe(before);
  expect(standingOf('b')[0]?.text).toContain('is being written anew');
  changed((snapshot) =>
    snapshot.id === 'alexnet-40'
      ? { ...snapshot, generation: 'new', state: 'ready' as const }
      : snapshot,
  );
  await vi.advanceTimersByTimeAsync(3100);
  expect(asking()).toBe(before + 1);
  expect(asked('comparison').at(-1)).toContain('gb=new');
  expect(standingOf('b')[0]?.text).toContain('was replaced: its file was written anew');
  expect(rewritten.value.has('alexnet-40')).toBe(true);
  b.value = 'alexnet-39';
  expect(rewritten.value.size).toBe(0);
});

test('a listing is chosen from while it grows', async () => {
  await open({ listing: listingOf({ scanning: true }) });
  expect([a.value, b.value]).toEqual(['alexnet-10', 'alexnet-40']);
});

test('the trend is asked for again when it grows, and only what is new of it is sent', async () => {
  const { snapshots } = listingOf().runs[0] ?? { snapshots: [] };
  const whole = trendOf(snapshots);
  await open({ trend: whole });
  expect(asked('trend')).toEqual(['trend?run=alexnet&since=0']);
  expect(trendWaits.value).toBe(false);
  const sent = whole.pairs.map((pair, index) =>
    index === 3 ? pair : { ...pair, l2: null, relative_l2: null },
  );
  server.trend = { ...whole, version: 4, pairs: sent };
  await vi.advanceTimersByTimeAsync(3100);
  expect(asked('trend').at(-1)).toBe('trend?run=alexnet&since=3');
  expect(trend.value?.version).toBe(4);
  expect(trend.value?.pairs.map(({ l2 }) => l2)).toEqual(whole.pairs.map(({ l2 }) => l2));
});

test('a run that is written is looked at often', async () => {
  const now = Date.now() / 1000;
  const snapshots = [1, 2, 3].map((epoch) => snapshotOf(epoch, 'alexnet', { modified: now }));
  await open({ listing: listingWith(snapshots) });
  await vi.advanceTimersByTimeAsync(2600);
  expect(asked('changes').length).toBe(5);
});

test('nothing is given up while a scan may still find it', async () => {
  await open({ listing: listingOf({ scanning: true }) }, { a: 'late-1', b: 'alexnet-7' });
  expect(a.value).toBe('late-1');
  expect(raised.value).toEqual([]);
});

test('a layer that neither snapshot has is dropped, and said so', async () => {
  await open({}, { a: 'alexnet-1', b: 'alexnet-2', layer: 'conv99' });
  expect(layer.value).toBeNull();
  expect(raised.value[0]?.text).toContain('has a layer named conv99');
});

test('overwritten bytes are asked for once more, with their new generation', async () => {
  await open({ listing: listingWith([snapshotOf(1), snapshotOf(2), snapshotOf(3)]) });
  const overwritten = snapshotOf(2, 'alexnet', { generation: 'new' });
  server.listing = {
    ...listingWith([snapshotOf(1), overwritten, snapshotOf(3)]),
    version: 8,
  };
  b.value = 'alexnet-2';
  await vi.advanceTimersByTimeAsync(10);
  expect(asked('comparison').map((request) => request.split('gb=')[1])).toEqual([
    'g3',
    'g2',
    'new',
  ]);
  expect(comparison.value.status).toBe('ready');
  expect(distribution.value.status).toBe('ready');
});

test('bytes that stay changed are a failure, not a loop', async () => {
  const message = 'epoch-040.keras changed while it was read.';
  await open({ failing: { route: 'comparison', status: 409, message } });
  expect(comparison.value).toMatchObject({ status: 'failed', failure: { message } });
  expect(asked('comparison')).toHaveLength(1);
});

test('a failure is shown, and asked for again on demand only', async () => {
  await open({ failing: { route: 'comparison', status: 422, message: 'Cut short.' } });
  expect(comparison.value).toMatchObject({ status: 'failed', failure: { message: 'Cut short.' } });
  const before = asked('comparison').length;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked('comparison')).toHaveLength(before);
  server.failing = undefined;
  retryFailed();
  await vi.advanceTimersByTimeAsync(10);
  expect(comparison.value.status).toBe('ready');
  expect(asked('distribution')).toHaveLength(1);
});

test('the listing is fetched again only when its version changes', async () => {
  await open();
  await vi.advanceTimersByTimeAsync(9100);
  expect(asked('changes')).toHaveLength(3);
  expect(asked('snapshots')).toHaveLength(1);
  server.listing = { ...server.listing, version: 8 };
  await vi.advanceTimersByTimeAsync(3000);
  expect(asked('snapshots')).toHaveLength(2);
});

test('a hidden page asks for nothing', async () => {
  await open();
  visible.value = false;
  const before = server.requests.length;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(server.requests.length).toBe(before);
  visible.value = true;
  await vi.advanceTimersByTimeAsync(3100);
  expect(server.requests.length).toBeGreaterThan(before);
});

test('a server that comes back is noticed by itself', async () => {
  await open();
  server.failing = { route: 'changes', status: 500, message: 'down' };
  await vi.advanceTimersByTimeAsync(3100);
  expect(listing.value).toMatchObject({ status: 'failed', stale: { version: 7 } });
  server.failing = undefined;
  await vi.advanceTimersByTimeAsync(3100);
  expect(listing.value.status).toBe('ready');
});

test("TensorBoard's reload button scans, and reads the listing and the curves again", async () => {
  await open();
  await loader.reload();
  await vi.advanceTimersByTimeAsync(10);
  expect(asked('scan')).toHaveLength(1);
  expect(asked('snapshots')).toHaveLength(2);
  expect(asked('curves')).toHaveLength(2);
});

test('the second snapshot of a training run starts the comparison', async () => {
  await open({ listing: listingWith([snapshotOf(1)]) });
  expect([a.value, b.value, comparison.value.status]).toEqual([null, null, 'idle']);
  server.listing = { ...listingWith([snapshotOf(1), snapshotOf(2)]), version: 8 };
  await vi.advanceTimersByTimeAsync(3100);
  expect([a.value, b.value, comparison.value.status]).toEqual(['alexnet-1', 'alexnet-2', 'ready']);
  expect(announcement.value).toContain('Compared epoch 1');
});

test('a first scan is looked at often', async () => {
  await open({ listing: emptyListing({ scanning: true }) });
  await vi.advanceTimersByTimeAsync(1600);
  expect(asked('changes').length).toBeGreaterThanOrEqual(3);
});

test('another layer drops filters and asks for its own', async () => {
  await open({}, { a: 'alexnet-1', b: 'alexnet-2', layer: 'conv5', filters: '1' });
  selectLayer('conv2');
  expect(filterMeasures.value).toMatchObject({ status: 'loading', stale: null });
  await vi.advanceTimersByTimeAsync(10);
  expect(filterMeasures.value).toMatchObject({ status: 'ready', value: { layer: 'conv2' } });
  expect(filters.value).toEqual([]);
});

test('a failed comparison leaves no number of the previous pair behind', async () => {
  await open({}, { a: 'alexnet-1', b: 'alexnet-2', layer: 'conv5' });
  expect(filterMeasures.value.status).toBe('ready');
  server.failing = { route: 'comparison', status: 422, message: 'Cut short.' };
  b.value = 'alexnet-3';
  await vi.advanceTimersByTimeAsync(10);
  expect(comparison.value).toMatchObject({ status: 'failed', stale: null });
});

test.each([
  ['filters', filterMeasures],
  ['architecture', architecture],
] as const)('failed %s are those of the pair on show', async (route, resource) => {
  await open({}, { a: 'alexnet-1', b: 'alexnet-2', layer: 'conv5' });
  expect(resource.value.status).toBe('ready');
  server.failing = { route, status: 422, message: 'Cut short.' };
  b.value = 'alexnet-3';
  await vi.advanceTimersByTimeAsync(10);
  expect(resource.value).toMatchObject({ status: 'failed', stale: null });
});

test('what failed while TensorBoard was away is asked for again when it is back', async () => {
  await open({}, { a: 'alexnet-1', b: 'alexnet-2' });
  server.failing = { route: 'changes', status: 500, message: 'down' };
  await vi.advanceTimersByTimeAsync(3100);
  expect(listing.value.status).toBe('failed');
  server.failing = { route: 'comparison', status: 500, message: 'down' };
  b.value = 'alexnet-3';
  await vi.advanceTimersByTimeAsync(10);
  expect(comparison.value.status).toBe('failed');
  server.failing = undefined;
  await vi.advanceTimersByTimeAsync(3100);
  expect(listing.value.status).toBe('ready');
  expect(comparison.value.status).toBe('ready');
});
