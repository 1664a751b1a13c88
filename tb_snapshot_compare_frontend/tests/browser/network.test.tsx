import { options, render } from 'preact';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { userEvent } from 'vitest/browser';
import type { Architecture, LayerNode, TensorDifference } from '../../src/client/types';
import { sequential, steps } from '../../src/scales/color';
import { formatMeasure } from '../../src/scales/format';
import { architecture, comparison, filterMeasures } from '../../src/state/resources';
import {
  filters,
  hoveredLayer,
  layer,
  metric,
  selectLayer,
  toggledGroups,
} from '../../src/state/selection';
import { applyShared, currentShared, decode, encode } from '../../src/state/url';
import { filterOrder } from '../../src/state/view-choice';
import { installTheme, setDark } from '../../src/theme/theme';
import { csvText, svgText } from '../../src/views/network/export';
import * as model from '../../src/views/network/model';
import { NetworkView } from '../../src/views/network/NetworkView';
import {
  alexNet,
  compared,
  denseNet121,
  filtersOf,
  namesOnly,
  resNet50,
  sharedModel,
} from '../harness-network/networks';

let root: HTMLElement;

beforeEach(() => {
  installTheme();
  setDark(false);
  root = document.createElement('div');
  root.style.cssText = 'width:1200px;height:560px';
  document.body.append(root);
});

afterEach(() => {
  render(null, root);
  root.remove();
  selectLayer(null);
  metric.value = 'l2';
  toggledGroups.value = [];
  model.mode.value = 'diagram';
  model.query.value = '';
  model.compact.value = true;
  model.blocks.value = null;
  architecture.value = { status: 'idle' };
  comparison.value = { status: 'idle' };
  filterMeasures.value = { status: 'idle' };
});

const box = (name: string): SVGGElement | null =>
  root.querySelector<SVGGElement>(`[data-key="box:${name}"]`);

function kernelOf(layerName: string): TensorDifference {
  const shape = [3, 3, 4, 4];
  return {
    ...{ name: `${layerName}/kernel`, layer: layerName, role: 'kernel', scope: 'weights' },
    ...{ dtype_a: 'float32', dtype_b: 'float32', shape_a: shape, shape_b: shape },
    ...{ status: 'compared', count: 144, problem: null, rule: 'name', measures: null },
  };
}

async function shown(name: string): Promise<SVGGElement> {
  await vi.waitFor(() => expect(box(name)).not.toBeNull(), { timeout: 5000 });
  return box(name) as SVGGElement;
}

function show(net: Architecture): void {
  architecture.value = { status: 'ready', value: net };
  comparison.value = { status: 'ready', value: compared(net) };
  render(<NetworkView />, root);
}

const fill = (name: string): string | null | undefined =>
  box(name)?.querySelector('.net-fill')?.getAttribute('fill');

test('shades each layer by its difference, with the number and a label for screen readers', async () => {
  show(alexNet());
  const element = await shown('conv4');
  const values = new Map(compared(alexNet()).layers.map((one) => [one.name, one.measures.l2]));
  const top = Math.max(...[...values.values()].map((value) => value ?? 0));
  const color = sequential('light', [0, top]);
  for (const name of ['conv1', 'conv4', 'fc6'])
    expect(fill(name)).toBe(color(values.get(name) ?? 0));
  expect(fill('pool1')).toBe('var(--card)');
  expect(element.textContent).toContain('1.084');
  expect(element.getAttribute('aria-label')).toBe(
    'conv4, Conv2D, Euclidean distance 1.084, 1,327,488 weights',
  );
  expect(box('pool1')?.getAttribute('aria-label')).toBe('pool1, MaxPooling2D, no weights');
});

test('shades end at the largest kernel, and the legend says what lies beyond', async () => {
  const net = alexNet();
  const known = compared(net);
  const [statistics, ...kernels] = known.layers.map(({ name }) => name);
  comparison.value = {
    status: 'ready',
    value: {
      ...known,
      layers: known.layers.map((one) =>
        one.name === statistics ? { ...one, measures: { ...one.measures, l2: 50 } } : one,
      ),
      tensors: kernels.map((name) => kernelOf(name)),
    },
  };
  architecture.value = { status: 'ready', value: net };
  render(<NetworkView />, root);
  await shown(statistics as string);
  const top = Math.max(...known.layers.slice(1).map(({ measures }) => measures.l2 ?? 0));
  const color = sequential('light', [0, top]);
  expect(fill(statistics as string)).toBe(color(top));
  expect(fill('conv4')).toBe(
    color(known.layers.find(({ name }) => name === 'conv4')?.measures.l2 ?? 0),
  );
  expect(root.querySelector('.color-legend-scale')?.textContent).toContain(
    `≥\u00a0${formatMeasure('l2', top)}`,
  );
  expect(box(statistics as string)?.textContent).toContain('50');
});

test('a click on the ground deselects', async () => {
  show(alexNet());
  await shown('conv4');
  selectLayer('conv4');
  const ground = root.querySelector('.net-svg') as SVGSVGElement;
  await userEvent.click(ground, { position: { x: 2, y: 2 } });
  expect(layer.value).toBeNull();
});

test('a layer without filters says so plainly', async () => {
  show(alexNet());
  await shown('pool1');
  selectLayer('pool1');
  await vi.waitFor(() =>
    expect(root.querySelector('.net-strip')?.textContent).toBe(
      'pool1 has no weights, and so no filters.',
    ),
  );
});

test('shades by another metric, and in dark mode, as soon as these are chosen', async () => {
  show(alexNet());
  await shown('fc6');
  const before = fill('fc6');
  metric.value = 'sign_flips';
  await vi.waitFor(() => expect(box('fc6')?.getAttribute('aria-label')).toContain('Sign flips'));
  metric.value = 'l2';
  setDark(true);
  await vi.waitFor(() => expect(fill('fc6')).not.toBe(before));
  expect(fill('fc6')).toBe(sequential('dark', [0, 1])(1));
});

test('a click selects a layer, a second click and Escape clear it', async () => {
  show(alexNet());
  filters.value = [3];
  await userEvent.click(await shown('conv3'));
  expect(layer.value).toBe('conv3');
  expect(filters.value).toEqual([]);
  await vi.waitFor(() => expect(box('conv3')?.getAttribute('aria-pressed')).toBe('true'));
  expect(root.querySelector('.net-selected')).not.toBeNull();
  expect(root.querySelector('.panel-subtitle')?.textContent).toContain('conv3 · Conv2D');
  await userEvent.click(box('conv3') as SVGGElement);
  expect(layer.value).toBeNull();
  await userEvent.click(box('conv3') as SVGGElement);
  box('conv3')?.focus();
  await userEvent.keyboard('{Escape}');
  expect(layer.value).toBeNull();
});

test('arrow keys follow the network, and Enter selects', async () => {
  show(alexNet());
  (await shown('input')).focus();
  await userEvent.keyboard('{ArrowRight}');
  await vi.waitFor(() => expect(document.activeElement).toBe(box('conv1')));
  await userEvent.keyboard('{ArrowRight}');
  await vi.waitFor(() => expect(document.activeElement).toBe(box('pool1')));
  await userEvent.keyboard('{ArrowRight}');
  await vi.waitFor(() => expect(document.activeElement).toBe(box('conv2')));
  await userEvent.keyboard('{Enter}');
  expect(layer.value).toBe('conv2');
  expect(root.querySelectorAll('.net-svg [tabindex="0"]').length).toBe(1);
});

test('the pointer on a layer tells the other views, and shows all its measures', async () => {
  show(alexNet());
  await userEvent.hover(await shown('conv5'));
  await vi.waitFor(() => expect(hoveredLayer.value).toBe('conv5'));
  await vi.waitFor(() => expect(document.querySelector('.net-card')).not.toBeNull());
  const card = document.querySelector('.net-card')?.textContent ?? '';
  for (const text of [
    'conv5',
    'Conv2D',
    '13 × 13 × 256',
    '884,992',
    'Cosine dissimilarity',
    'pool5',
  ])
    expect(card).toContain(text);
});

test('a group opens in place by double click and closes by its title', async () => {
  show(resNet50());
  const group = await shown('conv3_block2');
  expect(group.getAttribute('aria-expanded')).toBe('false');
  expect(root.querySelectorAll('.net-box').length).toBe(21);
  await userEvent.dblClick(group);
  expect(toggledGroups.value).toEqual(['conv3_block2']);
  await shown('conv3_block2_2_conv');
  const title = root.querySelector<SVGGElement>('[data-key="frame:conv3_block2"]');
  expect(title?.getAttribute('aria-expanded')).toBe('true');
  await vi.waitFor(() => expect(document.activeElement).toBe(title));
  await userEvent.keyboard('{Enter}');
  await shown('conv3_block2');
  expect(toggledGroups.value).toEqual([]);
});

test('a selected layer inside a closed group outlines the group', async () => {
  show(resNet50());
  await shown('conv3_block2');
  selectLayer('conv3_block2_2_conv');
  await vi.waitFor(() => expect(root.querySelector('.net-selected')).not.toBeNull());
  const outline = root.querySelector('.net-selected')?.getBoundingClientRect() as DOMRect;
  const group = box('conv3_block2')?.getBoundingClientRect() as DOMRect;
  expect(Math.abs(outline.x + outline.width / 2 - (group.x + group.width / 2))).toBeLessThan(6);
});

test('a closed group is shaded by its kernels, and its card has the whole', async () => {
  const net = resNet50();
  const known = compared(net);
  const [convolutions, others] = [/_conv$/, /_bn$/].map((pattern) =>
    known.layers.filter(({ name }) => pattern.test(name)),
  );
  const layers = known.layers.map((one) =>
    others?.includes(one) ? { ...one, measures: { ...one.measures, l2: 900 } } : one,
  );
  const tensors = (convolutions ?? []).map(({ name }) => kernelOf(name));
  comparison.value = { status: 'ready', value: { ...known, layers, tensors } };
  architecture.value = { status: 'ready', value: net };
  render(<NetworkView />, root);
  const group = await shown('conv3_block2');
  const top = model.domain.value[1];
  expect(top).toBeLessThan(900);
  const shades = new Set(
    ['conv2_block1', 'conv3_block2', 'conv4_block3', 'conv5_block3'].map((name) => {
      expect(model.values.value.get(name)?.value).toBeLessThanOrEqual(top);
      return fill(name);
    }),
  );
  expect(shades.size).toBeGreaterThan(1);
  await userEvent.hover(group);
  await vi.waitFor(() => expect(document.querySelector('.net-card')).not.toBeNull());
  const card = document.querySelector('.net-card')?.textContent ?? '';
  const whole = model.groupDifference(model.faces.value?.get('conv3_block2')?.members ?? []);
  expect(whole.value).toBeGreaterThan(900);
  expect(card).toContain(formatMeasure('l2', whole.value));
  const own = model.values.value.get('conv3_block2')?.value ?? null;
  expect(card).toContain(`Of kernelsEuclidean distance ${formatMeasure('l2', own)}`);
});

test('the card of a layer has the shape of its kernel', async () => {
  const net = alexNet();
  const known = compared(net);
  comparison.value = { status: 'ready', value: { ...known, tensors: [kernelOf('conv5')] } };
  architecture.value = { status: 'ready', value: net };
  render(<NetworkView />, root);
  await userEvent.hover(await shown('conv5'));
  await vi.waitFor(() =>
    expect(document.querySelector('.net-card')?.textContent).toContain('Kernel3 × 3 × 4 × 4'),
  );
});

test('what is read of a filter is never cut; a long layer name is', async () => {
  root.style.width = '560px';
  show(alexNet());
  selectLayer('conv5');
  const name = `encoder/${'block_'.repeat(20)}/conv5`;
  const node = { ...(alexNet().nodes.find((one) => one.name === 'conv5') as LayerNode), name };
  architecture.value = { status: 'ready', value: { ...alexNet(), nodes: [node], edges: [] } };
  layer.value = name;
  filterMeasures.value = { status: 'ready', value: { ...filtersOf('conv5', 100), layer: name } };
  await vi.waitFor(() => expect(root.querySelector('.net-strip-bars canvas')).not.toBeNull());
  const bars = root.querySelector('.net-strip-bars') as HTMLElement;
  await userEvent.hover(bars, { position: { x: 200, y: 20 } });
  const read = root.querySelector('.net-strip-read') as HTMLElement;
  await vi.waitFor(() => expect(read.textContent).toContain('of the largest'));
  expect(read.scrollWidth).toBeLessThanOrEqual(read.clientWidth);
  const strip = root.querySelector('.net-strip') as HTMLElement;
  const modes = strip.querySelector('.segments') as HTMLElement;
  expect(modes.getBoundingClientRect().right).toBeLessThanOrEqual(
    strip.getBoundingClientRect().right,
  );
  const label = strip.querySelector('.net-strip-name > b') as HTMLElement;
  expect(label.scrollWidth).toBeGreaterThan(label.clientWidth);
});

test('the focus goes to the strip when the chosen filters are cleared', async () => {
  show(alexNet());
  selectLayer('conv5');
  filterMeasures.value = { status: 'ready', value: filtersOf('conv5', 100) };
  filters.value = [3];
  const clear = await vi.waitUntil(() =>
    [...root.querySelectorAll<HTMLElement>('.net-strip button')].find(
      ({ textContent }) => textContent === 'Clear',
    ),
  );
  clear.focus();
  await userEvent.keyboard('{Enter}');
  expect(filters.value).toEqual([]);
  expect(document.activeElement).toBe(root.querySelector('.net-strip-bars'));
});

test('the text of the network is not drawn smaller than can be read', async () => {
  root.style.cssText = 'width:610px;height:340px';
  show(alexNet());
  const title = (await shown('conv4')).querySelector('.net-title') as SVGTextElement;
  await vi.waitFor(() => {
    const scale = (title.getScreenCTM() as DOMMatrix).a;
    expect(scale * 12.5).toBeGreaterThan(10);
    expect(scale * 10.5).toBeGreaterThan(8.9);
  });
});

test('compact, blocks, table and the order of the filters survive the address', async () => {
  show(resNet50());
  await shown('conv3_block2');
  const before = encode(currentShared());
  expect(before.compact).toBeUndefined();
  const press = (name: string) =>
    userEvent.click(
      [...root.querySelectorAll<HTMLElement>('button')].find(
        ({ textContent }) => textContent === name,
      ) as HTMLElement,
    );
  await press('Compact');
  await press('Blocks');
  await press('Table');
  filterOrder.value = 'difference';
  const keys = encode(currentShared());
  const wanted = { compact: 'off', blocks: 'off', network: 'table', order: 'difference' };
  expect(keys).toMatchObject(wanted);
  applyShared(decode(before));
  expect(model.compact.value).toBe(true);
  applyShared(decode(keys));
  await vi.waitFor(() => expect(root.querySelector('.net-table')).not.toBeNull());
  expect([model.compact.value, model.blocks.value, filterOrder.value]).toEqual([
    ...[false, false],
    'difference',
  ]);
  filterOrder.value = 'index';
});

test('layers of one snapshot only say so', async () => {
  show(sharedModel());
  const gate = await shown('gate');
  expect(gate.textContent).toContain('only in b');
  expect(gate.getAttribute('aria-label')).toContain('only in b');
  expect(box('head_old')?.textContent).toContain('only in a');
  const outline = gate.parentElement?.querySelector('.net-outline') as Element;
  expect(getComputedStyle(outline).strokeDasharray).not.toBe('none');
});

test('search dims what does not match, and Enter jumps and selects', async () => {
  show(alexNet());
  await shown('fc6');
  const input = root.querySelector<HTMLInputElement>('.net-find input') as HTMLInputElement;
  await userEvent.fill(input, 'fc');
  await vi.waitFor(() => expect(root.querySelectorAll('.net-dim').length).toBe(9));
  await userEvent.type(input, '{Enter}');
  expect(layer.value).toBe('fc6');
  await userEvent.type(input, '{Enter}');
  expect(layer.value).toBe('fc7');
});

test('one bar per output filter in five colours; click, range and keys choose filters', async () => {
  show(alexNet());
  await shown('conv5');
  selectLayer('conv5');
  const data = filtersOf('conv5', 100);
  filterMeasures.value = { status: 'ready', value: data };
  await vi.waitFor(() => expect(root.querySelector('.net-strip-bars canvas')).not.toBeNull());
  const bars = root.querySelector('.net-strip-bars') as HTMLElement;
  const canvas = bars.querySelector('canvas') as HTMLCanvasElement;
  await vi.waitFor(() => expect(canvas.width).toBeGreaterThan(300));
  const values = [...data.measures.l2];
  const top = Math.max(...values);
  const pixel = (index: number): string => {
    const x = Math.floor(((index + 0.5) * canvas.width) / 100);
    const [r, g, b] = canvas.getContext('2d')?.getImageData(x, canvas.height - 1, 1, 1).data ?? [];
    return `#${[r, g, b].map((part) => (part ?? 0).toString(16).padStart(2, '0')).join('')}`;
  };
  const colors = steps('light', 5);
  for (const index of [0, 17, 50, values.indexOf(top)]) {
    const step = Math.min(4, Math.floor(((values[index] as number) / top) * 5));
    await vi.waitFor(() => expect(pixel(index)).toBe(colors[step]));
  }
  const { width } = bars.getBoundingClientRect();
  const at = (index: number) => ({ position: { x: ((index + 0.5) * width) / 100, y: 20 } });
  await userEvent.hover(bars, at(25));
  await vi.waitFor(() =>
    expect(root.querySelector('.net-strip-read')?.textContent).toMatch(
      /^filter 25 · 0\.\d+ · \d+ % of the largest$/,
    ),
  );
  await userEvent.click(bars, at(25));
  expect(filters.value).toEqual([25]);
  await userEvent.click(bars, { ...at(28), modifiers: ['Shift'] });
  expect(filters.value).toEqual([25, 26, 27, 28]);
  bars.focus();
  await userEvent.keyboard('{Escape}');
  expect(filters.value).toEqual([]);
  await userEvent.keyboard('{Home}{ArrowRight}{Enter}');
  expect(filters.value).toEqual([1]);
  expect(layer.value).toBe('conv5');
});

test('4,096 filters share pixel columns, and the read-out says so', async () => {
  show(alexNet());
  selectLayer('fc6');
  filterMeasures.value = { status: 'ready', value: filtersOf('fc6', 4096) };
  await vi.waitFor(() => expect(root.querySelector('.net-strip-bars canvas')).not.toBeNull());
  const bars = root.querySelector('.net-strip-bars') as HTMLElement;
  await userEvent.hover(bars, { position: { x: 300, y: 20 } });
  await vi.waitFor(() =>
    expect(root.querySelector('.net-strip-read')?.textContent).toMatch(
      /^largest of \d+ filters here/,
    ),
  );
});

test('the table lists all layers, sorts by a measure, and selects', async () => {
  show(resNet50());
  model.mode.value = 'table';
  await vi.waitFor(() => expect(root.querySelector('.net-table')).not.toBeNull());
  expect(root.querySelector('.net-table')?.getAttribute('aria-rowcount')).toBe('178');
  expect(root.querySelectorAll('[data-row]').length).toBeLessThan(60);
  const header = [...root.querySelectorAll<HTMLElement>('.net-table thead button')].find(
    (button) => button.textContent === 'Euclidean distance',
  ) as HTMLElement;
  await userEvent.click(header);
  const differences = compared(resNet50()).layers;
  const most = differences.reduce((best, one) =>
    (one.measures.l2 ?? 0) > (best.measures.l2 ?? 0) ? one : best,
  );
  await vi.waitFor(() =>
    expect(root.querySelector<HTMLElement>('[data-row]')?.dataset.row).toBe(most.name),
  );
  await userEvent.click(root.querySelector('[data-row] th') as HTMLElement);
  expect(layer.value).toBe(most.name);
});

test('choosing another layer draws two rows of the table, however many there are', async () => {
  show(resNet50());
  model.mode.value = 'table';
  const row = (name: string) => root.querySelector(`[data-row="${name}"]`);
  await vi.waitFor(() => expect(row('conv1_conv')).not.toBeNull());
  selectLayer('conv1_conv');
  await vi.waitFor(() => expect(row('conv1_conv')?.ariaSelected).toBe('true'));
  const drawn: string[] = [];
  const created = options.vnode;
  options.vnode = (node) => {
    const name = (node.props as Record<string, unknown>)['data-row'];
    if (typeof name === 'string') drawn.push(name);
    created?.(node);
  };
  try {
    selectLayer('conv1_bn');
    await vi.waitFor(() => expect(row('conv1_bn')?.ariaSelected).toBe('true'));
  } finally {
    if (created) options.vnode = created;
    else delete options.vnode;
  }
  expect(drawn).toEqual(['conv1_conv', 'conv1_bn']);
});

test('layers known by their names only are shown in order with the reason', async () => {
  show(namesOnly());
  await shown('conv1');
  expect(root.querySelectorAll('.net-edges path').length).toBe(0);
  expect(root.querySelector('.net-note')?.textContent).toContain('No model configuration');
});

test('the network stays, dimmed, while the next comparison is computed, and after a failure', async () => {
  show(alexNet());
  await shown('fc6');
  const stale = compared(alexNet());
  const job = { id: '1', label: 'Comparing', state: 'running', done: 30, total: 100 } as const;
  comparison.value = { status: 'loading', job, stale };
  await vi.waitFor(() => expect(root.querySelector('[role="progressbar"]')).not.toBeNull());
  expect(box('fc6')?.textContent).toContain('2.589');
  const failure = { code: 'gone', message: 'epoch 40 was deleted; choose another snapshot' };
  comparison.value = { status: 'failed', failure, stale };
  await vi.waitFor(() => expect(root.textContent).toContain('epoch 40 was deleted'));
  architecture.value = { status: 'failed', failure, stale: null };
  await vi.waitFor(() => expect(root.querySelector('.empty-state')).not.toBeNull());
});

test('says nothing of differences while the first comparison is computed', async () => {
  architecture.value = { status: 'ready', value: alexNet() };
  comparison.value = { status: 'loading', job: null, stale: null };
  render(<NetworkView />, root);
  const element = await shown('conv1');
  expect(element.getAttribute('aria-label')).toBe('conv1, Conv2D, 34,944 weights');
  expect(fill('conv1')).toBe('var(--skeleton)');
  expect(root.textContent).not.toContain('not compared');
});

test('a layer that could not be compared is hatched and says so', async () => {
  const net = alexNet();
  const known = compared(net);
  const layers = known.layers.filter(({ name }) => name !== 'conv2');
  architecture.value = { status: 'ready', value: net };
  comparison.value = { status: 'ready', value: { ...known, layers } };
  render(<NetworkView />, root);
  const element = await shown('conv2');
  expect(fill('conv2')).toBe('url(#net-hatch)');
  expect(element.getAttribute('aria-label')).toContain('not compared');
  expect(root.querySelector('.net-keys')?.textContent).toContain('not compared');
});

test('exports the whole drawing with its styles resolved, and all measures', async () => {
  show(resNet50());
  await shown('predictions');
  const svg = svgText(root.querySelector('.net-svg'));
  expect(svg).toContain('conv5_block3');
  expect(svg).toContain('Euclidean distance');
  expect(svg).not.toContain('var(');
  expect(svg).not.toContain('class=');
  const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml');
  expect(parsed.querySelector('parsererror')).toBeNull();
  expect(root.querySelector('.net-export-legend')).toBeNull();
  const lines = csvText().trim().split('\r\n');
  expect(lines.length).toBe(178);
});

test('wheel zooms about the pointer, keys zoom and fit', async () => {
  show(alexNet());
  await shown('conv1');
  const svg = root.querySelector('.net-svg') as SVGSVGElement;
  const content = svg.querySelector(':scope > g') as SVGGElement;
  const start = content.getAttribute('transform');
  const place = box('conv1')?.getBoundingClientRect() as DOMRect;
  svg.dispatchEvent(
    new WheelEvent('wheel', {
      deltaY: -200,
      clientX: place.x,
      clientY: place.y,
      bubbles: true,
      cancelable: true,
    }),
  );
  const zoomed = box('conv1')?.getBoundingClientRect() as DOMRect;
  expect(zoomed.width).toBeGreaterThan(place.width * 1.2);
  expect(Math.abs(zoomed.x - place.x)).toBeLessThan(8);
  box('conv1')?.focus();
  await userEvent.keyboard('0');
  await vi.waitFor(() => expect(content.getAttribute('transform')).toBe(start));
});

test('where the page scrolls, the wheel zooms with Ctrl only', async () => {
  show(alexNet());
  await shown('conv1');
  const svg = root.querySelector('.net-svg') as SVGSVGElement;
  const width = () => box('conv1')?.getBoundingClientRect().width ?? 0;
  const turn = (ctrlKey: boolean) => {
    const event = new WheelEvent('wheel', { deltaY: -120, ctrlKey, cancelable: true });
    svg.dispatchEvent(event);
    return event.defaultPrevented;
  };
  const around = document.createElement('div');
  around.style.cssText = 'height:300px;overflow-y:auto';
  root.replaceWith(around);
  around.append(root);
  const before = width();
  expect(turn(false)).toBe(false);
  expect(width()).toBe(before);
  expect(turn(true)).toBe(true);
  expect(width()).toBeGreaterThan(before * 1.1);
  around.style.overflowY = 'hidden';
  const zoomed = width();
  expect(turn(false)).toBe(true);
  expect(width()).toBeGreaterThan(zoomed);
  around.remove();
});

test('DenseNet-121 with every group open is drawn, and pans without redrawing a box', async () => {
  show(denseNet121());
  await shown('predictions');
  toggledGroups.value = [...(model.network.value?.groups.keys() ?? [])];
  await shown('conv4_block24_2_conv');
  const svg = root.querySelector('.net-svg') as SVGSVGElement;
  const changes: MutationRecord[] = [];
  const observer = new MutationObserver((records) => changes.push(...records));
  observer.observe(svg, { subtree: true, attributes: true, childList: true });
  const frames: number[] = [];
  for (let step = 0; step < 30; step++) {
    const started = performance.now();
    svg.dispatchEvent(new WheelEvent('wheel', { deltaY: 20, shiftKey: true, cancelable: true }));
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - started);
  }
  observer.disconnect();
  const redrawn = changes.filter(({ target }) => (target as Element).closest('.net-box'));
  expect(redrawn).toEqual([]);
  expect(changes.length).toBeGreaterThan(20);
  frames.sort((x, y) => x - y);
  expect(frames[15]).toBeLessThan(300);
});
