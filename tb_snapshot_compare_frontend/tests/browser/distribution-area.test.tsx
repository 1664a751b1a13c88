import { render } from 'preact';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { areaDistribution } from '../../src/state/kernel';
import { distribution } from '../../src/state/resources';
import * as selection from '../../src/state/selection';
import { scaledBars } from '../../src/views/distribution/AreaOutline';
import { DistributionView } from '../../src/views/distribution/DistributionView';
import { resetPage } from '../harness/page-state';
import { SMALL } from './distribution-fixture';

const AREA = {
  tensor: 'conv5/kernel',
  counts: [
    [0, 4],
    [5, 0],
    [0, 11],
  ],
  total: 20,
  excluded: 0,
};

let root: HTMLElement;

beforeEach(() => {
  resetPage();
  selection.layer.value = 'conv5';
  root = document.createElement('div');
  root.style.cssText = 'width:700px;height:460px;position:absolute;left:0;top:0';
  document.body.append(root);
  distribution.value = { status: 'ready', value: SMALL };
  render(<DistributionView />, root);
});
afterEach(() => {
  render(null, root);
  root.remove();
});

const line = () => root.querySelector('.area-line');
const status = () =>
  (root.querySelector('.distribution-status')?.textContent ?? '').replaceAll('\u00a0', ' ');

test('an area has as many weights as the layer, so that shares are compared', () => {
  expect(scaledBars(AREA, SMALL, [])).toEqual([40, 50, 110]);
  expect(scaledBars(AREA, SMALL, [1])).toEqual([0, 50, 0]);
});

test('the distribution of the area is a line over the bars, and can be cleared', async () => {
  expect(line()).toBeNull();
  selection.area.value = { rows: [0, 1], columns: [0, 1] };
  await vi.waitFor(() => expect(status()).toContain('Counting the area'));
  areaDistribution.value = { status: 'ready', value: AREA };
  await vi.waitFor(() => expect(line()?.getAttribute('d')).toMatch(/^M52 \d+V/));
  expect(status()).toContain('Area: 20 weights, drawn × 10 to compare shares');
  root.querySelector<HTMLElement>('[title="Clear the area"]')?.click();
  expect(selection.area.value).toBeNull();
  await vi.waitFor(() => expect(line()).toBeNull());
});

test('counts in other bins than those on show are not drawn', async () => {
  selection.area.value = { rows: [0, 1], columns: [0, 1] };
  areaDistribution.value = { status: 'ready', value: { ...AREA, counts: [[20, 0]] } };
  await vi.waitFor(() => expect(status()).toContain('Counting the area'));
  expect(line()).toBeNull();
});
