import { render } from 'preact';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { GUTTER, MARGIN } from '../../src/scales/steps';
import { latest } from '../../src/state/resources';
import { filters, layer } from '../../src/state/selection';
import * as state from '../../src/state/training';
import * as data from '../../src/state/training-data';
import { trainingNetwork } from '../../src/state/training-network';
import { installTheme, setDark } from '../../src/theme/theme';
import { layersCsv, layersSvg } from '../../src/views/training-layers/files';
import { LayersView } from '../../src/views/training-layers/LayersView';
import * as model from '../../src/views/training-layers/model';
import { answerFrom, resetLayers } from '../harness-layers/answering';
import { deepNetwork, logOf, type MadeLog, resNet50, smallNetwork } from '../harness-layers/log';
import { found } from './page';

const ROW = 35;
let root: HTMLElement;
let stop: () => void = () => undefined;
let log: MadeLog;

function open(made: MadeLog = logOf(resNet50(), 757, 1600), answered = true): void {
  log = made;
  if (answered) stop = answerFrom(made);
  root = document.createElement('div');
  document.body.append(root);
  render(<LayersView />, root);
}

beforeEach(async () => {
  await browserPage.viewport(1280, 900);
  installTheme();
  setDark(false);
  resetLayers();
  layer.value = null;
  filters.value = [];
  model.zooms.value = new Map();
  model.treePath.value = null;
});

afterEach(() => {
  stop();
  stop = () => undefined;
  render(null, root);
  root.remove();
});

const items = () => [...root.querySelectorAll<HTMLElement>('[role="treeitem"]')];
const labels = () => items().map((item) => item.querySelector('.layers-label-name')?.textContent);
const item = (path: string) => found(`.layers-label[data-unit="${path}"]`);
const charts = () => [...root.querySelectorAll<HTMLCanvasElement>('.layers-chart canvas')];
const button = (name: string | RegExp) => browserPage.getByRole('button', { name, exact: true });
const stage = () => found('.layers-stage');

/** The painted colours of a canvas along a line, as text; empty where nothing is painted. */
function colorsOf(canvas: HTMLCanvasElement, y: number): string[] {
  const context = canvas.getContext('2d');
  if (!context || canvas.width === 0) return [];
  const line = Math.round(y * window.devicePixelRatio);
  const bytes = context.getImageData(0, line, canvas.width, 1).data;
  return Array.from({ length: canvas.width }, (_, at) => {
    const [red, green, blue, alpha] = bytes.subarray(4 * at, 4 * at + 4);
    return alpha === 0 ? '' : `${red},${green},${blue}`;
  });
}

async function at(path: string, dump: number, y = 12) {
  const row = model.rows.value.find(({ unit }) => unit.path === path);
  const box = (await stage()).getBoundingClientRect();
  const column = model.columns.value.find(({ index }) => index === dump);
  return {
    bubbles: true,
    clientX: box.left + GUTTER + ((column?.left ?? 0) + (column?.right ?? 0)) / 2,
    clientY: box.top + (row?.top ?? 0) + y,
  };
}

async function painted(): Promise<void> {
  await vi.waitFor(() => {
    expect(charts().length).toBeGreaterThan(0);
    for (const canvas of charts()) {
      const colors = [2, 9, 16, 23, 30].flatMap((y) => colorsOf(canvas, y));
      expect(new Set(colors).size).toBeGreaterThan(1);
    }
  });
}

test('every outermost unit has a row with its parameters and a painted chart on the time axis', async () => {
  open();
  await painted();
  expect(labels()).toEqual(['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc1000']);
  expect((await item('conv4')).textContent).toContain('7.08\u00a0M param.');
  const [first] = charts();
  const box = first?.getBoundingClientRect();
  const around = (await stage()).getBoundingClientRect();
  expect([(box?.left ?? 0) - around.left, around.right - (box?.right ?? 0)]).toEqual([
    GUTTER,
    MARGIN,
  ]);
  expect(first?.getAttribute('aria-label')).toMatch(
    /^conv1, 64 filters, 9,408 parameters: mean magnitude \(L1\) of gradients, from .* to .*, greatest at step /,
  );
});

test('an incident stands out in the column of its step', async () => {
  open();
  await painted();
  const [incident = 0] = log.incidents;
  const x = Math.floor(model.scale.value.x(log.training.dumps[incident] as number));
  const canvas = charts()[3] as HTMLCanvasElement;
  const colors = colorsOf(canvas, 4);
  const darkest = model.style.value.horizon.above.at(-1) as string;
  const hex = (color: string | undefined) =>
    `#${(color ?? '')
      .split(',')
      .map((part) => Number(part).toString(16).padStart(2, '0'))
      .join('')}`;
  expect([1, 2].map((away) => hex(colors[x + away]))).toContain(darkest);
});

test('a click opens a unit in its place, a click on its bracket closes it', async () => {
  open();
  await painted();
  (await item('conv2')).click();
  await vi.waitFor(() =>
    expect(labels().filter(Boolean)).toEqual([
      'conv1',
      'block1',
      'block2',
      'block3',
      'conv3',
      'conv4',
      'conv5',
      'fc1000',
    ]),
  );
  await painted();
  expect(root.querySelectorAll('.layers-tree:not(.layers-tree-over) .layers-curve')).toHaveLength(
    8,
  );
  const bracket = await found('[data-bar="open"] .layers-bar-reach');
  bracket.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  await vi.waitFor(() => expect(labels()).toHaveLength(6));
  expect(state.openUnits.value).toEqual([]);
});

test('the tree is walked, opened and closed by keys', async () => {
  open();
  (await item('conv1')).focus();
  await userEvent.keyboard('{ArrowDown}');
  await vi.waitFor(() => expect(document.activeElement?.getAttribute('data-unit')).toBe('conv2'));
  await userEvent.keyboard('{ArrowRight}');
  await vi.waitFor(() =>
    expect(document.activeElement?.getAttribute('aria-expanded')).toBe('true'),
  );
  expect(document.activeElement?.getAttribute('aria-level')).toBe('1');
  await userEvent.keyboard('{ArrowRight}');
  await vi.waitFor(() =>
    expect(document.activeElement?.getAttribute('data-unit')).toBe('conv2/block1'),
  );
  expect(state.hoveredUnit.value).toBe('conv2/block1');
  await userEvent.keyboard('{ArrowLeft}');
  await vi.waitFor(() =>
    expect(document.activeElement?.getAttribute('aria-expanded')).toBe('true'),
  );
  await userEvent.keyboard('{ArrowLeft}');
  await vi.waitFor(() => expect(labels()).toHaveLength(6));
  expect(document.activeElement?.getAttribute('data-unit')).toBe('conv2');
  await userEvent.keyboard('{Home}{Enter}');
  await found('[data-filters="conv1"]');
  expect(document.activeElement?.getAttribute('aria-expanded')).toBe('true');
});

test('hovering sets step and unit, tells exact values and paints no chart anew', async () => {
  open();
  await painted();
  const paint = vi.spyOn(CanvasRenderingContext2D.prototype, 'clearRect');
  (await stage()).dispatchEvent(new PointerEvent('pointermove', await at('conv3', 300)));
  const card = await found('.tooltip .layers-card');
  const step = log.training.dumps[300] as number;
  expect([state.hoveredStep.value, state.hoveredUnit.value]).toEqual([step, 'conv3']);
  expect(card.textContent).toContain(`step ${step.toLocaleString('en-US')}`);
  const value = model.values.value.get('conv3')?.values[300] as number;
  expect(card.textContent).toContain(value.toExponential(4).replace('-', '−').slice(0, 5));
  expect(root.querySelectorAll('.layers-row-hit, .layers-curve-hit, .layers-bar-hit')).toHaveLength(
    3,
  );
  expect(paint).not.toHaveBeenCalled();
  paint.mockRestore();
  (await stage()).dispatchEvent(new PointerEvent('pointerleave'));
  expect(state.hoveredStep.value).toBeNull();
});

test('a unit that another view points at is highlighted with what it lies in', async () => {
  open();
  await painted();
  state.hoveredUnit.value = 'conv4/block2/conv3';
  await found('.layers-bar-hit');
  expect(root.querySelectorAll('.layers-layer-hit')).toHaveLength(1);
  expect(root.querySelectorAll('.layers-row-hit')).toHaveLength(1);
});

const layerMark = (path: string) => found(`.layers-layer[data-unit="${path}"]`);

test('the network is drawn beside the tree, with its sums and the ways around its blocks', async () => {
  open();
  await painted();
  expect(root.querySelectorAll('.layers-layer')).toHaveLength(54);
  expect(root.querySelectorAll('.layers-join')).toHaveLength(16);
  expect(root.querySelectorAll('.layers-link')).toHaveLength(53 + 2 * 16);
  const bars = root.querySelectorAll('.layers-bar-reach');
  const left = Math.min(...[...bars].map((bar) => bar.getBoundingClientRect().left));
  for (const mark of root.querySelectorAll('.layers-layer, .layers-join, .layers-link')) {
    expect(mark.getBoundingClientRect().right).toBeLessThan(left);
  }
  expect(root.querySelector('.layers-hint')).toBeNull();
});

test('a layer of the drawn network and its row are highlighted together', async () => {
  open();
  await painted();
  const mark = await layerMark('conv4/block2/conv3');
  mark.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientY: 0 }));
  expect(state.hoveredUnit.value).toBe('conv4/block2/conv3');
  await vi.waitFor(() => expect(root.querySelectorAll('.layers-layer-hit')).toHaveLength(1));
  (await stage()).dispatchEvent(new PointerEvent('pointermove', await at('conv4', 300)));
  await vi.waitFor(() => expect(root.querySelectorAll('.layers-layer-hit')).toHaveLength(19));
  const orange = getComputedStyle(document.documentElement).getPropertyValue('--accent').trim();
  const probe = document.createElement('i');
  probe.style.color = orange;
  root.append(probe);
  const hit = await found('.layers-layer-hit');
  expect(getComputedStyle(hit).fill).toBe(getComputedStyle(probe).color);
});

test('a click on a layer of the drawn network brings its row, another its filters', async () => {
  open();
  await painted();
  (await layerMark('conv3/block2/conv1')).dispatchEvent(new MouseEvent('click', { bubbles: true }));
  expect(state.openUnits.value).toEqual(['conv3/block2', 'conv3']);
  await found('.layers-label[data-unit="conv3/block2/conv1"]');
  expect(state.openLayers.value).toEqual([]);
  (await layerMark('conv3/block2/conv1')).dispatchEvent(new MouseEvent('click', { bubbles: true }));
  expect(state.openLayers.value).toEqual(['conv3/block2/conv1']);
});

test('without a snapshot the layers stand alone, and the page says why', async () => {
  open();
  trainingNetwork.value = { status: 'idle' };
  await painted();
  await vi.waitFor(() =>
    expect(root.querySelector('.layers-hint')?.textContent).toBe(
      'How the layers are connected is not known: no snapshot of this run can be read.',
    ),
  );
  expect(root.querySelectorAll('.layers-layer')).toHaveLength(54);
  expect(root.querySelectorAll('.layers-link, .layers-join')).toHaveLength(0);
});

test('a click pins the step, or opens what lies there', async () => {
  open();
  await painted();
  (await stage()).dispatchEvent(new MouseEvent('click', await at('conv3', 300)));
  expect(state.pins.value).toEqual([log.training.dumps[300]]);
  state.pinMode.value = false;
  (await stage()).dispatchEvent(new MouseEvent('click', await at('conv3', 300)));
  expect(state.openUnits.value).toEqual(['conv3']);
  (await stage()).dispatchEvent(new MouseEvent('click', await at('conv1', 300)));
  expect(state.openLayers.value).toEqual(['conv1']);
});

test('arrows move over the charts, Enter pins', async () => {
  open();
  await painted();
  const keys = await found('.layers-keys');
  keys.focus();
  await userEvent.keyboard('{End}{ArrowDown}{ArrowLeft}');
  expect(keys.getAttribute('aria-valuetext')).toMatch(/^conv2, step 1,209,600: mean magnitude/);
  await userEvent.keyboard('{Enter}');
  expect(state.pins.value).toEqual([1_209_600]);
  expect((await found('.tooltip')).textContent).toContain('conv2');
});

test.each([
  ['Line', 'line'],
  ['Box plot', 'box'],
  ['Change ratio', 'bands'],
  ['Horizon', 'horizon'],
])('the chart %s is painted, with its own legend', async (name, chart) => {
  open();
  await painted();
  const before = root.querySelector('.layers-legend')?.textContent;
  if (chart === 'horizon') state.layerChart.value = 'line';
  await button(name).click();
  expect(state.layerChart.value).toBe(chart);
  await painted();
  if (chart !== 'horizon')
    await vi.waitFor(() =>
      expect(root.querySelector('.layers-legend')?.textContent).not.toBe(before),
    );
});

test('kinds are those of the log, and change ratios are of updates and gradients', async () => {
  open();
  await painted();
  const options = () =>
    [...root.querySelectorAll('.panel-controls select')].map((select) =>
      [...select.querySelectorAll('option')].map(({ textContent }) => textContent),
    );
  expect(options()[0]).toEqual(['Weights', 'Updates', 'Gradients', 'First moments']);
  await browserPage.getByRole('combobox', { name: 'Of' }).selectOptions('Weights');
  await vi.waitFor(() => expect(state.shownKind.value).toBe('weight'));
  await button('Change ratio').click();
  await vi.waitFor(() => expect(options()[0]).toEqual(['Updates', 'Gradients']));
  expect(state.shownKind.value).toBe('gradient');
});

test('the edges of bands are edited', async () => {
  state.layerChart.value = 'bands';
  open();
  await painted();
  await button('Bands…').click();
  await browserPage.getByRole('combobox', { name: 'Edge 1' }).selectOptions('0.00002');
  await vi.waitFor(() => expect(state.bandEdges.value).toEqual([0.00002, 0.001, 0.01, 0.1]));
  await button('Remove 0.01').click();
  await button('Add an edge').click();
  await vi.waitFor(() => expect(state.bandEdges.value).toHaveLength(4));
  await vi.waitFor(() => expect(root.querySelectorAll('.layers-legend > span')).toHaveLength(5));
  await button('Decades').click();
  expect(state.bandEdges.value).toEqual([0.0001, 0.001, 0.01, 0.1]);
  await painted();
});

test('one scale for all rows has one range of numbers', async () => {
  open();
  await painted();
  const scales = () =>
    [...root.querySelectorAll('.layers-scale')].map(({ textContent }) => textContent);
  const legend = () => root.querySelector('.layers-legend')?.textContent;
  expect(new Set(scales()).size).toBeGreaterThan(1);
  expect(legend()).toContain("3 bands up to the row's scale");
  await button('Same scale').click();
  await vi.waitFor(() => expect(new Set(scales()).size).toBe(1));
  expect(legend()).toContain('3 bands up to the scale of all rows');
});

test('signed values have two hues, and hang or rise', async () => {
  state.layerStatistic.value = 'mean';
  open();
  await painted();
  expect(root.querySelector('.layers-legend')?.textContent).toBe('negativepositive');
  const canvas = charts()[0] as HTMLCanvasElement;
  const top = () => colorsOf(canvas, 1).filter(Boolean).length;
  const mirrored = top();
  await button('Mirror').click();
  await vi.waitFor(() => expect(top()).toBeGreaterThan(mirrored));
});

test('an opened layer shows its filters, zoomed and scrolled', async () => {
  open();
  (await item('conv1')).click();
  const box = await found('[data-filters="conv1"]');
  const canvas = () => box.querySelector('canvas') as HTMLCanvasElement;
  await vi.waitFor(() => expect(new Set(colorsOf(canvas(), 20)).size).toBeGreaterThan(20));
  expect(box.clientHeight).toBe(128);
  for (let press = 0; press < 8; press += 1) {
    await button('Zoom in: filters of conv1').click();
  }
  await vi.waitFor(() => expect([box.clientHeight, box.scrollHeight]).toEqual([400, 640]));
  const before = colorsOf(canvas(), 4).join();
  box.scrollTop = 200;
  await vi.waitFor(() => expect(colorsOf(canvas(), 4).join()).not.toBe(before));
  const left = (await found('[data-filters="conv1"] canvas')).getBoundingClientRect();
  expect(left.width).toBe(model.chartWidth.value);
});

test('the three scales paint filters differently', async () => {
  state.openLayers.value = ['conv1'];
  open();
  const box = await found('[data-filters="conv1"]');
  const line = () => colorsOf(box.querySelector('canvas') as HTMLCanvasElement, 20).join();
  const seen = new Set<string>();
  for (const name of ['Per dump', 'Global', 'Per filter']) {
    await button(name).click();
    await vi.waitFor(() => expect(seen.has(line())).toBe(false));
    seen.add(line());
  }
  expect(seen.size).toBe(3);
});

test('a filter is read with its relative norm, and selected for Compare', async () => {
  state.openLayers.value = ['conv1'];
  state.pinMode.value = false;
  open();
  const box = await found('[data-filters="conv1"]');
  const frame = box.getBoundingClientRect();
  const place = { bubbles: true, clientX: frame.left + 400, clientY: frame.top + 2 * 9 + 1 };
  box.dispatchEvent(new PointerEvent('pointermove', place));
  const card = await found('.tooltip .layers-card');
  expect(card.textContent).toContain('filter 9 of conv1');
  expect(card.textContent).toMatch(/Cosine similarity0\.\d+Relative change ‖Δw‖₂ ∕ ‖w‖₂0\.\d+/);
  expect(state.readLayer.value).toBe('conv1');
  box.dispatchEvent(new MouseEvent('click', place));
  expect([layer.value, filters.value]).toEqual(['conv1', [9]]);
  await found('.layers-chosen');
  await button('Compare').click();
  expect(state.page.value).toBe('compare');
});

test('filters are walked by keys, and their steps pinned', async () => {
  state.openLayers.value = ['conv1'];
  open();
  const box = await found('[data-filters="conv1"]');
  box.focus();
  await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowLeft}{+}{+}');
  await vi.waitFor(() =>
    expect(box.getAttribute('aria-valuetext')).toMatch(/^filter 2, step 1,209,600: Cosine/),
  );
  expect(model.zooms.value.get('conv1')).toBe(2);
  await userEvent.keyboard('{Enter}');
  expect(state.pins.value).toEqual([1_209_600]);
});

test('top filters have a line each, and a ranked list with cosine and norm at every pin', async () => {
  open();
  await painted();
  expect((await found('.layers-commands button:last-child')).hasAttribute('disabled')).toBe(true);
  state.pinAll(log.incidents.map((dump) => log.training.dumps[dump] as number));
  await button('Top filters').click();
  const list = await found('.layers-top table');
  const rows = [...list.querySelectorAll('tbody tr')];
  const lines = root.querySelectorAll('.layers-line-label');
  expect(rows.length).toBe(lines.length);
  expect(rows[0]?.querySelectorAll('td')).toHaveLength(2 + 4);
  expect(charts()).toHaveLength(state.topLayers.value?.length ?? -1);
  const name = rows[0]?.querySelector('th button') as HTMLButtonElement;
  name.click();
  expect(`${layer.value} · ${filters.value[0]}`).toBe(name.textContent);
  await vi.waitFor(() => expect(root.querySelectorAll('tr[data-chosen]')).toHaveLength(1));
  const canvas = await found<HTMLCanvasElement>('.layers-filters canvas');
  await vi.waitFor(() => expect(new Set(colorsOf(canvas, 5)).size).toBeGreaterThan(5));
  expect(colorsOf(canvas, 13.5).some(Boolean)).toBe(false);
});

test('pins that have no top filter in common say so', async () => {
  open(undefined, false);
  const known = log.training;
  state.training.value = { status: 'ready', value: known };
  state.pins.value = [1600, 3200];
  state.onlyTop.value = true;
  const value = { steps: [1600, 3200], count: 20, filters: [], left_out: [] };
  data.topFilters.value = { status: 'ready', value };
  expect((await found('.empty-state')).textContent).toContain(
    'The 20 most changed filters of 2 steps have none in common',
  );
  await button('Show all layers').click();
  await vi.waitFor(() => expect(labels()).toHaveLength(6));
});

test('of 200 layers only those in sight are painted', async () => {
  open(logOf(deepNetwork(200), 757, 1600));
  await painted();
  expect((await stage()).clientHeight).toBe(200 * ROW);
  expect(charts().length).toBeLessThan(60);
  window.scrollTo(0, 5000);
  await vi.waitFor(() => expect(labels()).toContain('layer140'));
  await painted();
  expect(charts().length).toBeLessThan(60);
  window.scrollTo(0, 0);
});

test('findings mark the rows of what they are about', async () => {
  open();
  const mark = await found('[data-unit="conv3"] .layers-finding');
  expect([mark.dataset.severity, mark.title]).toEqual([
    'problem',
    'conv3/block2/conv2 never changed.',
  ]);
  expect((await item('conv3')).getAttribute('aria-label')).toContain('never changed');
});

test('a small network of few dumps has wide columns', async () => {
  open(logOf(smallNetwork(), 12, 100));
  await painted();
  expect(labels()).toEqual(['conv1', 'conv2', 'fc']);
  expect(root.querySelector('.panel-subtitle')?.textContent).toContain('3 layers × 12 dumps');
  await browserPage.getByRole('combobox', { name: 'Of' }).selectOptions('Updates');
  await vi.waitFor(() =>
    expect(root.querySelector('.layers-legend')?.textContent).toContain('not known'),
  );
});

test('a range of steps shows its dumps only', async () => {
  open();
  await painted();
  state.stepRange.value = [160_000, 176_000];
  await vi.waitFor(() => expect(model.buckets.value).toHaveLength(11));
  await painted();
});

test('what is not read yet, failed, stale or not there is said', async () => {
  open(undefined, false);
  await found('.layers-wait');
  const { training } = log;
  state.training.value = { status: 'ready', value: { ...training, dumps: [], note: 'No dump.' } };
  expect((await found('.empty-state')).textContent).toContain('No dump.');
  state.training.value = { status: 'ready', value: training };
  data.layerSeries.value = { status: 'loading', job: null, stale: null };
  await vi.waitFor(() => expect(root.querySelectorAll('canvas[data-loading]')).toHaveLength(6));
  expect(root.querySelector('.section')?.getAttribute('aria-busy')).toBe('true');
  const failure = { code: 'unreadable', message: 'A segment is damaged.' };
  data.layerSeries.value = { status: 'failed', failure, stale: null };
  expect((await found('.layers-failed')).textContent).toContain('A segment is damaged.');
  state.openLayers.value = ['conv1'];
  data.filterSeries.value = new Map([['conv1', { status: 'failed', failure, stale: null }]]);
  expect((await found('.layers-filters-failed')).textContent).toContain('damaged');
  state.training.value = { status: 'failed', failure, stale: null };
  expect((await found('.empty-state[data-tone="error"]')).textContent).toContain('damaged');
});

test('rows of which nothing was recorded say so', async () => {
  open(undefined, false);
  state.training.value = { status: 'ready', value: log.training };
  const units = state.shownUnits.value;
  const values = new Float32Array(units.length * 757).fill(Number.NaN);
  data.layerSeries.value = {
    status: 'ready',
    value: { units, kind: 'gradient', statistic: 'l1', depth: 1, values, notFinite: null },
  };
  await vi.waitFor(() => expect(root.querySelectorAll('.layers-none')).toHaveLength(6));
});

/** From dump 700 on no value of conv1 is finite, and 5 of 100 of conv2 are not. */
function breakValues(): void {
  const series = latest(data.layerSeries.value);
  if (series === null) throw new Error('no series');
  const [values, cells] = [series.values.slice(), series.units.length * 757];
  const [some, of] = [new Float64Array(cells), new Float64Array(cells).fill(100)];
  const [first, second] = ['conv1', 'conv2'].map((path) => series.units.indexOf(path) * 757);
  values.fill(Number.NaN, (first as number) + 700, (first as number) + 757);
  some.fill(100, (first as number) + 700, (first as number) + 757);
  some.fill(5, (second as number) + 700, (second as number) + 757);
  data.layerSeries.value = {
    status: 'ready',
    value: { ...series, values, notFinite: { some, of } },
  };
}

test('dumps with values that are NaN or infinite have a striped edge, a legend and words', async () => {
  open();
  await painted();
  breakValues();
  await vi.waitFor(() =>
    expect(root.querySelector('.layers-legend')?.textContent).toContain('NaN or infinite'),
  );
  expect(root.querySelector('.layers-legend')?.textContent).not.toContain('not known');
  const [before, after] = [650, 720].map((dump) => model.columns.value[dump]?.left as number);
  const struck = (canvas: HTMLCanvasElement | undefined, left: number, y: number) =>
    new Set(colorsOf(canvas as HTMLCanvasElement, y).slice(left, left + 12));
  const edge = new Set(['179,38,30', '255,255,255']);
  await vi.waitFor(() => expect(struck(charts()[0], after as number, 2)).toEqual(edge));
  expect(struck(charts()[1], after as number, 2)).toEqual(edge);
  expect(struck(charts()[2], after as number, 2)).not.toEqual(edge);
  expect(struck(charts()[1], before as number, 2)).not.toEqual(edge);
  expect(struck(charts()[0], after as number, 20)).toEqual(new Set(['253,236,234']));
  expect(struck(charts()[1], after as number, 31)).not.toEqual(new Set(['253,236,234']));
  expect(charts()[0]?.getAttribute('aria-label')).toContain(
    `some NaN or infinite at 57 dumps, first at step ${log.training.dumps[700]?.toLocaleString('en-US')}`,
  );
  const card = async (path: string) => {
    (await stage()).dispatchEvent(new PointerEvent('pointermove', await at(path, 720)));
    return (await found('.tooltip .layers-card')).textContent;
  };
  await vi.waitFor(async () =>
    expect(await card('conv2')).toContain(
      '5 of 100 gradients are NaN or infinite; the mean magnitude (L1) is of the others',
    ),
  );
  await vi.waitFor(async () => expect(await card('conv1')).toContain('none finite'));
  expect(await card('conv1')).toContain('all 100 gradients are NaN or infinite');
  expect(await card('conv1')).not.toContain('not known');
});

test('a log of weights alone has no change ratios', async () => {
  state.layerChart.value = 'bands';
  open(logOf(resNet50(), 757, 1600, { kinds: ['weight'] }));
  await found('.empty-state');
  await button('Show the weights').click();
  await painted();
});

test('the drawing for export holds every row, and the table every value', async () => {
  state.openLayers.value = ['conv1'];
  open();
  await painted();
  await found('[data-filters="conv1"] canvas');
  const drawn = new DOMParser().parseFromString(layersSvg('Layers'), 'image/svg+xml');
  expect(drawn.querySelector('parsererror')).toBeNull();
  const texts = [...drawn.querySelectorAll('text')].map(({ textContent }) => textContent);
  expect(texts).toEqual(expect.arrayContaining(['Layers', 'conv1', 'fc1000', '9,408 parameters']));
  expect(drawn.querySelectorAll('image')).toHaveLength(1);
  const lines = layersCsv().trim().split('\r\n');
  expect(lines).toHaveLength(1 + 6 * 757 + 64 * 757);
});

test('the dark page is painted in its own colours', async () => {
  open();
  await painted();
  const canvas = charts()[0] as HTMLCanvasElement;
  const light = colorsOf(canvas, 30).join();
  setDark(true);
  await vi.waitFor(() => expect(colorsOf(canvas, 30).join()).not.toBe(light));
});
