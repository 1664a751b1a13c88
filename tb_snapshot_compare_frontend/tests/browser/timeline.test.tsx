import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { a, axis, b } from '../../src/state/selection';
import { listingWith, runOf } from '../harness/fixtures';
import { found, openPage, type Page } from './page';

let page: Page;

beforeEach(async () => {
  await browserPage.viewport(1280, 800);
});

afterEach(() => page.close());

const handle = (side: 'a' | 'b') => found<SVGGElement>(`[data-handle="${side}"]`);

function pointer(target: Element, type: string, x: number, y: number): void {
  const init = { bubbles: true, clientX: x, clientY: y, pointerId: 1, button: 0 };
  target.dispatchEvent(new PointerEvent(type, init));
}

/** The middle of a handle's line, in pixels of the viewport. */
function lineOf(element: Element): number {
  return element.querySelector('line')?.getBoundingClientRect().left ?? 0;
}

async function settled(): Promise<void> {
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
}

test('a handle is dragged with a preview, and asks the server at the drop only', async () => {
  page = openPage();
  const flag = await handle('a');
  const plot = await found<SVGSVGElement>('.timeline-plot svg');
  plot.setPointerCapture = () => undefined;
  const [from, to] = [lineOf(flag), lineOf(await handle('b'))];
  const epoch = (to - from) / 30;
  const before = page.server.requests.length;
  pointer(flag, 'pointerdown', from, 200);
  pointer(plot, 'pointermove', from + 4.9 * epoch, 200);
  await settled();
  expect((await handle('a')).getAttribute('aria-valuetext')).toContain('epoch 15');
  expect(a.value).toBe('alexnet-10');
  expect(page.server.requests.length).toBe(before);
  pointer(plot, 'pointerup', from + 4.9 * epoch, 200);
  await vi.waitFor(() => expect(a.value).toBe('alexnet-15'));
});

test('a drag over a broken snapshot snaps to one that can be read', async () => {
  page = openPage();
  const flag = await handle('a');
  const plot = await found<SVGSVGElement>('.timeline-plot svg');
  plot.setPointerCapture = () => undefined;
  const from = lineOf(flag);
  const epoch = (lineOf(await handle('b')) - from) / 30;
  pointer(flag, 'pointerdown', from, 200);
  pointer(plot, 'pointermove', from + 13.1 * epoch, 200);
  await settled();
  pointer(plot, 'pointerup', from + 13.1 * epoch, 200);
  await vi.waitFor(() => expect(a.value).toBe('alexnet-24'));
});

test('a press beside the handles moves the nearer one', async () => {
  page = openPage();
  const plot = await found<SVGSVGElement>('.timeline-plot svg');
  plot.setPointerCapture = () => undefined;
  const x = lineOf(await handle('b')) - 60;
  pointer(plot, 'pointerdown', x, 200);
  await settled();
  pointer(plot, 'pointerup', x, 200);
  await vi.waitFor(() => expect(b.value).toBe('alexnet-38'));
  expect(a.value).toBe('alexnet-10');
});

test('arrows step over ready snapshots, and a run of presses is one request', async () => {
  page = openPage();
  (await handle('a')).focus();
  await vi.waitFor(() => expect(page.server.requests.join()).toContain('comparison'));
  const asked = () => page.server.requests.filter((request) => request.startsWith('comparison'));
  const before = asked().length;
  await userEvent.keyboard('{ArrowRight}{ArrowRight}{ArrowRight}');
  expect((await handle('a')).getAttribute('aria-valuetext')).toContain('epoch 13');
  await vi.waitFor(() => expect(a.value).toBe('alexnet-13'));
  expect(asked().length).toBe(before + 1);
  await userEvent.keyboard('{Home}');
  await vi.waitFor(() => expect(a.value).toBe('alexnet-1'));
});

test('Escape gives up a preview', async () => {
  page = openPage();
  (await handle('b')).focus();
  await userEvent.keyboard('{ArrowLeft}{Escape}');
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect(b.value).toBe('alexnet-40');
});

test('hovering tells the snapshot and the values of the curves', async () => {
  page = openPage();
  const plot = await found<SVGSVGElement>('.timeline-plot svg');
  await vi.waitFor(() => expect(document.querySelectorAll('path.curve')).toHaveLength(4));
  pointer(plot, 'pointermove', lineOf(await handle('a')), 200);
  const card = await found('.timeline-card');
  expect(card.textContent).toContain('epoch 10 · step 340');
  expect(card.textContent).toContain('loss validation');
  expect(card.textContent).toMatch(/accuracy train\d+(\.\d+)?\s%/);
});

test('where the units differ no curve is drawn, and it is said', async () => {
  page = openPage();
  await vi.waitFor(() => expect(document.querySelectorAll('path.curve')).toHaveLength(4));
  axis.value = 'time';
  await vi.waitFor(() => expect(document.querySelectorAll('path.curve')).toHaveLength(0));
  expect(page.root.textContent).toContain('Loss and accuracy were logged over epochs and steps');
});

test('each state has its own mark', async () => {
  page = openPage();
  await handle('a');
  const count = (name: string) =>
    document.querySelector(`.timeline-marks .${name}`)?.getAttribute('d')?.match(/M/g)?.length ?? 0;
  expect([count('mark-ready'), count('mark-written'), count('mark-broken')]).toEqual([39, 1, 2]);
});

test('a thousand snapshots are drawn and can be stepped through', async () => {
  page = openPage({ listing: listingWith(runOf(1000).snapshots), curvesEpochs: 1000 });
  (await handle('a')).focus();
  await userEvent.keyboard('{PageUp}');
  await vi.waitFor(() => expect(a.value).toBe('alexnet-11'));
});
