import { h, render } from 'preact';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { page as browserPage } from 'vitest/browser';
import { Panel } from '../../src/elements/Panel';
import { PanelGrid } from '../../src/shell/PanelGrid';
import { maximised, type ViewId } from '../../src/state/selection';
import { resetPage } from '../harness/page-state';

const IDS: readonly (readonly ViewId[])[] = [
  ['network', 'distribution'],
  ['convolution', 'performance'],
];

let root: HTMLElement;

function show(rows: readonly (readonly ViewId[])[]): void {
  const panels = rows.map((ids) =>
    ids.map((id) => ({
      id,
      name: id,
      View: () => (
        <Panel id={id} title={id}>
          <p>{id}</p>
        </Panel>
      ),
    })),
  );
  render(h(PanelGrid, { rows: panels }), root);
}

const box = (id: ViewId) =>
  (root.querySelector(`[data-panel=${id}]`) as HTMLElement).getBoundingClientRect();

beforeEach(async () => {
  await browserPage.viewport(1280, 800);
  resetPage();
  // Its style sheet comes with the shell.
  await import('../../src/Shell');
  root = document.createElement('main');
  root.className = 'shell-main';
  root.style.cssText = 'position:absolute;left:0;top:0;width:1200px;height:500px';
  document.body.append(root);
});
afterEach(() => {
  render(null, root);
  root.remove();
});

test('two rows keep a height to read, and scroll where the window is low', () => {
  show(IDS);
  expect(box('network').height).toBeGreaterThanOrEqual(400);
  expect(box('convolution').height).toBeGreaterThanOrEqual(400);
  expect(box('convolution').top).toBeGreaterThan(box('network').bottom);
  expect(root.scrollHeight).toBeGreaterThan(800);
});

test('a high window is filled without scrolling', () => {
  root.style.height = '1000px';
  show(IDS);
  expect(root.scrollHeight).toBe(1000);
  expect(box('performance').bottom).toBeCloseTo(1000, 0);
});

test('a panel without a neighbour takes the whole row', () => {
  show([['network', 'distribution'], ['convolution']]);
  expect(box('convolution').width).toBeGreaterThan(1190);
});

test('a maximised panel of the second row has all of the space', async () => {
  maximised.value = 'convolution';
  show(IDS);
  expect(box('convolution').height).toBeCloseTo(500, 0);
  expect(box('convolution').width).toBeCloseTo(1200, 0);
});
