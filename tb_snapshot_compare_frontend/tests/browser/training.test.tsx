import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import type { Curve } from '../../src/client/types';
import { formatCount } from '../../src/scales/format';
import { GUTTER, MARGIN } from '../../src/scales/steps';
import { announcement } from '../../src/state/environment';
import { latest } from '../../src/state/resources';
import { maximised, a as sideA, b as sideB } from '../../src/state/selection';
import * as training from '../../src/state/training';
import { trainingCurves } from '../../src/state/training-data';
import { TrainingPage } from '../../src/TrainingPage';
import { setDark } from '../../src/theme/theme';
import { emptyListing } from '../harness/fixtures';
import { trainingListing, trainingRun } from '../harness/training/listing';
import { EVERY, stepOf } from '../harness/training/plan';
import { found, openPage, type Page } from './page';
import { openTraining } from './training-page';

let page: Page;

beforeEach(async () => {
  await browserPage.viewport(1280, 800);
});

afterEach(() => page.close());

const axis = () => found('.time-axis-box');
const overview = () => found('.overview-box');
const plot = () => found('.model-plot');
const button = (name: string) => browserPage.getByRole('button', { name, exact: true });

/** Dispatches a pointer event at a share of an element's width. */
function point(element: Element, type: string, share: number, more: PointerEventInit = {}): void {
  const { left, top, width, height } = element.getBoundingClientRect();
  const place = { clientX: left + share * width, clientY: top + height / 2 };
  element.dispatchEvent(
    new PointerEvent(type, { bubbles: true, pointerId: 1, button: 0, ...place, ...more }),
  );
}

/** Captures of made-up pointers fail: the page does without them in tests. */
function freely(element: HTMLElement): HTMLElement {
  element.setPointerCapture = () => undefined;
  return element;
}

function wheel(element: Element, share: number, change: WheelEventInit): WheelEvent {
  const { left, top, width } = element.getBoundingClientRect();
  const event = new WheelEvent('wheel', {
    bubbles: true,
    cancelable: true,
    clientX: left + share * width,
    clientY: top + 5,
    ...change,
  });
  element.dispatchEvent(event);
  return event;
}

async function drawn(): Promise<void> {
  await vi.waitFor(() => expect(document.querySelectorAll('.model-chart path')).toHaveLength(4));
}

test('the switch in the header opens the Training page, and the address says so', async () => {
  page = openTraining({ page: '' });
  await found('.shell-timeline');
  expect(document.querySelector('.training')).toBeNull();
  await button('Training').click();
  await drawn();
  expect((await found('.shell-timeline')).offsetParent).toBeNull();
  expect(page.address.keys.page).toBe('training');
  expect(button('Training').element().getAttribute('aria-pressed')).toBe('true');
  await button('Compare').click();
  expect((await found('.shell-timeline')).offsetParent).not.toBeNull();
  expect((await found('.training')).offsetParent).toBeNull();
  expect(page.address.keys.page).toBeUndefined();
});

test('the switch is used by keyboard', async () => {
  page = openTraining({ page: '' });
  await found('.shell-timeline');
  (button('Training').element() as HTMLElement).focus();
  await userEvent.keyboard('{Enter}');
  expect(training.page.value).toBe('training');
});

test('Escape on the Training page leaves the Compare page as it is', async () => {
  page = openTraining({ max: 'network' });
  await drawn();
  await userEvent.keyboard('{Escape}');
  expect(maximised.value).toBe('network');
});

test('charts, axis, strip and crosshair begin and end at the same pixels', async () => {
  page = openTraining({ pins: String(stepOf(100)) });
  await drawn();
  const left = (element: Element) => element.getBoundingClientRect().left;
  const right = (element: Element) => element.getBoundingClientRect().right;
  const chart = await found('.model-chart');
  const expected = [left(chart) + GUTTER, right(chart) - MARGIN];
  for (const element of [await axis(), await overview(), await found('.chart-overlay')]) {
    expect([left(element), right(element)]).toEqual(expected);
  }
  const circle = (await found('.time-axis-pin')).getBoundingClientRect();
  const line = (await found('.pin-line')).getBoundingClientRect();
  expect(Math.abs(circle.left + circle.width / 2 - (line.left + 1))).toBeLessThan(0.6);
});

test('the crosshair follows the pointer through all charts, with the step at the axis', async () => {
  page = openTraining();
  await drawn();
  const chart = await found('.model-chart');
  const before = chart.innerHTML;
  point(await plot(), 'pointermove', 0.5);
  const step = training.hoveredStep.value ?? 0;
  expect(step % EVERY).toBe(0);
  const reading = await found('.time-axis-reading');
  await vi.waitFor(() => expect(reading.textContent).toBe(step.toLocaleString('en-US')));
  expect(reading.hidden).toBe(false);
  expect((await found('.crosshair')).hidden).toBe(false);
  const texts = [...document.querySelectorAll('.gutter-text')].map((text) => text.textContent);
  const dump = step / EVERY;
  expect(texts).toEqual([`Step ${step.toLocaleString('en-US')}`, `dump ${dump} · pass ${dump}`]);
  expect(chart.innerHTML).toBe(before);
  point(await plot(), 'pointerleave', 0.5);
  await vi.waitFor(() => expect(reading.hidden).toBe(true));
  expect((await found('.crosshair')).hidden).toBe(true);
});

test('the card at the pointer tells every value, and what happened there', async () => {
  page = openTraining();
  await drawn();
  training.hoveredStep.value = null;
  const box = await plot();
  const { left, width } = box.getBoundingClientRect();
  const inner = width - GUTTER - MARGIN;
  const x = left + GUTTER + (130.5 / 200) * inner;
  box.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: x, clientY: 500 }));
  const card = await found('.model-card');
  expect(card.textContent).toContain('step 209,600');
  expect(card.textContent).toMatch(/learning rate0\.1/);
  expect(card.textContent).toMatch(/loss · train[\d.]+/);
  expect(card.textContent).toMatch(/error · validation[\d.]+\s%/);
  expect(card.textContent).toContain('Images of 3 classes changed at once.');
});

test('a click on a chart pins its step, another on the circle deletes the pin', async () => {
  page = openTraining();
  await drawn();
  const box = await plot();
  point(box, 'click', 0.5);
  expect(training.pins.value).toHaveLength(1);
  await vi.waitFor(() => expect(document.querySelectorAll('.pin-line')).toHaveLength(1));
  const circle = (await found('.time-axis-pin')).getBoundingClientRect();
  const held = freely(await axis());
  const frame = held.getBoundingClientRect();
  const share = (circle.left + circle.width / 2 + 3 - frame.left) / frame.width;
  point(held, 'pointerdown', share);
  point(held, 'pointerup', share);
  expect(training.pins.value).toEqual([]);
});

test('where clicks do not pin, a click on a chart pins nothing, one on the axis does', async () => {
  page = openTraining();
  await drawn();
  await button('Click pins').click();
  expect(training.pinMode.value).toBe(false);
  point(await plot(), 'click', 0.5);
  expect(training.pins.value).toEqual([]);
  const held = freely(await axis());
  point(held, 'pointerdown', 0.25);
  point(held, 'pointerup', 0.25);
  expect(training.pins.value).toEqual([stepOf(50)]);
});

test('pins are hidden, shown and deleted by buttons', async () => {
  page = openTraining({ pins: `${stepOf(20)},${stepOf(60)}` });
  await drawn();
  await vi.waitFor(() => expect(document.querySelectorAll('.pin-line')).toHaveLength(2));
  await button('Hide pins').click();
  await vi.waitFor(() => expect(document.querySelectorAll('.pin-line')).toHaveLength(0));
  expect(document.querySelectorAll('.time-axis-pin')).toHaveLength(0);
  await button('Show pins').click();
  await vi.waitFor(() => expect(document.querySelectorAll('.time-axis-pin')).toHaveLength(2));
  await button('Delete all pins (2)').click();
  expect(training.pins.value).toEqual([]);
});

test('the axis is worked by keyboard', async () => {
  page = openTraining();
  await drawn();
  const held = await axis();
  held.focus();
  await userEvent.keyboard('{Home}{ArrowRight}{ArrowRight}{Enter}{PageDown}{Enter}');
  expect(training.pins.value).toEqual([stepOf(2), stepOf(22)]);
  await vi.waitFor(() => expect(held.getAttribute('aria-valuetext')).toBe('step 36,800, pinned'));
  await userEvent.keyboard('[[{Enter}');
  expect(training.pins.value).toEqual([stepOf(22)]);
  await userEvent.keyboard('++');
  expect(training.stepRange.value).not.toBeNull();
  const [first] = training.shownRange.value;
  await userEvent.keyboard('{Shift>}{ArrowRight}{/Shift}');
  expect(training.shownRange.value[0]).toBeGreaterThan(first);
  await userEvent.keyboard('{End}');
  expect(training.shownRange.value[1]).toBe(stepOf(199));
  await userEvent.keyboard('0');
  expect(training.stepRange.value).toBeNull();
  await userEvent.tab();
  expect(training.hoveredStep.value).toBeNull();
});

test('the charts of the model are worked by keyboard, and read out', async () => {
  page = openTraining();
  await drawn();
  const box = await plot();
  box.focus();
  await userEvent.keyboard('{End}{ArrowLeft}');
  await vi.waitFor(() =>
    expect(box.getAttribute('aria-valuetext')).toMatch(
      /^step 318,400, learning rate 0\.1, loss · train [\d.]+, .*error · validation [\d.]+\s%$/,
    ),
  );
  await userEvent.keyboard(' ');
  expect(training.pins.value).toEqual([stepOf(198)]);
});

test('Ctrl with the wheel zooms about the pointer, Shift with it pans, else the page scrolls', async () => {
  page = openTraining();
  await drawn();
  const chart = await plot();
  expect(wheel(chart, 0.5, { deltaY: -200 }).defaultPrevented).toBe(false);
  expect(wheel(chart, 0.5, { deltaY: -200, ctrlKey: true }).defaultPrevented).toBe(true);
  await vi.waitFor(() => expect(training.stepRange.value).not.toBeNull());
  const [first, last] = training.shownRange.value;
  expect(first).toBeGreaterThan(stepOf(0));
  expect(last).toBeLessThan(stepOf(199));
  wheel(chart, 0.5, { deltaY: 120, shiftKey: true });
  await vi.waitFor(() => expect(training.shownRange.value[0]).toBeGreaterThan(first));
  expect(wheel(chart, 0.02, { deltaY: -200, ctrlKey: true }).defaultPrevented).toBe(false);
  await browserPage.getByRole('button', { name: 'Reset zoom' }).click();
  expect(training.stepRange.value).toBeNull();
});

test('the buttons zoom, to a few columns at most', async () => {
  page = openTraining();
  await drawn();
  for (let count = 0; count < 14; count += 1) await button('Zoom in').click();
  expect((await found('.training-zoom')).textContent).toBe('50×');
  await button('Zoom out').click();
  expect((await found('.training-zoom')).textContent).not.toBe('50×');
  expect(page.address.keys.steps).toMatch(/^\d+-\d+$/);
});

test('a drag on the axis pans, and pins nothing', async () => {
  page = openTraining({ steps: `${stepOf(50)}-${stepOf(99)}` });
  await drawn();
  const held = freely(await axis());
  point(held, 'pointerdown', 0.5);
  point(held, 'pointermove', 0.3);
  point(held, 'pointerup', 0.3);
  expect(training.shownRange.value).toEqual([stepOf(60), stepOf(109)]);
  expect(training.pins.value).toEqual([]);
});

test('a window is drawn, moved and resized on the strip, and a double click shows all', async () => {
  page = openTraining();
  await drawn();
  const strip = freely(await overview());
  point(strip, 'pointerdown', 0.25);
  point(strip, 'pointermove', 0.5);
  point(strip, 'pointerup', 0.5);
  await vi.waitFor(() => expect(training.shownRange.value).toEqual([stepOf(50), stepOf(100)]));
  await vi.waitFor(() => expect(document.querySelectorAll('.overview-veil')).toHaveLength(2));
  point(strip, 'pointerdown', 0.4);
  point(strip, 'pointermove', 0.45);
  point(strip, 'pointerup', 0.45);
  expect(training.shownRange.value).toEqual([stepOf(60), stepOf(110)]);
  strip.dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
  expect(training.stepRange.value).toBeNull();
});

test('the ends of the window are moved by keyboard', async () => {
  page = openTraining();
  await drawn();
  const first = await found('[aria-label="First step in sight"]');
  first.focus();
  await userEvent.keyboard('{PageDown}{ArrowLeft}');
  expect(training.shownRange.value).toEqual([stepOf(19), stepOf(199)]);
  await vi.waitFor(() => expect(first.getAttribute('aria-valuetext')).toBe('32,000'));
  (await found('[aria-label="Last step in sight"]')).focus();
  await userEvent.keyboard('{PageUp}');
  expect(training.shownRange.value).toEqual([stepOf(19), stepOf(179)]);
});

test('the axis stays while the page scrolls', async () => {
  page = openTraining();
  await drawn();
  const scroller = await found('.training');
  const head = await found('.training-head');
  const top = head.getBoundingClientRect().top;
  scroller.scrollTop = 300;
  await vi.waitFor(() => expect(scroller.scrollTop).toBeGreaterThan(100));
  expect(head.getBoundingClientRect().top).toBe(top);
});

test('two pins open Compare with the snapshots around them', async () => {
  page = openTraining({ pins: `${stepOf(45)},${stepOf(130)}` });
  await drawn();
  const compare = button('Compare these');
  await expect.element(compare).toBeEnabled();
  expect(compare.element().getAttribute('title')).toBe(
    'Compare the snapshot of step 65,600 (a) with that of step 209,600 (b)',
  );
  await compare.click();
  expect([sideA.value, sideB.value]).toEqual(['resnet50-40', 'resnet50-130']);
  expect(training.page.value).toBe('compare');
});

test('one pin compares before and after; without snapshots there the reason is told', async () => {
  page = openTraining({ pins: String(stepOf(130)) });
  await drawn();
  await expect.element(button('Compare before and after')).toBeEnabled();
  training.setPins([stepOf(0)]);
  await vi.waitFor(() =>
    expect(button('Compare before and after').element().getAttribute('title')).toBe(
      'No snapshot was kept before step 1,600.',
    ),
  );
  await expect.element(button('Compare before and after')).toBeDisabled();
});

test('sections fold, ask for nothing then, and stay so in the address', async () => {
  page = openTraining({ closed: 'model' });
  await found('[data-section="findings"]');
  expect(document.querySelector('.model-plot')).toBeNull();
  await browserPage.getByRole('button', { name: 'Model' }).click();
  await drawn();
  await browserPage.getByRole('button', { name: 'Findings' }).click();
  expect(document.querySelector('.findings')).toBeNull();
  await vi.waitFor(() => expect(page.address.keys.closed).toBe('findings'));
});

test('the learning rate is a strip of labelled blocks', async () => {
  page = openTraining({}, { dumps: 757, classes: 4, perClass: 2 });
  await drawn();
  const labels = [...document.querySelectorAll('.rate-block text')].map((text) => text.textContent);
  expect(labels).toEqual(['0.1', '0.01', '0.01', '0.001']);
  expect(document.querySelectorAll('.rate-block')).toHaveLength(5);
});

test('loss and error are drawn linear or logarithmic, lower or higher', async () => {
  page = openTraining();
  await drawn();
  const path = () => document.querySelector('.model-chart path')?.getAttribute('d');
  const linear = path();
  await button('Log').click();
  await vi.waitFor(() => expect(path()).not.toBe(linear));
  expect(page.address.keys.values).toBe('log');
  const height = (await found('.model-chart')).getBoundingClientRect().height;
  await button('Higher charts').click();
  await vi.waitFor(async () =>
    expect((await found('.model-chart')).getBoundingClientRect().height).toBe(height + 40),
  );
  await button('Lower charts').click();
  await button('Lower charts').click();
  await expect.element(button('Lower charts')).toBeEnabled();
});

test('what was logged by epoch is placed by the snapshots, or it is said why not', async () => {
  page = openPage(
    { training: { dumps: 60, classes: 4, perClass: 2 } },
    { page: 'training' },
    { TrainingPage },
  );
  if (page.server.training) {
    const { training: fake } = page.server;
    fake.curves = (run) => ({
      run: run ?? '',
      curves: [
        { run: 'r/train', tag: 'epoch_loss', kind: 'loss', axis: 'epoch', x: [1, 2], y: [2, 1] },
      ],
    });
  }
  await vi.waitFor(() => expect(document.querySelectorAll('.model-chart path')).toHaveLength(2));
});

test('findings come first, and one click shows the evidence', async () => {
  page = openTraining({}, { dumps: 757, classes: 12, perClass: 6 });
  await drawn();
  const rows = () => [...document.querySelectorAll<HTMLElement>('.finding')];
  await vi.waitFor(() => expect(rows()).toHaveLength(5));
  expect(rows()[0]?.dataset.severity).toBe('problem');
  await browserPage.getByRole('button', { name: 'Show all 7' }).click();
  expect(rows()).toHaveLength(7);
  const spike = rows().find((row) => row.textContent?.includes('Loss rose ninefold'));
  spike?.click();
  expect(training.pins.value).toEqual([stepOf(402)]);
  await vi.waitFor(() =>
    expect(document.querySelectorAll('.moved-table tbody tr')).toHaveLength(5),
  );
  await vi.waitFor(() => expect(document.activeElement?.textContent).toContain('What moved first'));
});

test('a finding that comes while the page is open is heard', async () => {
  page = openTraining({}, { dumps: 125, classes: 4, perClass: 2 });
  await drawn();
  if (page.server.training) page.server.training.dumps = 140;
  await vi.waitFor(() => expect(announcement.value).toContain('New finding: Images of 3 classes'));
});

test('that nothing was found stays told while a log that grows is examined again', async () => {
  page = openTraining();
  await found('.findings');
  const known = latest(training.training.value);
  if (known === null) throw new Error('no training');
  const show = (changes: Partial<typeof known>) => {
    training.training.value = { status: 'ready', value: { ...known, findings: [], ...changes } };
    return vi.waitFor(() => document.querySelector('.findings-none')?.textContent ?? '');
  };
  await show({ examined: true });
  await vi.waitFor(async () =>
    expect(await show({ examined: true })).toBe('Nothing unusual was found.'),
  );
  await vi.waitFor(async () =>
    expect(await show({ examined: false })).toBe('Nothing unusual was found so far.'),
  );
  await vi.waitFor(async () =>
    expect(await show({ examined: false, run: 'another' })).toBe('Looking for anything unusual…'),
  );
});

test('the origin of the numbers is told, and how far the computation is', async () => {
  const changes = {
    origin: 'derived' as const,
    note: 'Computed from 20 snapshots.',
    state: 'indexing' as const,
    done: 5,
    total: 20,
    findings: [],
    examined: false,
  };
  page = openTraining({}, { dumps: 60, classes: 4, perClass: 2, changes });
  const section = await found('[data-section="findings"]');
  expect(section.textContent).toContain('Computed from 20 snapshots.');
  expect(section.textContent).toContain('5 of 20 pairs of snapshots');
  expect(section.textContent).toContain('SnapshotCallback(logdir)');
  expect((await found('.findings-progress-track')).getAttribute('aria-valuenow')).toBe('25');
});

test('before the first pair is known the progress stands alone', async () => {
  const changes = { state: 'indexing' as const, done: 0, total: 7, dumps: [], passes: [] };
  page = openTraining({}, { dumps: 60, classes: 4, perClass: 2, changes });
  await vi.waitFor(() => expect(page.root.textContent).toContain('0 of 7 pairs of snapshots'));
});

test('what of the log cannot be read is told in detail', async () => {
  const problems = ['layers/000-100.parquet: the page checksum does not match'];
  page = openTraining({}, { dumps: 60, classes: 4, perClass: 2, changes: { problems } });
  await drawn();
  expect((await found('.findings-problem')).textContent).toContain('1 part of the log');
  await browserPage.getByRole('button', { name: 'Details' }).first().click();
  expect((await found('.findings-problem li')).textContent).toBe(problems[0]);
});

test('without a log it is said how to record, in code that can be copied', async () => {
  page = openPage({}, { page: 'training' }, { TrainingPage });
  const code = await found('.snippet pre');
  expect(code.textContent).toContain(
    'SnapshotCallback("/home/mira/flowers/logs", run="alexnet", probe_data=',
  );
});

test('a log without snapshots has a Training page', async () => {
  const run = { ...trainingRun(200), snapshots: [] };
  const listing = emptyListing({ runs: [run] });
  page = openTraining({}, { dumps: 200, classes: 4, perClass: 2 }, { listing });
  await drawn();
  await button('Compare').click();
  await vi.waitFor(() => expect(page.root.textContent).toContain('No snapshots in the logdir yet'));
});

test('a training that cannot be read says why, and is asked for again', async () => {
  const failing = { route: 'training', status: 500, message: 'No permission.' };
  page = openTraining({}, { dumps: 60, classes: 4, perClass: 2 }, { failing });
  await vi.waitFor(() => expect(page.root.textContent).toContain('No permission.'));
  page.server.failing = undefined;
  await button('Try again').click();
  await drawn();
});

test('another run is chosen in the header', async () => {
  page = openTraining();
  await drawn();
  const select = await found<HTMLSelectElement>('.shell-header-run select');
  expect([...select.options].map(({ value }) => value)).toEqual(['resnet50', 'alexnet-dropout']);
  await userEvent.selectOptions(select, 'alexnet-dropout');
  await vi.waitFor(() => expect(training.log.value?.run).toBe('alexnet-dropout'));
});

test('a training that goes on grows without a reload, and its charts are not dimmed', async () => {
  page = openTraining({}, { dumps: 60, classes: 4, perClass: 2 });
  await drawn();
  let dimmed = 0;
  const watch = new MutationObserver(() => {
    dimmed += document.querySelectorAll('.section[data-busy]').length;
  });
  watch.observe(page.root, { subtree: true, attributes: true });
  if (page.server.training) page.server.training.dumps = 64;
  page.server.listing = { ...trainingListing(64), version: 8 };
  await vi.waitFor(() => {
    const texts = [...document.querySelectorAll('.gutter-text')].map((text) => text.textContent);
    expect(texts.join()).toContain('64 dumps');
  });
  watch.disconnect();
  expect(dimmed).toBe(0);
  expect((await found('.live-badge')).title).toContain(formatCount(stepOf(63)));
  const axis = (await found('.time-axis-box')).getBoundingClientRect();
  const fresh = (await found('.time-axis-new')).getBoundingClientRect();
  expect(fresh.right).toBeCloseTo(axis.right, 0);
  expect(fresh.width / axis.width).toBeCloseTo(4 / 64, 2);
});

test('the axis begins with a loss that was logged before the dumps; of one long before it is told', async () => {
  page = openTraining();
  await drawn();
  const [curve] = page.server.training?.curves().curves ?? [];
  const run = training.log.value?.run ?? '';
  const logged = (x: number[]) => {
    const curves = [{ ...(curve as Curve), x, y: x.map(() => 1) }];
    trainingCurves.value = { status: 'ready', value: { run, curves } };
  };
  const subtitle = async () => (await found('[data-section="model"] .panel-subtitle')).textContent;
  const axis = await found('.time-axis-box');
  logged([stepOf(-21), stepOf(0), stepOf(5)]);
  await vi.waitFor(() => expect(Number(axis.ariaValueMin)).toBe(stepOf(-21)));
  expect(await subtitle()).not.toContain('without');
  logged([stepOf(-900), stepOf(5)]);
  await vi.waitFor(async () =>
    expect(await subtitle()).toContain('without what was logged before step 1,600'),
  );
  expect(Number(axis.ariaValueMin)).toBe(stepOf(0));
});

test('what moved first is listed around the newest pin, and leads to its evidence', async () => {
  page = openTraining(
    { pins: `${stepOf(402)},${stepOf(130)}` },
    { dumps: 500, classes: 4, perClass: 2 },
  );
  await vi.waitFor(() =>
    expect(document.querySelectorAll('.moved-table tbody tr').length).toBeGreaterThan(2),
  );
  const section = await found('[data-section="forensics"]');
  expect(section.textContent).toContain('Around step 209,600');
  const first = await found('.moved-button');
  first.focus();
  expect((await found('.tooltip')).textContent).toMatch(/gradient of conv4\/block2\/conv2/);
  expect(first.getAttribute('aria-label')).toMatch(
    /gradient of .* after step [\d,]+, by step [\d,]+, .*; pin it/,
  );
  const bar = await found('.moved-interval');
  const [mark, ends] = [first.getBoundingClientRect(), bar.getBoundingClientRect()];
  expect(mark.left).toBeGreaterThan(ends.left);
  expect(mark.right).toBeLessThan(ends.right);
  const labels = [...document.querySelectorAll('.moved-columns span')].map((label) => {
    const { left, right } = label.getBoundingClientRect();
    return (left + right) / 2;
  });
  expect(Math.min(...labels.map((at) => Math.abs(at - ends.right)))).toBeLessThan(1.5);
  await userEvent.keyboard('{Enter}');
  expect(training.pins.value).toHaveLength(3);
  await userEvent.click(await found('button.moved-unit'));
  expect(training.openUnits.value).toContain('conv4/block2');
});

test('a step around which nothing moved says so', async () => {
  page = openTraining({ pins: String(stepOf(50)) });
  await vi.waitFor(() =>
    expect(page.root.textContent).toContain('Nothing left its usual range around step 81,600.'),
  );
});

test('dark mode has its own colours of pins and curves', async () => {
  page = openTraining({ pins: String(stepOf(50)) });
  await drawn();
  const colors = async () => [
    getComputedStyle(await found('.time-axis-pin')).stroke,
    getComputedStyle(await found('.model-curve')).stroke,
  ];
  const light = await colors();
  setDark(true);
  const dark = await colors();
  expect(dark[0]).not.toBe(light[0]);
  expect(dark[1]).not.toBe(light[1]);
});
