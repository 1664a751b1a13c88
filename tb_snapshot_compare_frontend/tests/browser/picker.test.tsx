import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { a, b } from '../../src/state/selection';
import { listingWith, runOf } from '../harness/fixtures';
import { found, openPage, type Page } from './page';

let page: Page;

beforeEach(async () => {
  await browserPage.viewport(1280, 800);
  page = openPage();
  (await found<HTMLElement>('.snapshot-picker[data-side="a"]')).focus();
});

afterEach(() => page.close());

const field = () => found<HTMLInputElement>('.snapshot-search input');
const activeLabel = () =>
  document.querySelector('.snapshot-row[data-active] .snapshot-label')?.firstChild?.textContent;

test('typing filters, Enter chooses the best match, focus returns to the button', async () => {
  await userEvent.keyboard('{Enter}');
  await vi.waitFor(async () => expect(document.activeElement).toBe(await field()));
  await userEvent.keyboard('30');
  expect(activeLabel()).toContain('epoch 30');
  await userEvent.keyboard('{Enter}');
  expect(a.value).toBe('alexnet-30');
  expect(document.querySelector('.snapshot-list')).toBeNull();
  expect((document.activeElement as HTMLElement).dataset.side).toBe('a');
});

test('arrows, Home and End move over what can be chosen only', async () => {
  await userEvent.keyboard('{ArrowDown}');
  await field();
  expect(activeLabel()).toContain('epoch 10');
  await userEvent.keyboard('{Home}');
  expect(activeLabel()).toContain('epoch 1 ');
  for (let press = 0; press < 22; press += 1) await userEvent.keyboard('{ArrowDown}');
  expect(activeLabel()).toContain('epoch 24');
  await userEvent.keyboard('{End}{ArrowDown}{Enter}');
  expect(a.value).toBe('alexnet-dropout-12');
});

test('Escape closes without choosing', async () => {
  await userEvent.keyboard('{Enter}');
  await field();
  await userEvent.keyboard('{End}{Escape}');
  expect(document.querySelector('.snapshot-list')).toBeNull();
  expect(a.value).toBe('alexnet-10');
  expect((document.activeElement as HTMLElement).dataset.side).toBe('a');
});

test('a broken snapshot is listed with its reason and cannot be chosen', async () => {
  await userEvent.keyboard('{Enter}');
  await field();
  await userEvent.keyboard('broken');
  await vi.waitFor(() => expect(document.querySelectorAll('.snapshot-row')).toHaveLength(1));
  const row = document.querySelector<HTMLElement>('.snapshot-row');
  expect(row?.textContent).toContain('the archive ends after 12.4 MB');
  expect(row?.ariaDisabled).toBe('true');
  row?.click();
  await userEvent.keyboard('{Enter}');
  expect(a.value).toBe('alexnet-10');
});

test('the list is grouped by run, and a click elsewhere closes it', async () => {
  await userEvent.keyboard('{Enter}');
  await field();
  const groups = [...document.querySelectorAll('.snapshot-group')].map(
    (group) => group.textContent,
  );
  expect(groups).toEqual(['alexnet', 'alexnet-dropout']);
  await userEvent.click(await found('.status-bar'));
  expect(document.querySelector('.snapshot-list')).toBeNull();
});

test('three thousand snapshots are drawn where seen, and an arrow key changes two rows', async () => {
  const listing = listingWith(runOf(3000).snapshots);
  page.close();
  page = openPage({ listing, curvesEpochs: 1 }, { a: 'alexnet-10', b: 'alexnet-40' });
  (await found<HTMLElement>('.snapshot-picker[data-side="a"]')).focus();
  await userEvent.keyboard('{Enter}');
  const input = await field();
  expect(document.querySelectorAll('.snapshot-row').length).toBeLessThan(400);
  const rows = document.querySelector('.snapshot-rows') as HTMLElement;
  expect(rows.scrollHeight).toBeGreaterThan(3000 * 25);
  const changes: MutationRecord[] = [];
  const observer = new MutationObserver((records) => changes.push(...records));
  observer.observe(rows, { subtree: true, attributes: true, childList: true });
  input.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }));
  await vi.waitFor(() => expect(activeLabel()).toContain('epoch 11 '));
  expect(new Set(changes.map(({ target }) => target)).size).toBe(2);
  observer.disconnect();
  input.dispatchEvent(new KeyboardEvent('keydown', { key: 'End', bubbles: true }));
  await vi.waitFor(() => expect(activeLabel()).toContain('epoch 3000 '));
  const last = document.querySelector('.snapshot-row[data-active]') as HTMLElement;
  expect(last.ariaPosInSet).toBe('3000');
  await vi.waitFor(() =>
    expect(last.getBoundingClientRect().bottom).toBeLessThanOrEqual(
      rows.getBoundingClientRect().bottom,
    ),
  );
  rows.scrollTop = 1500 * 30;
  await vi.waitFor(() => {
    const seen = document.elementFromPoint(
      rows.getBoundingClientRect().x + 60,
      rows.getBoundingClientRect().y + 150,
    );
    expect(seen?.closest('.snapshot-row')?.textContent).toMatch(/epoch 1[45]\d\d/);
  });
});

test('swapping exchanges blue and red', async () => {
  await userEvent.click(await found('[aria-label="Swap a and b"]'));
  expect([a.value, b.value]).toEqual(['alexnet-40', 'alexnet-10']);
  const label = () => document.querySelector('.snapshot-picker[data-side="a"]')?.textContent;
  await vi.waitFor(() => expect(label()).toContain('epoch 40'));
});
