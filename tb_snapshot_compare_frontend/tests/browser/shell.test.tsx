import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { announcement } from '../../src/state/environment';
import { layout, timelineHeight } from '../../src/state/layout';
import { maximised } from '../../src/state/selection';
import { setDark } from '../../src/theme/theme';
import {
  comparisonOf,
  emptyListing,
  listingOf,
  listingWith,
  snapshotOf,
} from '../harness/fixtures';
import { found, openPage, type Page } from './page';

let page: Page;

beforeEach(async () => {
  await browserPage.viewport(1280, 800);
});

afterEach(() => page.close());

async function shows(text: string): Promise<void> {
  await vi.waitFor(() => expect(page.root.textContent).toContain(text));
}

test('an empty logdir is named, with the files looked for and code that writes them', async () => {
  page = openPage({ listing: emptyListing() });
  await shows('No snapshots in the logdir yet');
  await shows('/home/mira/flowers/logs');
  const code = (await found('.snippet pre')).textContent ?? '';
  expect(code.split('\n')).toHaveLength(3);
  expect(code).toContain(
    'ModelCheckpoint(\n    "/home/mira/flowers/logs/epoch-{epoch:03d}.keras")',
  );
});

test('a first scan says so', async () => {
  page = openPage({ listing: emptyListing({ scanning: true }) });
  await shows('Looking for snapshots');
});

test('before the first answer the outline of the page is shown', () => {
  page = openPage();
  expect(document.querySelector('.skeleton')).not.toBeNull();
});

test('one snapshot is shown, and that a comparison needs two', async () => {
  page = openPage({ listing: listingWith([snapshotOf(1)]) });
  await shows('a comparison needs two');
  expect((await found('.snapshot-table')).textContent).toContain('epoch 1 · step 34');
});

test('when none can be read each is listed with its reason', async () => {
  const reason = 'the index ends early';
  page = openPage({ listing: listingWith([snapshotOf(1, 'r', { state: 'broken', reason })]) });
  await shows('No snapshot can be read yet');
  await shows(`broken: ${reason}`);
});

test('the same snapshot twice is zero everywhere, and said so', async () => {
  page = openPage({}, { a: 'alexnet-7', b: 'alexnet-7' });
  await shows('a and b are the same snapshot: every difference is zero.');
});

test('a chosen snapshot that is being written is waited for', async () => {
  page = openPage({}, { a: 'alexnet-7', b: 'alexnet-41' });
  await shows('is being written');
  await shows('its size is still growing');
});

test('a failed listing gives its message and a button that asks again', async () => {
  page = openPage({ failing: { route: 'snapshots', status: 500, message: 'No permission.' } });
  await shows('No permission.');
  page.server.failing = undefined;
  await userEvent.click(await found('.empty-state-actions button'));
  await shows('Timeline');
});

test('what is not covered is listed with why', async () => {
  page = openPage({ compare: (a, b) => comparisonOf(a, b, { unreadable: ['fc7/kernel'] }) });
  await shows('15 of 16 tensors');
  await userEvent.click(await found('.coverage'));
  const details = await found('.coverage-details');
  expect(details.textContent).toContain('Cannot be read (1)');
  expect(details.textContent).toContain('fc7/kernel the checksum of its block does not match');
  expect(details.textContent).toContain('33 of the optimizer and 2 of counters');
});

test('a problem of the scan is a notice that can be dismissed', async () => {
  const problem = 'the scan ended after 200,000 entries';
  page = openPage({ listing: listingOf({ roots: [{ name: '', path: '/logs', problem }] }) });
  await shows(`/logs: ${problem}`);
  await userEvent.click(await found('.notice [aria-label="Dismiss"]'));
  await vi.waitFor(() => expect(page.root.textContent).not.toContain(problem));
});

test('a panel is maximised, survives in the selection, and Escape restores it', async () => {
  page = openPage();
  await shows('8 layers');
  await userEvent.click(await found('[aria-label="Maximise: Network"]'));
  expect(maximised.value).toBe('network');
  const box = (id: string) => document.querySelector(`[data-panel="${id}"]`) as HTMLElement;
  await vi.waitFor(() => expect(box('distribution').offsetParent).toBeNull());
  expect(box('timeline').offsetParent).toBeNull();
  expect(box('network').offsetWidth).toBeGreaterThan(1200);
  await vi.waitFor(() => expect(page.address.keys.max).toBe('network'));
  await userEvent.keyboard('{Escape}');
  await vi.waitFor(() => expect(box('distribution').offsetParent).not.toBeNull());
});

test('borders move by keyboard and by pointer, and their places are kept', async () => {
  page = openPage();
  const splitter = await found('[aria-label="Border between network and distribution"]');
  splitter.focus();
  await userEvent.keyboard('{ArrowRight}');
  await vi.waitFor(() => expect(layout.value.columns[0]?.[0]).toBeGreaterThan(0.5));
  await userEvent.keyboard('{Enter}');
  expect(layout.value.columns[0]).toEqual([0.5, 0.5]);
  const timeline = await found('[aria-label="Border below the timeline"]');
  timeline.focus();
  const before = timelineHeight(layout.value, window.innerHeight);
  await userEvent.keyboard('{ArrowDown}');
  expect(layout.value.timeline).toBe(before + 16);
  await userEvent.keyboard('{Enter}');
  expect(layout.value.timeline).toBeNull();
});

test('dark mode changes the page and the two hues', async () => {
  page = openPage();
  const badge = await found('.side-badge[data-side="a"]');
  expect(getComputedStyle(document.body).backgroundColor).toBe('rgb(245, 245, 245)');
  const light = getComputedStyle(badge).backgroundColor;
  setDark(true);
  expect(getComputedStyle(document.body).backgroundColor).toBe('rgb(48, 48, 48)');
  expect(getComputedStyle(badge).backgroundColor).not.toBe(light);
});

test('the link is copied, or shown where copying is not allowed', async () => {
  page = openPage();
  const button = await found('.copy-link button');
  const write = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValue();
  await userEvent.click(button);
  await vi.waitFor(() => expect(button.textContent).toBe('Copied'));
  expect(write.mock.calls[0]?.[0]).toContain('a=alexnet-10');
  write.mockRejectedValue(new DOMException('no', 'NotAllowedError'));
  vi.spyOn(document, 'execCommand').mockReturnValue(false);
  await userEvent.click(button);
  const field = await found<HTMLInputElement>('.link-field input');
  expect(field.value).toContain('b=alexnet-40');
  vi.restoreAllMocks();
});

test('an export menu is used by keyboard', async () => {
  page = openPage();
  (await found('[aria-label="Export: Network"]')).focus();
  await userEvent.keyboard('{Enter}');
  await vi.waitFor(() => expect(document.activeElement?.textContent).toBe('Export CSV'));
  const clicked = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockReturnValue();
  await userEvent.keyboard('{Enter}');
  await vi.waitFor(() => expect(clicked).toHaveBeenCalled());
  expect((clicked.mock.contexts[0] as HTMLAnchorElement).download).toBe('network.csv');
  clicked.mockRestore();
});

test('a screen reader hears of the comparison', async () => {
  page = openPage();
  await vi.waitFor(() => expect(announcement.value).toContain('Compared epoch 10'));
  expect((await found('[aria-live="polite"]')).textContent).toContain('16 of 16 tensors');
});
