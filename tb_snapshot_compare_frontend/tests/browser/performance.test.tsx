import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import * as probing from '../../src/state/probing';
import { image, imageFilter, preparing, tab } from '../../src/state/probing-choice';
import { channel, layer, shade } from '../../src/state/selection';
import { exportsOf } from '../../src/views/performance/exports';
import { PerformanceView } from '../../src/views/performance/PerformanceView';
import { fakePicture } from '../harness/fake-probing';
import type { FakeServerOptions } from '../harness/fake-server';
import { found, openPage, type Page } from './page';

let page: Page;

beforeEach(async () => {
  await browserPage.viewport(1280, 800);
  probing.pictureAddress.value = fakePicture;
});

afterEach(() => page.close());

function open(options: FakeServerOptions = { probing: {} }, keys = {}): void {
  page = openPage(options, { max: 'performance', ...keys }, { PerformanceView });
}

const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)];

async function shows(text: string): Promise<void> {
  await vi.waitFor(() => expect(page.root.textContent).toContain(text));
}

async function choose(label: string, value: string): Promise<void> {
  const field = all('.perf .select').find((entry) => entry.textContent?.startsWith(label));
  const select = field?.querySelector('select');
  if (!select) throw new Error(`no select ${label}`);
  await userEvent.selectOptions(select, value);
}

test('the strip names classes, marks the chosen image, and goes on by arrows', async () => {
  open();
  const strip = await found('.perf-strip');
  await vi.waitFor(() => expect(all('.perf-thumb')[4]?.textContent).toBe('crocus'));
  const first = await found<HTMLElement>('[aria-selected="true"]');
  expect([first.textContent, first.title]).toEqual([
    'daffodil',
    expect.stringContaining('class 0 · daffodil'),
  ]);
  strip.focus();
  await userEvent.keyboard('{ArrowRight}{ArrowRight}');
  await vi.waitFor(() => expect(image.value).toBe('m-2-2'));
  await userEvent.keyboard('{End}');
  await vi.waitFor(() => expect(image.value).toBe('m-135-16'));
  await vi.waitFor(() => expect(strip.scrollLeft).toBeGreaterThan(5000));
  const border = getComputedStyle(await found('[aria-selected="true"] .perf-thumb-picture'));
  expect(border.borderColor).toBe('rgb(244, 81, 30)');
});

test('fifty thousand images are drawn only where they are in sight', async () => {
  open({ probing: { images: 50_000, classes: 1000 } });
  await found('.perf-thumb');
  expect(all('.perf-thumb').length).toBeLessThan(40);
  await shows('50,000 images');
  (await found('.perf-strip')).scrollLeft = 88 * 25_000;
  await vi.waitFor(() => expect(all('.perf-thumb')[0]?.title).toContain('image_249'));
});

test('probabilities of a go left in blue, of b right in red, and the true class is marked', async () => {
  open();
  await found('.perf-class');
  expect(all('.perf-class')).toHaveLength(17);
  expect(document.querySelector('.perf-class[data-truth]')?.textContent).toContain(
    '✓ 0 · daffodil',
  );
  const [a, b] = [
    await found<SVGRectElement>('rect.perf-bar-a'),
    await found<SVGRectElement>('rect.perf-bar-b'),
  ];
  expect(getComputedStyle(a).fill).toBe('rgb(21, 96, 189)');
  expect(getComputedStyle(b).fill).toBe('rgb(197, 34, 31)');
  expect(a.getBoundingClientRect().right).toBeLessThan(b.getBoundingClientRect().left);
  const chart = await found('.perf-butterfly');
  chart.focus();
  await userEvent.keyboard('{ArrowDown}');
  await vi.waitFor(() =>
    expect(chart.ariaValueText).toContain('class 0 · daffodil, the true class: a 0.'),
  );
  await shows('b − a');
});

test('each predicted class comes with a picture of it, which can be chosen', async () => {
  open({ probing: {} }, { image: 'm-20-3' });
  const reference = await found<HTMLButtonElement>('.perf-verdict[data-side="b"] button');
  await userEvent.click(reference);
  await vi.waitFor(() => expect(image.value).not.toBe('m-20-3'));
});

test('of a thousand classes the likeliest are shown, and all on demand', async () => {
  open({ probing: { images: 20, classes: 1000 } });
  await found('.perf-class');
  expect(all('.perf-class').length).toBeLessThanOrEqual(13);
  await userEvent.click(browserPage.getByText('Show all 1,000 classes'));
  await vi.waitFor(() => expect(all('.perf-class')).toHaveLength(1000));
});

test('a click on a flow takes its images, and clears away again', async () => {
  open({ probing: {} }, { probe: 'flow' });
  await shows('accuracy of a');
  await shows('accuracies rest on 136 images');
  const part = await found<SVGGElement>('.perf-flow-part[data-part="rw"]');
  const count = Number(part.textContent);
  part.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  await vi.waitFor(() => expect(imageFilter.value.outcome).toBe('rw'));
  await vi.waitFor(() => expect(all('.perf-thumb')).toHaveLength(count));
  await vi.waitFor(() => expect(page.address.keys).toMatchObject({ outcome: 'rw' }));
  await userEvent.click(browserPage.getByText('Clear'));
  await shows('136 images');
});

test('a flow is walked through and taken by keyboard', async () => {
  open({ probing: {} }, { probe: 'flow' });
  (await found<SVGGElement>('.perf-flow-part[tabindex="0"]')).focus();
  await userEvent.keyboard('{ArrowDown}{ArrowRight}{Enter}');
  await vi.waitFor(() => expect(imageFilter.value.label).toBe(1));
  expect(imageFilter.value.outcome).not.toBeNull();
});

test('a cell of the change matrix takes the images that go from one class to the other', async () => {
  open({ probing: {} }, { probe: 'flow' });
  const grid = await found('.perf-matrix-grid');
  grid.focus();
  await userEvent.keyboard('{ArrowRight}');
  await vi.waitFor(() => expect(grid.ariaValueText).toContain('class 1 · snowdrop in b'));
  await userEvent.keyboard('{Enter}');
  await vi.waitFor(() => expect(imageFilter.value).toMatchObject({ predictedA: 0, predictedB: 1 }));
  await shows('a: daffodil');
});

test('while all images run, progress is shown', async () => {
  const job = {
    id: 'j',
    label: 'Running all images',
    state: 'running',
    done: 34,
    total: 136,
  } as const;
  open({ probing: {}, pending: { routes: ['flow'], job } }, { probe: 'flow' });
  const bar = await found('.perf-progress [role="progressbar"]');
  await vi.waitFor(() => expect(bar.getAttribute('aria-valuenow')).toBe('25'));
});

test('a patch that is pointed at is drawn on the image', async () => {
  open({ probing: {} }, { probe: 'patches', layer: 'conv5', channel: 'o12' });
  await vi.waitFor(() => expect(all('.perf-patch')).toHaveLength(10));
  const patch = all('.perf-column[data-side="b"] .perf-patch')[1];
  patch?.focus();
  const box = await found<SVGRectElement>('.perf-picture .perf-box');
  const [left] = patch?.title.match(/\d+(?=, \d+$)/) ?? [];
  expect(box.getAttribute('x')).toBe(left);
  patch?.blur();
  await vi.waitFor(() => expect(document.querySelector('.perf-box')).toBeNull());
});

test('patches show what is in the picture there', async () => {
  open({ probing: {} }, { probe: 'patches', layer: 'conv5', channel: 'o12' });
  await vi.waitFor(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('.perf-patch canvas');
    const data = canvas?.getContext('2d')?.getImageData(72, 72, 1, 1).data;
    expect(data?.[3]).toBe(255);
  });
});

test('the map of the channel is laid over the image, with a legend', async () => {
  open({ probing: {} }, { probe: 'patches', layer: 'conv5', channel: 'o12' });
  await found('.perf-overlay');
  const difference = all('.perf-overlay button').find((button) => button.textContent === 'b − a');
  await userEvent.click(difference as HTMLElement);
  const map = await found<HTMLCanvasElement>('.perf-picture canvas');
  expect([map.width, map.height]).toEqual([6, 6]);
  expect(map.style.opacity).toBe('0.65');
  await found('.perf-overlay .color-legend');
});

test('patches without a channel say how to choose one, and offer those that differ', async () => {
  open({ probing: {} }, { probe: 'patches', layer: 'conv5' });
  await shows('Choose a channel');
  await vi.waitFor(() => expect(all('.perf-channel option').length).toBeGreaterThan(100));
  await choose('Channel', '12');
  await vi.waitFor(() => expect(channel.value).toEqual({ side: 'output', index: 12 }));
});

test('activations come with the channels that differ most first; a click selects one', async () => {
  open({ probing: {} }, { probe: 'activations', layer: 'conv5' });
  await vi.waitFor(() => expect(all('.perf-map-card canvas')).toHaveLength(72));
  const differences = all('.perf-map-head .muted').map((entry) => Number(entry.textContent));
  expect(differences).toEqual([...differences].sort((x, y) => y - x));
  const first = await found('.perf-map-card');
  await userEvent.click(first);
  const index = Number(first.querySelector('b')?.textContent);
  expect(channel.value).toEqual({ side: 'output', index });
  await userEvent.click(await found('[aria-label="Next channels"]'));
  await shows('25–48 of 128');
});

test('layers are ranked once asked, against the whole, and a bar selects its layer', async () => {
  open({ probing: {} }, { probe: 'layers', layer: 'conv5' });
  await shows('Which layer did it?');
  await userEvent.click(browserPage.getByText('Run on all 136 images'));
  await shows('The layers’ shares add up to 156\u00a0%');
  expect(all('.perf-part').map((part) => part.querySelector('text')?.textContent)[0]).toBe('fc8');
  const bar = all('.perf-part').find((part) => part.textContent?.startsWith('conv2'));
  bar?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  await vi.waitFor(() => expect(layer.value).toBe('conv2'));
  await userEvent.click(browserPage.getByText('Split conv2 by groups of filters'));
  await shows('8 groups add up to');
  await userEvent.click(browserPage.getByText('Shade the network'));
  expect(shade.value).toBe('carried');
  expect((await found<HTMLSelectElement>('.shell-header-metric select')).value).toBe('carried');
});

test('swapping layers can be cancelled', async () => {
  const job = { id: 'j', label: 'Swapping', state: 'running', done: 1, total: 8 } as const;
  open({ probing: {}, pending: { routes: ['attribution'], job } }, { probe: 'layers' });
  await userEvent.click(browserPage.getByText('Run on all 136 images'));
  await userEvent.click(browserPage.getByText('Cancel'));
  await shows('Which layer did it?');
});

test('without images the ways to give some are listed', async () => {
  open({ probing: { images: 0 } });
  await shows('No probe images yet');
  await shows('--snapshot_compare_images DIR');
  await shows('drop PNG or JPEG files here');
});

test('a model that cannot be run says why and what to do', async () => {
  const reason = 'The layer attention is not one that Keras ships.';
  const remedy = 'Start TensorBoard with --snapshot_compare_model MODULE:FUNCTION.';
  open({ probing: { model: { state: 'unavailable', reason, remedy } } });
  await shows('These snapshots cannot be run');
  await shows(reason);
  await shows(remedy);
  await vi.waitFor(() => expect(all('.perf-thumb')[4]?.textContent).toBe('crocus'));
});

test('a failed run gives the server’s words and can be repeated', async () => {
  open({
    probing: {},
    failing: { route: 'predictions', status: 503, message: 'The helper process is restarting.' },
  });
  await vi.waitFor(
    () => expect(page.root.textContent).toContain('The helper process is restarting.'),
    15_000,
  );
  page.server.failing = undefined;
  await userEvent.click(await found('.perf .empty-state-actions button'));
  await found('.perf-class');
}, 30_000);

test('how images are prepared is stated, and can be changed', async () => {
  open();
  await found('.perf-class');
  await userEvent.click(browserPage.getByText('Input', { exact: true }));
  await shows('The model rescales its input itself (rescale); images are stretched to 113 × 113.');
  await userEvent.selectOptions(await found<HTMLElement>('.perf-preparing select'), 'crop');
  await vi.waitFor(() => expect(preparing.value.resize).toBe('crop'));
  await vi.waitFor(() => expect(page.server.requests.at(-1)).toContain('resize=crop'));
  const mean = await found<HTMLInputElement>('.perf-numbers input');
  await userEvent.fill(mean, '1, 2');
  mean.blur();
  await shows('3 numbers, separated by commas');
  await userEvent.fill(mean, '1, 2, 3');
  mean.blur();
  await vi.waitFor(() => expect(preparing.value.mean).toEqual([1, 2, 3]));
});

test('dropped pictures are uploaded', async () => {
  open();
  const zone = await found('.perf');
  await found('.perf-thumb');
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(4)], 'rose.png', { type: 'image/png' }));
  zone.dispatchEvent(
    new DragEvent('dragover', { bubbles: true, dataTransfer: data, cancelable: true }),
  );
  await found('.perf-drop');
  zone.dispatchEvent(
    new DragEvent('drop', { bubbles: true, dataTransfer: data, cancelable: true }),
  );
  await shows('rose.png');
  expect(document.querySelector('.perf-drop')).toBeNull();
});

test('a large picture is made small enough before it is sent', async () => {
  open();
  await found('.perf-thumb');
  const { asUpload, UPLOAD_MAX_BYTES } = await import('../../src/client/upload');
  const canvas = new OffscreenCanvas(1600, 1400);
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
  const noise = context.createImageData(1600, 1400);
  for (let at = 0; at < noise.data.length; at += 65_536) {
    crypto.getRandomValues(noise.data.subarray(at, at + 65_536));
  }
  context.putImageData(noise, 0, 0);
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  expect(blob.size).toBeGreaterThan(UPLOAD_MAX_BYTES);
  const body = await asUpload('r', new File([blob], 'noise.png', { type: 'image/png' }));
  expect(body.data.length).toBeLessThan((UPLOAD_MAX_BYTES * 4) / 3);
  expect(atob(body.data.slice(0, 8)).slice(0, 2)).toBe('\xff\xd8');
});

test.each(['predictions', 'flow'] as const)('%s are saved as a table and a drawing', async (of) => {
  open({ probing: {} }, { probe: of });
  const drawing = await found<SVGSVGElement>(
    of === 'flow' ? '.perf-flow-chart svg' : '.perf-butterfly svg',
  );
  const exports = exportsOf({ current: drawing });
  expect(exports?.csv?.().split('\r\n')[0]).toContain(
    of === 'flow' ? 'predicted_a' : 'probability_a',
  );
  const svg = exports?.svg?.() ?? '';
  expect(svg).toContain('<svg xmlns');
  expect(svg).not.toMatch(/var\(--/);
});

test('the sub-view survives in the address', async () => {
  open();
  await userEvent.click(await found('.segments button:nth-child(3)'));
  await vi.waitFor(() => expect(page.address.keys.probe).toBe('activations'));
  page.address.edit({ ...page.address.keys, probe: 'layers' });
  await vi.waitFor(() => expect(tab.value).toBe('layers'));
});

const RUNNING = { id: 'j', label: 'Running', state: 'running', done: 0, total: 1 } as const;
const NOTE = 'The set has 17 classes, the networks tell 10 apart: its labels are not used.';

test('maps of one image are never shown with the numbers of another', async () => {
  open({ probing: {} }, { probe: 'activations', layer: 'conv5' });
  await vi.waitFor(() => expect(all('.perf-map-card canvas')).toHaveLength(72));
  page.server.pending = { routes: ['channels'], job: RUNNING };
  image.value = 'm-3-3';
  await shows('Running conv5…');
  expect(all('.perf-map-card')).toEqual([]);
  expect((await found('[data-panel="performance"]')).ariaBusy).toBe('true');
  page.server.pending = { routes: ['activation_maps'], job: RUNNING };
  await vi.waitFor(() => expect(all('.perf-map-card')).toHaveLength(24), 10_000);
  expect(all('.perf-map-card canvas')).toEqual([]);
  await vi.waitFor(() => expect(document.querySelector('.perf-grid')?.ariaBusy).toBe('true'));
  page.server.pending = undefined;
  await vi.waitFor(() => expect(all('.perf-map-card canvas')).toHaveLength(72), 10_000);
}, 30_000);

test('maps of a and b that differ in size are drawn without a difference', async () => {
  open({ probing: { larger: 2 } }, { probe: 'activations', layer: 'conv5' });
  await vi.waitFor(() => expect(all('.perf-map-card canvas')).toHaveLength(48));
  const [a, b] = all('.perf-map-card canvas') as HTMLCanvasElement[];
  expect([a?.width, b?.width]).toEqual([6, 8]);
  await shows('The maps of a and b differ in size');
});

test.each(['predictions', 'flow'] as const)(
  '%s of another input are dimmed',
  async (of) => {
    open({ probing: {} }, { probe: of });
    const part = of === 'flow' ? '.perf-flow' : '.perf-predictions';
    await found(part);
    page.server.pending = { routes: [of], job: RUNNING };
    preparing.value = { ...preparing.value, resize: 'pad' };
    await found(`${part}[data-stale]`);
    page.server.pending = undefined;
    await vi.waitFor(
      () => expect(document.querySelector(`${part}[data-stale]`)).toBeNull(),
      10_000,
    );
  },
  20_000,
);

test.each(['predictions', 'flow'] as const)('%s say why labels are not used', async (of) => {
  open({ probing: { note: NOTE } }, { probe: of });
  await shows(NOTE);
  expect(document.querySelector('.perf-mark')).toBeNull();
  expect(page.root.textContent).not.toContain('accuracy of a');
});

test('equal weights are an answer, not a failure', async () => {
  const message = 'The weights of the two snapshots do not differ: there is nothing to exchange.';
  const failing = { route: 'attribution', status: 400, code: 'invalid_request', message };
  open({ probing: {}, failing }, { probe: 'layers' });
  await userEvent.click(browserPage.getByText('Run on all 136 images'));
  await shows('do not differ');
  expect(document.querySelector('.perf [role="alert"]')).toBeNull();
  expect(page.root.textContent).not.toContain('Try again');
});

test('after layers could not be swapped other images can be chosen', async () => {
  const failing = { route: 'attribution', status: 400, message: 'The picture is no picture.' };
  open({ probing: {}, failing }, { probe: 'layers' });
  await userEvent.click(browserPage.getByText('Run on all 136 images'));
  await shows('The picture is no picture.');
  await userEvent.click(browserPage.getByText('Choose other images'));
  await shows('Which layer did it?');
});

test('the card of a group of filters leaves the names of the others in sight', async () => {
  await browserPage.viewport(1280, 800);
  open({ probing: {} }, { probe: 'layers', layer: 'conv5', max: '' });
  await userEvent.click(browserPage.getByText('Run on all 136 images'));
  await userEvent.click(browserPage.getByText('Split conv5 by groups of filters'));
  await shows('16 filters: 0–15');
  const rows = all('.perf-filters .perf-part');
  rows[3]?.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
  rows[3]?.dispatchEvent(new PointerEvent('pointerenter'));
  const card = await found('.tooltip');
  const names = rows.map((row) => row.querySelector('text')?.getBoundingClientRect().right ?? 0);
  expect(card.getBoundingClientRect().left).toBeGreaterThanOrEqual(Math.max(...names));
});
