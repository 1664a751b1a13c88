import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Api } from '../../src/client/Api';
import { Client } from '../../src/client/Client';
import { nameable } from '../../src/client/ProbeApi';
import { carriedShares, shadeKey } from '../../src/state/carried';
import { Loader } from '../../src/state/loader';
import {
  classNames,
  currentImage,
  currentSet,
  labelsNote,
  outcomeOf,
  outcomes,
  references,
  showImage,
  shownImages,
} from '../../src/state/probe-images';
import * as probing from '../../src/state/probing';
import { askAttribution } from '../../src/state/probing-ask';
import {
  AS_THE_MODEL,
  image,
  imageFilter,
  imageOrder,
  NO_FILTER,
  preparing,
  tab,
} from '../../src/state/probing-choice';
import { channel, layer, selectLayer, shade } from '../../src/state/selection';
import { chooseSnapshot } from '../../src/state/settle';
import { FakeAddress } from '../harness/FakeAddress';
import { FakeServer, type FakeServerOptions } from '../harness/fake-server';
import { resetPage } from '../harness/page-state';

let server: FakeServer;
let address: FakeAddress;
let loader: Loader;

beforeEach(() => {
  vi.useFakeTimers();
  resetPage();
});

afterEach(() => {
  loader.stop();
  vi.useRealTimers();
});

async function open(options: FakeServerOptions = { probing: {} }, keys = {}): Promise<void> {
  server = new FakeServer(options);
  address = new FakeAddress(keys);
  loader = new Loader(new Api(new Client({ fetch: server.fetch })), address);
  loader.start();
  await settled();
}

const settled = () => vi.advanceTimersByTimeAsync(20);
const asked = (route: string) => server.requests.filter((request) => request.startsWith(route));

test('the first image is chosen and asked about in both snapshots', async () => {
  await open();
  expect(currentImage.value?.id).toBe('m-0-0');
  expect(probing.predictions.value).toMatchObject({ status: 'ready', value: { image: 'm-0-0' } });
  expect(address.keys).toMatchObject({ set: 'main', image: 'm-0-0' });
});

test('without images no network is built', async () => {
  await open({ probing: { images: 0 } });
  expect(probing.imageSets.value.status).toBe('ready');
  expect(asked('probe_model')).toEqual([]);
  expect(asked('predictions')).toEqual([]);
});

test('a model that cannot be run is asked for nothing more', async () => {
  await open({ probing: { model: { state: 'unavailable', reason: 'no' } } }, { layer: 'conv5' });
  expect(probing.probeModel.value).toMatchObject({ value: { state: 'unavailable' } });
  expect(asked('predictions')).toEqual([]);
  expect(asked('channels')).toEqual([]);
});

test('the strip of channels is that of the selected layer and the chosen image', async () => {
  await open({ probing: {} }, { layer: 'conv5' });
  expect(probing.channelStrip.value).toMatchObject({ value: { layer: 'conv5', image: 'm-0-0' } });
  image.value = 'm-3-3';
  await settled();
  expect(probing.channelStrip.value).toMatchObject({ value: { image: 'm-3-3' } });
  selectLayer('conv2');
  await settled();
  expect(probing.channelStrip.value).toMatchObject({ value: { layer: 'conv2' } });
});

test('patches and maps are asked for while they are on screen', async () => {
  await open({ probing: {} }, { layer: 'conv5', channel: 'o3' });
  expect(asked('patches')).toEqual([]);
  tab.value = 'patches';
  await settled();
  expect(probing.patches.value).toMatchObject({ value: { layer: 'conv5', channel: 3 } });
  expect(probing.channelMap.value).toMatchObject({
    value: { image: 'm-0-0', layer: 'conv5', channels: [3], a: { width: 6, height: 6 } },
  });
});

test('a channel beyond those of the layer is dropped, and another layer drops it', async () => {
  await open({ probing: {} }, { layer: 'conv5', channel: 'o9999' });
  expect(channel.value).toBeNull();
  channel.value = { side: 'output', index: 1 };
  selectLayer('conv1');
  expect(channel.value).toBeNull();
});

test('all images are run once somebody filters by what becomes of them', async () => {
  await open();
  expect(asked('flow')).toEqual([]);
  imageFilter.value = { ...NO_FILTER, outcome: 'rw' };
  await settled();
  expect(asked('flow')).toHaveLength(1);
  expect(shownImages.value.length).toBeGreaterThan(0);
  for (const { id } of shownImages.value) {
    expect(outcomeOf(outcomes.value.get(id) ?? never())).toBe('rw');
  }
  expect(shownImages.value.map(({ id }) => id)).toContain(image.value);
});

test('images are ordered by the change of the true class’s probability', async () => {
  await open();
  imageOrder.value = 'loss';
  await settled();
  const changes = shownImages.value.map(({ id }) => {
    const { truth_a, truth_b } = outcomes.value.get(id) ?? never();
    return (truth_b ?? 0) - (truth_a ?? 0);
  });
  expect(changes).toEqual([...changes].sort((x, y) => x - y));
  expect(changes[0]).toBeLessThan(0);
});

test('how images are prepared goes with every request', async () => {
  await open({ probing: {} }, { input: 'resize.pad,mean.1_2_3' });
  expect(asked('predictions')[0]).toContain('resize=pad');
  expect(asked('predictions')[0]).toContain('mean=1%2C2%2C3');
});

test('layers are swapped only when asked, and no longer for another pair', async () => {
  await open({ probing: {} }, { layer: 'conv5' });
  expect(asked('attribution')).toEqual([]);
  askAttribution(null, null);
  await settled();
  expect(carriedShares.value?.get('fc8')).toBe(0.41);
  shade.value = 'carried';
  expect(shadeKey.value).toBe('carried');
  askAttribution(null, 'conv5');
  await settled();
  expect(probing.filterAttribution.value).toMatchObject({ value: { layer: 'conv5' } });
  chooseSnapshot('a', 'alexnet-5');
  await settled();
  expect(probing.attribution.value.status).toBe('idle');
  expect(shadeKey.value).toBe('l2');
});

test('cancelling ends the work of the server', async () => {
  const job = { id: 'j9', label: 'Swapping', state: 'running', done: 1, total: 8 } as const;
  await open({ probing: {}, pending: { routes: ['attribution'], job } });
  askAttribution(['m-1-1', 'm-2-2'], null);
  await settled();
  expect(asked('attribution')[0]).toContain('images=m-1-1%2Cm-2-2');
  expect(probing.attribution.value).toMatchObject({ status: 'loading', job });
  probing.attributionAsk.value = null;
  await settled();
  expect(asked('cancel')).toHaveLength(1);
  expect(probing.attribution.value.status).toBe('idle');
});

test('an uploaded picture is chosen', async () => {
  await open();
  probing.upload.value?.([new File([new Uint8Array(8)], 'rose.png', { type: 'image/png' })]);
  await settled();
  expect(currentImage.value?.name).toBe('rose.png');
  expect(probing.uploading.value).toEqual({ left: 0, problems: [] });
});

test('classes of pictures without labels are named after a set that has as many', async () => {
  await open();
  probing.upload.value?.([new File([new Uint8Array(8)], 'rose.png', { type: 'image/png' })]);
  await settled();
  expect(currentImage.value?.label).toBeNull();
  expect(classNames.value[4]).toBe('crocus');
  expect(references.value.get(4)).toBe('m-4-4');
  showImage('m-4-4');
  expect(currentImage.value?.label).toBe(4);
});

test('classes are not named after a set whose labels are not those of the networks', async () => {
  await open({ probing: { note: 'The classes of the set are others.', second: true } });
  expect(labelsNote.value).toBe('The classes of the set are others.');
  expect(classNames.value).toEqual(currentSet.value?.classes);
  expect(references.value.get(4)).toBe('r-4-4');
});

test('where no other set tells what the classes are they have no names', async () => {
  await open({ probing: { note: 'The classes of the set are others.' } });
  expect(classNames.value).toEqual([]);
  expect(references.value.size).toBe(0);
});

test('a file that is no picture is refused by name', async () => {
  await open();
  probing.upload.value?.([new File(['text'], 'notes.txt', { type: 'text/plain' })]);
  await settled();
  expect(probing.uploading.value.problems).toEqual(['notes.txt is neither PNG nor JPEG.']);
  expect(asked('upload')).toEqual([]);
});

test('an image named by an address is found in whichever set holds it', async () => {
  await open({ probing: { second: true } }, { image: 'r-2-2' });
  expect(currentImage.value?.id).toBe('r-2-2');
});

test('a filter in an address without a set is kept', async () => {
  await open({ probing: {} }, { class: '4' });
  expect(imageFilter.value.label).toBe(4);
  expect(image.value).toBe('m-4-4');
});

test('no request names more images than an address holds', () => {
  const ids = Array.from({ length: 5000 }, (_, index) => `image-${index}`);
  const named = nameable(ids);
  expect(named.join(',').length).toBeLessThanOrEqual(24_000);
  expect(nameable(['a', 'b'])).toEqual(['a', 'b']);
});

test('of too many images those that are named are spread evenly over all', () => {
  const ids = Array.from({ length: 5000 }, (_, index) => `image-${index}`);
  const places = nameable(ids).map((id) => ids.indexOf(id));
  expect(places).toHaveLength(256);
  expect([places[0], places.at(-1)]).toEqual([0, 4999]);
  const steps = places.slice(1).map((place, at) => place - (places[at] ?? 0));
  expect([Math.min(...steps), Math.max(...steps)]).toEqual([19, 20]);
  const long = nameable(ids.map((id) => id.padEnd(200, '0')));
  expect(long.length).toBe(119);
  expect(long.at(-1)).toContain('image-4999');
});

test('channels of one image, or of input prepared in one way, are never shown for another', async () => {
  await open({ probing: {} }, { layer: 'conv5' });
  const job = { id: 'j', label: 'Running', state: 'running', done: 0, total: 1 } as const;
  server.pending = { routes: ['channels'], job };
  image.value = 'm-3-3';
  await settled();
  expect(probing.channelStrip.value).toMatchObject({ status: 'loading', stale: null });
  server.pending = undefined;
  await vi.advanceTimersByTimeAsync(5000);
  expect(probing.channelStrip.value).toMatchObject({ status: 'ready' });
  server.pending = { routes: ['channels'], job };
  preparing.value = { ...AS_THE_MODEL, resize: 'pad' };
  await settled();
  expect(probing.channelStrip.value).toMatchObject({ status: 'loading', stale: null });
});

test('a layer that the model does not run has no strip', async () => {
  await open({ probing: {} }, { layer: 'conv5' });
  layer.value = 'nowhere';
  await settled();
  expect(probing.channelStrip.value.status).toBe('idle');
});

function never(): never {
  throw new Error('the image was not run');
}
