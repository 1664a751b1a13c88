import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { missingColor, sequentialTable } from '../../src/scales/color';
import { halfColors, pixelsOf } from '../../src/scales/half';
import { areaDistribution, inspected, located } from '../../src/state/kernel';
import { channelStrip } from '../../src/state/probing';
import * as selection from '../../src/state/selection';
import { comparisonOf } from '../harness/fixtures';
import { change, isLocated, locatedOf, onWire, toHalf, valueA } from '../harness/kernel-fixture';
import { openConvolution, type Page } from './convolution-page';

let page: Page;

beforeEach(async () => {
  await browserPage.viewport(1280, 800);
});
afterEach(() => page.close());

const stage = () => document.querySelector<HTMLElement>('.kernel-stage') as HTMLElement;
const surface = () => document.querySelector<HTMLElement>('.kernel-surface') as HTMLElement;
const plain = (text: string | null | undefined) => (text ?? '').replaceAll('\u00a0', ' ');
const footer = () => plain(document.querySelector('.kernel-footer')?.textContent);
const tooltip = () => plain(document.querySelector('[role=tooltip]')?.textContent);
const said = () => plain(document.querySelector('.kernel-stage [aria-live]')?.textContent);
const card = () => document.querySelector<HTMLElement>('.kernel-card [role=dialog]');

async function drawn(): Promise<void> {
  const complete = () => expect(stage()?.dataset.complete).toBe('true');
  await vi.waitFor(complete, 10_000);
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  await vi.waitFor(complete, 10_000);
}

/** RGB of the map's canvas at CSS pixels. */
function pixel(x: number, y: number): number[] {
  const canvas = surface().querySelector('canvas') as HTMLCanvasElement;
  const ratio = window.devicePixelRatio;
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  return [
    ...context.getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data.slice(0, 3),
  ];
}

function rgb(packed: number): number[] {
  return [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255];
}

/** Pixels per cell of a map that is shown as a whole. */
function cellSize(rows: number, columns: number): number {
  const { width, height } = surface().getBoundingClientRect();
  return Math.min(width / columns, height / rows);
}

const table = () => halfColors(pixelsOf(sequentialTable('light')), [0, 0.014], 0);

/** Root mean square of the changes of a 3 x 3 slice. */
function sliceDifference(row: number, column: number): number {
  let squares = 0;
  for (let y = 0; y < 3; y += 1) {
    for (let x = 0; x < 3; x += 1) squares += change(row * 3 + y, column * 3 + x) ** 2;
  }
  return Math.sqrt(squares / 9);
}

test('every slice has the colour of its difference', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const size = cellSize(128, 192);
  for (const [row, column] of [
    [0, 0],
    [10, 100],
    [127, 191],
  ] as const) {
    const wanted = rgb(table()[toHalf(sliceDifference(row, column))] as number);
    expect(pixel((column + 0.5) * size, (row + 0.5) * size)).toEqual(wanted);
  }
});

test('a weight that is not a number is grey on the map', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const size = cellSize(128, 192);
  expect(pixel(1.5 * size, 1.5 * size)).toEqual(
    [1, 3, 5].map((at) => Number.parseInt(missingColor('light').slice(at, at + 2), 16)),
  );
});

test('enlarged, a cell opens into its weights', async () => {
  page = await openConvolution({ layer: 'conv3', view: '0.5,0.5,12' });
  await drawn();
  const { width, height } = surface().getBoundingClientRect();
  const weight = (cellSize(128, 192) * 12) / 3;
  const column = Math.floor(192 * 3 * 0.5);
  const row = Math.floor(128 * 3 * 0.5);
  const wanted = rgb(table()[toHalf(Math.abs(change(row, column)))] as number);
  expect(pixel(width / 2 + weight / 2, height / 2 + weight / 4)).toEqual(wanted);
});

test('hovering reads out the position and the exact values', async () => {
  page = await openConvolution({ layer: 'fc8' });
  await drawn();
  const box = surface().getBoundingClientRect();
  const high = box.height / 1024;
  await userEvent.hover(surface(), { position: { x: 3, y: 512.5 * high } });
  const row = Math.floor(Math.round(512.5 * high) / high);
  await vi.waitFor(() => expect(inspected.value?.column).toBe(0));
  expect(inspected.value?.row).toBeGreaterThan(row - 3);
  const at = inspected.value?.row ?? 0;
  await vi.waitFor(() => expect(tooltip()).toContain('b − a'));
  expect(tooltip()).toContain(`unit 0, input channel ${at}`);
  const exact = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 5 });
  const value = valueA(at, 0);
  if (Math.abs(value) >= 1e-3) {
    expect(tooltip()).toContain(exact.format(value).replace('-', '−'));
  }
});

test('a click opens the card with three matrices; Escape closes it and the map keeps the focus', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const size = cellSize(128, 192);
  await userEvent.click(surface(), { position: { x: 100.5 * size, y: 20.5 * size } });
  await vi.waitFor(() => expect(card()?.querySelectorAll('table')).toHaveLength(3));
  expect(card()?.getAttribute('aria-label')).toBe('filter 100, input channel 20');
  expect(card()?.querySelectorAll('td')).toHaveLength(27);
  expect(card()?.textContent).toContain('Euclidean distance');
  await userEvent.keyboard('{Escape}');
  await vi.waitFor(() => expect(card()).toBeNull());
  expect(document.activeElement).toBe(surface());
});

test('the keyboard moves, opens, selects channels and areas', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  surface().focus();
  await userEvent.keyboard('{ArrowRight}');
  await vi.waitFor(() => expect(said()).toBe('filter 97, input channel 64'));
  await userEvent.keyboard('c');
  expect(selection.channel.value).toEqual({ side: 'output', index: 97 });
  expect(selection.filters.value).toEqual([97]);
  await userEvent.keyboard('r');
  expect(selection.channel.value).toEqual({ side: 'input', index: 64 });
  await userEvent.keyboard('{Shift>}{ArrowRight}{ArrowDown}{/Shift}');
  expect(selection.area.value).toEqual({ rows: [64, 65], columns: [97, 98] });
  await vi.waitFor(() => expect(said()).toContain('area of 2 × 2 slices'));
  await userEvent.keyboard('{Enter}');
  await vi.waitFor(() => expect(card()).not.toBeNull());
  await userEvent.keyboard('{Escape}');
  await userEvent.keyboard('{Escape}');
  expect(selection.area.value).toBeNull();
});

test('wheel, keys and buttons zoom within the map; the view is in the address', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  await userEvent.click(document.querySelector('[aria-label="Zoom in"]') as HTMLElement);
  await vi.waitFor(() => expect(selection.mapView.value?.zoom).toBeCloseTo(1.6));
  surface().dispatchEvent(
    new WheelEvent('wheel', { deltaY: -400, clientX: 600, clientY: 500, cancelable: true }),
  );
  await vi.waitFor(() => expect(selection.mapView.value?.zoom).toBeGreaterThan(2));
  await vi.waitFor(() => expect(page.address.keys.view).toMatch(/^0\.\d+,0\.\d+,2\.\d+$/));
  surface().focus();
  await userEvent.keyboard('0');
  await vi.waitFor(() => expect(selection.mapView.value).toBeNull());
});

test('weights of the selected cells are red, exactly those, and counted', async () => {
  page = await openConvolution({ layer: 'conv3', cells: '15.0-1' });
  await drawn();
  await vi.waitFor(() => expect(located.value.status).toBe('ready'));
  const counted = locatedOf('conv3', new URLSearchParams());
  expect(footer()).toContain(
    `${counted.weights.toLocaleString('en-US')} weights in ` +
      `${counted.slices.toLocaleString('en-US')} of 24,576 slices`,
  );
  const size = cellSize(128, 192);
  const red = [0xd5, 0x00, 0x32];
  for (let row = 2; row < 40; row += 7) {
    for (let column = 3; column < 180; column += 13) {
      let any = false;
      for (let at = 0; at < 9; at += 1) {
        any ||= isLocated(row * 3 + Math.floor(at / 3), column * 3 + (at % 3));
      }
      const isRed = pixel((column + 0.5) * size, (row + 0.5) * size).join() === red.join();
      expect(isRed, `${row}, ${column}`).toBe(any);
    }
  }
});

test('a brushed area is selected, and its distribution is asked for', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const box = surface().getBoundingClientRect();
  const size = cellSize(128, 192);
  const at = (type: string, column: number, row: number) =>
    surface().dispatchEvent(
      new PointerEvent(type, {
        bubbles: true,
        button: 0,
        pointerId: 1,
        shiftKey: true,
        clientX: box.left + (column + 0.5) * size,
        clientY: box.top + (row + 0.5) * size,
      }),
    );
  vi.spyOn(Element.prototype, 'setPointerCapture').mockReturnValue();
  at('pointerdown', 10, 20);
  at('pointermove', 41, 51);
  at('pointerup', 41, 51);
  vi.restoreAllMocks();
  expect(selection.area.value).toEqual({ rows: [20, 51], columns: [10, 41] });
  await vi.waitFor(() => expect(areaDistribution.value.status).toBe('ready'));
  const asked = page.server.requests.filter((url) => url.startsWith('area_distribution'));
  expect(asked.at(-1)).toContain('rows=20-51&columns=10-41');
  expect(footer()).toContain('Area: 32 × 32 slices');
  await userEvent.click(document.querySelector('[title="Clear the area"]') as HTMLElement);
  expect(selection.area.value).toBeNull();
});

test('a click on a strip selects the channel and the filter; another click deselects', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const size = cellSize(128, 192);
  const top = document.querySelector('.kernel-strip-top') as HTMLElement;
  await userEvent.click(top, { position: { x: 30.5 * size, y: 24 } });
  expect(selection.channel.value).toEqual({ side: 'output', index: 30 });
  expect(selection.filters.value).toEqual([30]);
  const left = document.querySelector('.kernel-strip-left') as HTMLElement;
  await userEvent.click(left, { position: { x: 36, y: 12.5 * size } });
  expect(selection.channel.value).toEqual({ side: 'input', index: 12 });
  await userEvent.click(left, { position: { x: 36, y: 12.5 * size } });
  expect(selection.channel.value).toBeNull();
});

test('strips are green by the difference of each channel for the probe image', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const outputs = Array.from({ length: 192 }, (_, index) => (index === 30 ? 1 : 0));
  channelStrip.value = {
    status: 'ready',
    value: { image: 'i', layer: 'conv3', inputs: [], outputs },
  };
  const size = cellSize(128, 192);
  const canvas = document.querySelector('.kernel-strip-top canvas') as HTMLCanvasElement;
  const at = (place: number) => {
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    const ratio = window.devicePixelRatio;
    const x = Math.round((place + 0.5) * size * ratio);
    return [...context.getImageData(x, Math.round(24 * ratio), 1, 1).data.slice(0, 3)];
  };
  await vi.waitFor(() => expect(at(30)).toEqual([0x05, 0x3a, 0x22]));
  expect(at(100)).toEqual([0xee, 0xf3, 0xee]);
});

test('orders ask for other tiles and drop the area; read-outs name stored indices', async () => {
  page = await openConvolution({ layer: 'conv3', area: '0-3,0-3' });
  await drawn();
  const order = [...document.querySelectorAll<HTMLSelectElement>('.panel-controls select')][2];
  await userEvent.selectOptions(order as HTMLSelectElement, 'similarity');
  expect(selection.columnsBy.value).toBe('similarity');
  expect(selection.area.value).toBeNull();
  await drawn();
  await vi.waitFor(() => {
    expect(page.server.requests.at(-1)).toContain('columns_by=similarity');
  });
  const size = cellSize(128, 192);
  await userEvent.click(surface(), { position: { x: 0.5 * size, y: 0.5 * size } });
  await vi.waitFor(() =>
    expect(card()?.getAttribute('aria-label')).toBe('filter 191, input channel 0'),
  );
});

test('the table lists the slices that differ most', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const buttons = [...document.querySelectorAll<HTMLElement>('[data-panel=convolution] button')];
  await userEvent.click(buttons.find(({ textContent }) => textContent === 'Table') as HTMLElement);
  await vi.waitFor(() =>
    expect(document.querySelectorAll('.kernel-table tbody tr')).toHaveLength(200),
  );
  const values = [...document.querySelectorAll('.kernel-table tbody tr')].map((row) =>
    Number(row.lastElementChild?.textContent),
  );
  expect(values).toEqual([...values].sort((x, y) => y - x));
  const first = document.querySelector('.kernel-table tbody tr') as HTMLElement;
  const [column = 0, row = 0] = [...first.querySelectorAll('td')].map((cell) =>
    Number(cell.textContent),
  );
  expect(values[0]).toBeCloseTo(onWire(sliceDifference(row, column)), 5);
  expect(page.address.keys.slices).toBe('table');
});

async function exported(item: string): Promise<string> {
  let blob: Blob | null = null;
  const create = vi.spyOn(URL, 'createObjectURL').mockImplementation((value) => {
    blob = value as Blob;
    return 'about:blank#';
  });
  const clicked = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockReturnValue();
  await userEvent.click(
    document.querySelector('[aria-label="Export: Convolution operation"]') as HTMLElement,
  );
  const items = [...document.querySelectorAll<HTMLElement>('[role=menuitem]')];
  await userEvent.click(items.find(({ textContent }) => textContent === item) as HTMLElement);
  await vi.waitFor(() => expect(clicked).toHaveBeenCalled());
  create.mockRestore();
  clicked.mockRestore();
  return (blob as Blob | null)?.text() ?? '';
}

test('the file of values has what is seen, by stored index', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const lines = (await exported('Export CSV')).trim().split('\r\n');
  expect(lines).toHaveLength(1 + 128 * 192);
  expect(lines[0]).toBe('filter,input channel,of columns,of rows,weight column,weight row,value');
  const [column, row, , , , , value] = (lines[1 + 3 * 192 + 5] ?? '').split(',');
  expect([column, row]).toEqual(['5', '3']);
  expect(Number(value)).toBe(onWire(sliceDifference(3, 5)));
});

test('the picture holds the map with its strips, title and scale', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const svg = await exported('Export SVG');
  expect(svg.match(/<image /g)).toHaveLength(4);
  expect(svg).toContain('conv3/kernel: Euclidean distance');
  expect(svg).toContain('data:image/png;base64,');
});

test.each([
  [{ layer: 'pool5' }, 'pool5 has no weights'],
  [{}, 'No layer is selected'],
])('without a map it says why: %j', async (keys, text) => {
  page = await openConvolution(keys);
  await vi.waitFor(() => expect(document.body.textContent).toContain(text));
});

test('tensors that cannot be compared are named with why', async () => {
  page = await openConvolution(
    { layer: 'conv3' },
    {
      compare: (a, b) => {
        const compared = comparisonOf(a, b);
        const tensors = compared.tensors.map((tensor) =>
          tensor.layer === 'conv3'
            ? { ...tensor, status: 'only_b' as const, shape_a: null, measures: null }
            : tensor,
        );
        return { ...compared, tensors };
      },
    },
  );
  await vi.waitFor(() =>
    expect(document.body.textContent).toContain('The weights of conv3 cannot be compared'),
  );
  expect(document.body.textContent).toContain('conv3/kernel: only in b');
});

test('a failing map gives its message and a button that asks again', async () => {
  page = await openConvolution(
    { layer: 'conv3' },
    { failing: { route: 'kernel', status: 422, message: 'conv3/kernel cannot be read.' } },
  );
  await vi.waitFor(() =>
    expect(document.querySelector('[data-panel=convolution]')?.textContent).toContain(
      'conv3/kernel cannot be read.',
    ),
  );
  page.server.failing = undefined;
  await userEvent.click(
    document.querySelector('[data-panel=convolution] .empty-state-actions button') as HTMLElement,
  );
  await drawn();
});
