import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { page as browserPage, userEvent } from 'vitest/browser';
import { missingColor, sequentialTable } from '../../src/scales/color';
import { formatNumber } from '../../src/scales/format';
import { halfColors, pixelsOf } from '../../src/scales/half';
import { areaDistribution, inspected, located } from '../../src/state/kernel';
import { channelStrip } from '../../src/state/probing';
import * as selection from '../../src/state/selection';
import { comparisonOf } from '../harness/fixtures';
import {
  change,
  isLocated,
  locatedOf,
  onWire,
  sliceOf,
  toHalf,
  valueA,
} from '../harness/kernel-fixture';
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
function pixel({ x, y }: { readonly x: number; readonly y: number }): number[] {
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

/** The middle of a cell of a map that is shown as a whole, from the surface's upper left. */
function middle(row: number, column: number, rows = 128, columns = 192): { x: number; y: number } {
  const { width, height } = surface().getBoundingClientRect();
  const size = cellSize(rows, columns);
  return {
    x: (width - columns * size) / 2 + (column + 0.5) * size,
    y: (height - rows * size) / 2 + (row + 0.5) * size,
  };
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
  for (const [row, column] of [
    [0, 0],
    [10, 100],
    [127, 191],
  ] as const) {
    const wanted = rgb(table()[toHalf(sliceDifference(row, column))] as number);
    expect(pixel(middle(row, column))).toEqual(wanted);
  }
});

test('the tiles are asked for once the map is known, not with the frame that draws them', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const frames = vi.spyOn(window, 'requestAnimationFrame').mockReturnValue(0);
  try {
    const before = page.server.requests.length;
    selection.selectLayer('conv4');
    const tiles = () =>
      page.server.requests.slice(before).filter((request) => request.startsWith('kernel_tiles'));
    await vi.waitFor(() => expect(tiles()).toHaveLength(1));
  } finally {
    frames.mockRestore();
  }
});

test('a weight that is not a number is grey on the map', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  expect(pixel(middle(1, 1))).toEqual(
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
  expect(pixel({ x: width / 2 + weight / 2, y: height / 2 + weight / 4 })).toEqual(wanted);
});

test('hovering reads out the position and the exact values', async () => {
  page = await openConvolution({ layer: 'fc8' });
  await drawn();
  const box = surface().getBoundingClientRect();
  const high = box.height / 1024;
  const left = (box.width - (1024 / 3) * high) / 2;
  await userEvent.hover(surface(), { position: { x: left + 3, y: 512.5 * high } });
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
  await userEvent.click(surface(), { position: middle(20, 100) });
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

test('another size right after a zoom does not take it back', async () => {
  page = await openConvolution({ layer: 'conv3', view: '0.5,0.5,12' });
  await drawn();
  surface().focus();
  await userEvent.keyboard('0');
  const panel = surface().closest('.panel') as HTMLElement;
  panel.style.width = '700px';
  await vi.waitFor(() => expect(surface().clientWidth).toBeLessThan(700));
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
  const red = [0xd5, 0x00, 0x32];
  for (let row = 2; row < 40; row += 7) {
    for (let column = 3; column < 180; column += 13) {
      let any = false;
      for (let at = 0; at < 9; at += 1) {
        any ||= isLocated(row * 3 + Math.floor(at / 3), column * 3 + (at % 3));
      }
      const isRed = pixel(middle(row, column)).join() === red.join();
      expect(isRed, `${row}, ${column}`).toBe(any);
    }
  }
});

test('a brushed area is selected, and its distribution is asked for', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const box = surface().getBoundingClientRect();
  const at = (type: string, column: number, row: number) => {
    const { x, y } = middle(row, column);
    surface().dispatchEvent(
      new PointerEvent(type, {
        bubbles: true,
        button: 0,
        pointerId: 1,
        shiftKey: true,
        clientX: box.left + x,
        clientY: box.top + y,
      }),
    );
  };
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
  const top = document.querySelector('.kernel-strip-top') as HTMLElement;
  await userEvent.click(top, { position: { x: middle(0, 30).x, y: 24 } });
  expect(selection.channel.value).toEqual({ side: 'output', index: 30 });
  expect(selection.filters.value).toEqual([30]);
  const left = document.querySelector('.kernel-strip-left') as HTMLElement;
  await userEvent.click(left, { position: { x: 36, y: middle(12, 0).y } });
  expect(selection.channel.value).toEqual({ side: 'input', index: 12 });
  await userEvent.click(left, { position: { x: 36, y: middle(12, 0).y } });
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
  const canvas = document.querySelector('.kernel-strip-top canvas') as HTMLCanvasElement;
  const at = (place: number) => {
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    const ratio = window.devicePixelRatio;
    const x = Math.round(middle(0, place).x * ratio);
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
  await userEvent.click(surface(), { position: middle(0, 0) });
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
  expect(lines[0]).toBe(
    'filter,input channel,of columns,of rows,weight column,weight row,Euclidean distance per weight',
  );
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

test('tiles of a new layer that fail give their message, and are asked for again', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  page.server.failing = { route: 'kernel_tiles', status: 500, message: 'The disk is away.' };
  selection.layer.value = 'conv4';
  await vi.waitFor(() => expect(footer()).toContain('The disk is away.'));
  page.server.failing = undefined;
  const again = [...document.querySelectorAll<HTMLElement>('.kernel-footer button')].find(
    ({ textContent }) => textContent === 'Try again',
  );
  await userEvent.click(again as HTMLElement);
  await drawn();
  expect(footer()).not.toContain('The disk is away.');
});

const READ_POSITION = /^unit (\d+), input channel (\d+)/;

test('what is under the pointer stays there while a map with room around it is enlarged', async () => {
  page = await openConvolution({ layer: 'fc8' });
  await drawn();
  const box = surface().getBoundingClientRect();
  const nearRight = box.width / 2 + (box.height / 6) * 0.97;
  const position = { x: nearRight, y: box.height * 0.9 };
  await userEvent.hover(surface(), { position: { ...position } });
  await vi.waitFor(() => expect(tooltip()).toMatch(READ_POSITION));
  const read = () => READ_POSITION.exec(tooltip())?.slice(1).map(Number) ?? [];
  const [unit, row = 0] = read();
  for (let turn = 0; turn < 12; turn += 1) {
    const [clientX, clientY] = [box.left + position.x, box.top + position.y];
    surface().dispatchEvent(
      new WheelEvent('wheel', { deltaY: -100, ctrlKey: true, clientX, clientY, cancelable: true }),
    );
  }
  await vi.waitFor(() => expect(selection.mapView.value?.zoom).toBeGreaterThan(8));
  await userEvent.hover(surface(), { position: { x: position.x, y: position.y + 0.1 } });
  await vi.waitFor(() => expect(read()[0]).toBe(unit));
  // A row was less than half a pixel.
  expect(Math.abs((read()[1] ?? 0) - row)).toBeLessThanOrEqual(2);
});

test('a slice has one number per label: per weight beside the map, of the slice in its card', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  await userEvent.hover(surface(), { position: middle(20, 100) });
  await vi.waitFor(() => expect(tooltip()).toContain('RMS in a'));
  const { l2 } = sliceOf('conv3', new URLSearchParams({ row: '20', column: '100' })).measures;
  expect(tooltip()).toContain(`Euclidean distance per weight${formatNumber((l2 ?? 0) / 3, 4)}`);
  await userEvent.click(surface(), { position: middle(20, 100) });
  await vi.waitFor(() => expect(card()?.textContent).toContain('Of the slice'));
  expect(plain(card()?.textContent)).toContain(`Euclidean distance${formatNumber(l2, 4)}`);
});

test('a slice that cannot be read says why in its card, and is asked for again', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  page.server.failing = { route: 'kernel_slice', status: 500, message: 'The slice is away.' };
  await userEvent.click(surface(), { position: middle(20, 100) });
  await vi.waitFor(() => expect(card()?.textContent).toContain('The slice is away.'));
  page.server.failing = undefined;
  await userEvent.click(card()?.querySelector('.empty-state-actions button') as HTMLElement);
  await vi.waitFor(() => expect(card()?.querySelectorAll('table')).toHaveLength(3));
});

test('the select of what is shown has a name where its label has no room', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const root = document.querySelector('[data-panel=convolution]')?.parentElement as HTMLElement;
  root.style.width = '600px';
  await expect.element(browserPage.getByRole('combobox', { name: 'Show' })).toBeInTheDocument();
  expect(
    document.querySelector('.panel-controls .select-label')?.getBoundingClientRect().width,
  ).toBe(1);
});

test('after a brush by touch the first tap opens a cell', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const box = surface().getBoundingClientRect();
  const send = (type: string, row: number, column: number, shiftKey: boolean) => {
    const { x, y } = middle(row, column);
    const [clientX, clientY] = [box.left + x, box.top + y];
    const more = { bubbles: true, button: 0, pointerId: 1, shiftKey, clientX, clientY };
    surface().dispatchEvent(
      type === 'click' ? new MouseEvent(type, more) : new PointerEvent(type, more),
    );
  };
  vi.spyOn(Element.prototype, 'setPointerCapture').mockReturnValue();
  send('pointerdown', 10, 20, true);
  send('pointermove', 12, 24, true);
  send('pointerup', 12, 24, true);
  vi.restoreAllMocks();
  expect(selection.area.value).toEqual({ rows: [10, 12], columns: [20, 24] });
  for (const type of ['pointerdown', 'pointerup', 'click']) send(type, 30, 40, false);
  await vi.waitFor(() => expect(card()).not.toBeNull());
});

test('the read-out of the keyboard goes with the map, and away with its cell', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  surface().focus();
  await userEvent.keyboard('{Home}');
  await userEvent.keyboard('{Home}{ArrowRight}');
  await vi.waitFor(() => expect(tooltip()).toContain('filter 1,'));
  const place = () => document.querySelector('[role=tooltip]')?.getBoundingClientRect().left;
  const before = place();
  await userEvent.keyboard('+');
  await vi.waitFor(() => expect(place()).not.toBe(before));
  await userEvent.keyboard('++++++');
  await vi.waitFor(() => expect(document.querySelector('[role=tooltip]')).toBeNull());
});

test('where the page scrolls, the first turn of the wheel says how to zoom', async () => {
  page = await openConvolution({ layer: 'conv3' });
  await drawn();
  const tall = document.createElement('div');
  tall.style.height = '5000px';
  document.body.append(tall);
  surface().dispatchEvent(new WheelEvent('wheel', { deltaY: -100, cancelable: true }));
  const hint = () => document.querySelector('.kernel-wheel-hint')?.textContent;
  await vi.waitFor(() => expect(hint()).toBe('Ctrl + wheel zooms'));
  await vi.waitFor(() => expect(hint()).toBeUndefined(), 5000);
  tall.remove();
});
