import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import type { Snapshot } from '../../src/client/types';
import { a, b, layer, metric } from '../../src/state/selection';
import { trend } from '../../src/state/trend';
import { listingOf, listingWith, runOf, trendOf } from '../harness/fixtures';
import { found, openPage, type Page } from './page';

let page: Page;
const { snapshots } = runOf(12);
const whole = trendOf(snapshots);

beforeEach(async () => {
  await browserPage.viewport(1280, 900);
});

afterEach(() => page.close());

function open(changes: Parameters<typeof openPage>[0] = {}): void {
  page = openPage({ listing: listingWith(snapshots), trend: whole, curvesEpochs: 12, ...changes });
}

const rows = () => found('.trend-rows');
const labels = () =>
  [...document.querySelectorAll('.trend-label')].map(({ textContent }) => textContent);
const canvas = () => found<HTMLCanvasElement>('.trend-rows canvas');

async function pixel(x: number, y: number): Promise<readonly number[]> {
  const drawn = await canvas();
  const scale = window.devicePixelRatio;
  const data = drawn.getContext('2d')?.getImageData(x * scale, y * scale, 1, 1).data;
  return [...(data ?? [])].slice(0, 3);
}

const brightness = (color: readonly number[]) => color.reduce((sum, part) => sum + part, 0);

test('layers have rows below the curves, darker where they changed more', async () => {
  open();
  await vi.waitFor(() =>
    expect(labels()).toEqual(['conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'fc8']),
  );
  const width = (await canvas()).clientWidth;
  await vi.waitFor(async () => expect(brightness(await pixel(140, 6))).toBeGreaterThan(0));
  expect(brightness(await pixel(140, 6))).toBeLessThan(brightness(await pixel(width - 40, 6)));
  expect(brightness(await pixel(width - 40, 66))).toBeLessThan(
    brightness(await pixel(width - 40, 6)),
  );
  expect(document.querySelector('.trend-head')?.textContent).toContain('‖b − a‖₂ (log scale)');
  metric.value = 'cosine';
  await vi.waitFor(() =>
    expect(document.querySelector('.trend-head')?.textContent).toContain('‖b − a‖ ∕ ‖a‖'),
  );
});

test('all layers are shown on demand, and none', async () => {
  open();
  await rows();
  await browserPage.getByRole('button', { name: 'All' }).click();
  await vi.waitFor(() => expect(labels()).toHaveLength(8));
  await browserPage.getByRole('button', { name: 'Hide' }).click();
  await vi.waitFor(() => expect(labels()).toHaveLength(0));
});

test('arrows move over layers and snapshots, and Enter shows the pair and the layer', async () => {
  open();
  const grid = await rows();
  grid.focus();
  expect(grid.getAttribute('aria-valuetext')).toContain('conv3, epoch 11 · step 374 to epoch 12');
  await userEvent.keyboard('{ArrowLeft}{ArrowDown}');
  expect(grid.getAttribute('aria-valuetext')).toMatch(/^conv4, epoch 10 .* to epoch 11 .*: 4 /);
  await userEvent.keyboard('{Enter}');
  expect([a.value, b.value, layer.value]).toEqual(['alexnet-10', 'alexnet-11', 'conv4']);
  await vi.waitFor(() => expect(document.querySelector('.trend-chosen')).not.toBeNull());
});

test('a click shows the pair, and hovering tells its values', async () => {
  open();
  const grid = await rows();
  const frame = grid.getBoundingClientRect();
  const at = { bubbles: true, clientX: frame.right - 40, clientY: frame.top + 5 };
  grid.dispatchEvent(new PointerEvent('pointermove', at));
  const card = await found('.tooltip .timeline-card');
  expect(card.textContent).toContain('conv3');
  expect(card.textContent).toContain('epoch 11 · step 374 → epoch 12 · step 408');
  expect(card.textContent).toMatch(/‖b − a‖₂3\.636.*3\.636 %|‖b − a‖₂/);
  const { top } = (await found('.tooltip')).getBoundingClientRect();
  expect(top).toBeGreaterThan(frame.bottom);
  grid.dispatchEvent(new MouseEvent('click', at));
  expect([a.value, b.value, layer.value]).toEqual(['alexnet-11', 'alexnet-12', 'conv3']);
});

test('while pairs wait there is a progress bar, and they are hatched', async () => {
  const nothing = { l2: null, relative_l2: null };
  const pairs = whole.pairs.map((pair, index) => {
    if (index < 4) return { ...pair, ...nothing, state: 'waiting' as const };
    return index === 4 ? { ...pair, ...nothing, state: 'computing' as const, fraction: 0.5 } : pair;
  });
  open({ trend: { ...whole, pairs } });
  const bar = await found('.trend-progress-track');
  expect(bar.getAttribute('aria-valuenow')).toBe('59');
  expect(bar.parentElement?.textContent).toContain('6 of 11 compared');
  expect((await found('.trend-head .color-legend-missing')).textContent).toBe('not compared yet');
  page.server.trend = { ...whole, version: 9 };
  await vi.waitFor(() => expect(document.querySelector('.trend-progress')).toBeNull(), 4000);
  expect(document.querySelector('.trend-head .color-legend-missing')).toBeNull();
  expect(trend.value?.version).toBe(9);
});

test('a pair of a deleted snapshot says so and cannot be chosen', async () => {
  const ends = whole.snapshots.map((end, index) => ({ ...end, gone: index < 3 }));
  open({
    listing: listingWith(snapshots.slice(3)),
    trend: { ...whole, snapshots: ends },
  });
  const grid = await rows();
  await vi.waitFor(() => expect(b.value).toBe('alexnet-12'));
  grid.focus();
  await userEvent.keyboard('{Home}{Enter}');
  expect(b.value).toBe('alexnet-12');
  expect((await found('.timeline-card')).textContent).toContain('were deleted');
});

test('a chosen snapshot that is being written has its ring around the dot', async () => {
  page = openPage();
  const handle = await found('[data-handle="b"]');
  const dot = Number(handle.querySelector('circle')?.getAttribute('r'));
  const [main, ...others] = listingOf().runs;
  if (!main) throw new Error('no run');
  const being = main.snapshots.map((snapshot: Snapshot) =>
    snapshot.id === 'alexnet-40' ? { ...snapshot, state: 'being_written' as const } : snapshot,
  );
  page.server.listing = listingOf({ version: 8, runs: [{ ...main, snapshots: being }, ...others] });
  const radii = () =>
    [
      ...(
        document.querySelector('.timeline-marks .mark-written')?.getAttribute('d') ?? ''
      ).matchAll(/a(\S+) /g),
    ].map(([, radius]) => Number(radius));
  await vi.waitFor(() => expect(Math.max(...radii())).toBeGreaterThan(dot + 1), 4000);
});

test('a run without a trend has no rows', async () => {
  page = openPage();
  await found('[data-handle="a"]');
  expect(document.querySelector('.trend')).toBeNull();
});

test('a chosen snapshot that is deleted leaves a ghost, one that is replaced a ring', async () => {
  page = openPage();
  await found('[data-handle="a"]');
  const count = (name: string) =>
    document.querySelector(`.timeline-marks .${name}`)?.getAttribute('d')?.match(/M/g)?.length ?? 0;
  const [main, ...others] = listingOf().runs;
  if (!main) throw new Error('no run');
  const kept = main.snapshots
    .filter(({ id }) => id !== 'alexnet-10')
    .map((snapshot: Snapshot) =>
      snapshot.id === 'alexnet-40' ? { ...snapshot, generation: 'new' } : snapshot,
    );
  page.server.listing = listingOf({ version: 8, runs: [{ ...main, snapshots: kept }, ...others] });
  await vi.waitFor(
    () => expect([count('mark-gone'), count('mark-replaced')]).toEqual([1, 1]),
    4000,
  );
  expect(document.querySelector('.state-key')?.textContent).toBe(
    'being writtenbrokenreplaceddeleted',
  );
  expect((await found('[data-handle="a"]')).getAttribute('aria-valuetext')).toContain('epoch 10');
  const texts = [...document.querySelectorAll('.notice')].map(({ textContent }) => textContent);
  expect(texts.join()).toContain('(a) was deleted from the logdir');
  expect(texts.join()).toContain('(b) was replaced');
});
