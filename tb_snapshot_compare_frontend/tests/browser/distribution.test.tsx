import { render } from 'preact';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { userEvent } from 'vitest/browser';
import type { Distribution } from '../../src/client/types';
import { distribution } from '../../src/state/resources';
import * as selection from '../../src/state/selection';
import { applyShared, currentShared, decode, encode } from '../../src/state/url';
import { countScale, distributionMode } from '../../src/state/view-choice';
import { adoptStyles } from '../../src/theme/styles';
import { setDark } from '../../src/theme/theme';
import tokens from '../../src/theme/tokens.css?inline';
import { DistributionView } from '../../src/views/distribution/DistributionView';
import { distributionOf, SMALL } from './distribution-fixture';

adoptStyles(tokens);

const plain = (text: string | null | undefined) => (text ?? '').replaceAll('\u00a0', ' ');

let root: HTMLElement;
beforeEach(() => {
  selection.layer.value = 'conv5';
  selection.bins.value = 20;
  selection.levels.value = 5;
  selection.hiddenLevels.value = [];
  selection.cells.value = [];
  distributionMode.value = 'chart';
  countScale.value = 'sqrt';
  setDark(false);
  root = document.createElement('div');
  root.style.cssText = 'width:700px;height:460px;position:absolute;left:0;top:0';
  document.body.append(root);
});
afterEach(() => {
  render(null, root);
  root.remove();
});

const chart = () => root.querySelector<HTMLElement>('[role=application]') as HTMLElement;
const paths = () =>
  [...root.querySelectorAll('[data-level]')].map((path) => path.getAttribute('d') ?? '');
const tooltip = () => plain(root.querySelector('[role=tooltip]')?.textContent);
const status = () => plain(root.querySelector('.distribution-status')?.textContent);
const level = (name: string) =>
  [...root.querySelectorAll<HTMLButtonElement>('.level-legend button')].find(
    (button) => button.textContent === name,
  ) as HTMLButtonElement;
const button = (name: string) =>
  [...root.querySelectorAll<HTMLButtonElement>('button')].find(
    ({ ariaLabel, textContent }) => (ariaLabel ?? textContent?.trim()) === name,
  ) as HTMLButtonElement;

async function show(value: Distribution): Promise<void> {
  distribution.value = { status: 'ready', value };
  render(<DistributionView />, root);
  await vi.waitFor(() => expect(paths().length).toBe(value.level_edges.length - 1));
}

/** The middle of the first rectangle of a path at this bin, in the chart's pixels. */
function middle(path: string, rectangle: number): { x: number; y: number } {
  const numbers =
    path
      .split('z')
      [rectangle]?.match(/-?[\d.]+/g)
      ?.map(Number) ?? [];
  const [x = 0, y = 0, width = 0, height = 0] = numbers;
  return { x: x + width / 2, y: y + height / 2 };
}

describe('the drawing', () => {
  test('has one path per level and names what it shows', async () => {
    await show(SMALL);
    expect(paths().map((path) => path.split('z').length - 1)).toEqual([2, 2]);
    expect(plain(root.querySelector('.panel-subtitle')?.textContent)).toBe('conv5 · 1,224 weights');
    expect(status()).toContain('1,024 pairs with NaN or infinity are not shown');
    expect(chart().getAttribute('aria-label')).toBe('Difference distribution of conv5');
    expect(root.querySelector('.zero-line')).not.toBeNull();
  });

  test('of the whole model says so', async () => {
    await show({ ...SMALL, layer: null, excluded: 0 });
    expect(plain(root.querySelector('.panel-subtitle')?.textContent)).toBe(
      'whole model · 200 weights',
    );
  });

  test('512 bins of 32 levels do not keep the page waiting', async () => {
    const value = distributionOf({ bins: 512, levels: 32 });
    const times: number[] = [];
    for (let run = 0; run < 5; run += 1) {
      await show(SMALL);
      const start = performance.now();
      distribution.value = { status: 'ready', value };
      await vi.waitFor(() => expect(paths().length).toBe(32), { interval: 1 });
      chart().getBoundingClientRect();
      times.push(performance.now() - start);
    }
    expect(Math.min(...times)).toBeLessThan(500);
  });

  test('a hidden level leaves the stack and the axis is rescaled', async () => {
    await show(SMALL);
    const before = paths();
    await userEvent.click(level('0–100'));
    expect(selection.hiddenLevels.value).toEqual([0]);
    await vi.waitFor(() => expect(paths()[0]).toBe(''));
    await vi.waitFor(() => {
      const ticks = [...root.querySelectorAll('.tick')].map((tick) => tick.textContent);
      expect(ticks).toContain('50');
      expect(ticks).not.toContain('100');
    });
    expect(paths()[1]).not.toBe(before[1]);
    await userEvent.click(button('Show all'));
    expect(selection.hiddenLevels.value).toEqual([]);
    await vi.waitFor(() => expect(paths()).toEqual(before));
  });

  test('a double click on a level shows it alone', async () => {
    await show(distributionOf());
    await userEvent.dblClick(level('40–80'));
    expect(selection.hiddenLevels.value).toEqual([0, 2, 3, 4]);
  });

  test('the last level on show cannot be hidden', async () => {
    await show(SMALL);
    await userEvent.click(level('0–100'));
    await vi.waitFor(() => expect(level('100–200').ariaDisabled).toBe('true'));
    level('100–200').click();
    level('0–100').focus();
    expect(selection.hiddenLevels.value).toEqual([0]);
    expect(decode(encode(currentShared())).hidden).toEqual([0]);
  });

  test('hiding a level takes its cells out of the selection', async () => {
    await show(SMALL);
    selection.cells.value = [
      { bin: 0, level: 0 },
      { bin: 0, level: 1 },
    ];
    await userEvent.click(level('100–200'));
    expect(selection.cells.value).toEqual([{ bin: 0, level: 0 }]);
  });
});

describe('the pointer', () => {
  test('reads out a segment', async () => {
    await show(SMALL);
    await userEvent.hover(chart(), { position: middle(paths()[1] as string, 0) });
    await vi.waitFor(() => expect(tooltip()).toContain('30 weights'));
    expect(tooltip()).toContain('[−0.30, −0.10)');
    expect(tooltip()).toContain('[100 %, 200 %]');
    expect(tooltip()).toContain('75 %');
    expect(tooltip()).toContain('15 %');
  });

  test('selects a segment, adds with Shift, and clears by the button', async () => {
    await show(SMALL);
    const top = { position: middle(paths()[1] as string, 0) };
    const right = { position: middle(paths()[1] as string, 1) };
    await userEvent.click(chart(), top);
    expect(selection.cells.value).toEqual([{ bin: 0, level: 1 }]);
    await userEvent.click(chart(), { ...right, modifiers: ['Shift'] });
    expect(selection.cells.value).toEqual([
      { bin: 0, level: 1 },
      { bin: 2, level: 1 },
    ]);
    await vi.waitFor(() => expect(status()).toContain('2 cells, 90 weights (45 %)'));
    expect(root.querySelector('.outline-ink')?.getAttribute('d')?.split('z').length).toBe(3);
    await userEvent.click(button('Clear'));
    expect(selection.cells.value).toEqual([]);
  });

  test('dragging along the axis selects the cells of its bins', async () => {
    await show(SMALL);
    const box = chart().getBoundingClientRect();
    const y = box.bottom - 20;
    const at = (share: number) => box.left + 52 + (box.width - 68) * share;
    const fire = (type: string, x: number) =>
      chart().dispatchEvent(
        new PointerEvent(type, { clientX: x, clientY: y, bubbles: true, pointerId: 1, button: 0 }),
      );
    chart().setPointerCapture = () => {};
    fire('pointerdown', at(0.1));
    await vi.waitFor(() => expect(root.querySelector('.brush-band')).not.toBeNull());
    fire('pointermove', at(0.5));
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50)));
    fire('pointerup', at(0.5));
    expect(selection.cells.value).toEqual([
      { bin: 0, level: 0 },
      { bin: 0, level: 1 },
      { bin: 1, level: 0 },
    ]);
  });

  test('a brush stays when the pointer is let go above the axis', async () => {
    await show(SMALL);
    const box = chart().getBoundingClientRect();
    const at = (share: number) => box.left + 52 + (box.width - 68) * share;
    const fire = (type: string, x: number, y: number) =>
      chart().dispatchEvent(
        new PointerEvent(type, { clientX: x, clientY: y, bubbles: true, pointerId: 1, button: 0 }),
      );
    const segment = middle(paths()[1] as string, 0);
    chart().setPointerCapture = () => {};
    fire('pointerdown', at(0.9), box.bottom - 20);
    await vi.waitFor(() => expect(root.querySelector('.brush-band')).not.toBeNull());
    fire('pointermove', box.left + segment.x, box.top + segment.y);
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50)));
    fire('pointerup', box.left + segment.x, box.top + segment.y);
    fire('click', box.left + segment.x, box.top + segment.y);
    expect(selection.cells.value).toHaveLength(4);
    await userEvent.click(chart(), { position: segment });
    expect(selection.cells.value).toEqual([{ bin: 0, level: 1 }]);
  });

  test('selects nothing while newer data are on their way', async () => {
    await show(SMALL);
    distribution.value = { status: 'loading', job: null, stale: SMALL };
    await vi.waitFor(() => expect(root.querySelector('[data-busy]')).not.toBeNull());
    await userEvent.click(chart(), { position: middle(paths()[1] as string, 0) });
    expect(selection.cells.value).toEqual([]);
  });
});

describe('the keyboard', () => {
  const said = () => plain(chart().querySelector('[aria-live]')?.textContent);

  test('moves, reads out, selects, adds and clears', async () => {
    await show(SMALL);
    level('100–200').focus();
    await userEvent.keyboard('{Tab}');
    expect(document.activeElement).toBe(chart());
    await vi.waitFor(() => expect(said()).toContain('100 weights, change [−0.10, 0.10)'));
    expect(tooltip()).toContain('100 weights');
    await userEvent.keyboard('{ArrowRight}');
    await vi.waitFor(() => expect(said()).toContain('60 weights'));
    await userEvent.keyboard('{Enter}');
    expect(selection.cells.value).toEqual([{ bin: 2, level: 1 }]);
    await vi.waitFor(() => expect(said()).toContain('selected'));
    await userEvent.keyboard('{Home}');
    await vi.waitFor(() => expect(said()).toContain('10 weights'));
    await userEvent.keyboard('{ArrowUp}');
    await vi.waitFor(() => expect(said()).toContain('30 weights'));
    await userEvent.keyboard('{Shift>} {/Shift}');
    expect(selection.cells.value).toEqual([
      { bin: 0, level: 1 },
      { bin: 2, level: 1 },
    ]);
    await userEvent.keyboard('{Escape}');
    expect(selection.cells.value).toEqual([]);
  });

  test('selects whole bins with Shift and an arrow', async () => {
    await show(SMALL);
    level('100–200').focus();
    await userEvent.keyboard('{Tab}');
    await vi.waitFor(() => expect(said()).toContain('100 weights'));
    await userEvent.keyboard('{Shift>}{ArrowLeft}{/Shift}');
    expect(selection.cells.value).toEqual([
      { bin: 0, level: 0 },
      { bin: 0, level: 1 },
      { bin: 1, level: 0 },
    ]);
  });

  test('reaches a segment that is smaller than a pixel', async () => {
    const counts = [
      [1_000_000, 1],
      [5, 0],
    ];
    await show({ ...SMALL, bin_edges: [-1, 0, 1], counts, total: 1_000_006 });
    level('100–200').focus();
    await userEvent.keyboard('{Tab}');
    await vi.waitFor(() => expect(said()).toContain('1,000,000 weights'));
    await userEvent.keyboard('{ArrowUp}');
    await vi.waitFor(() => expect(said()).toContain('1 weight,'));
    await userEvent.keyboard('{Enter}');
    expect(selection.cells.value).toEqual([{ bin: 0, level: 1 }]);
  });
});

describe('the controls', () => {
  const input = (name: string) =>
    root.querySelector<HTMLInputElement>(`input[aria-label="${name}"]`) as HTMLInputElement;

  test('commit bins after a pause and drop what the old bins meant', async () => {
    await show(distributionOf());
    selection.cells.value = [{ bin: 3, level: 1 }];
    await userEvent.fill(input('Bins'), '64');
    expect(selection.bins.value).toBe(20);
    await vi.waitFor(() => expect(selection.bins.value).toBe(64));
    expect(selection.cells.value).toEqual([]);
  });

  test('a click on the word Bins or Levels only moves the focus', async () => {
    await show(distributionOf());
    for (const name of ['Bins', 'Levels']) {
      const label = [...root.querySelectorAll('label')].find(
        ({ textContent }) => textContent === name,
      );
      await userEvent.click(label as Element);
      expect(document.activeElement).toBe(input(name));
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([input('Bins').value, input('Levels').value]).toEqual(['20', '5']);
    expect([selection.bins.value, selection.levels.value]).toEqual([20, 5]);
  });

  test.each([
    ['9999', 512],
    ['0', 2],
    ['many', 20],
    ['', 20],
  ])('bins typed as %j become %s', async (text, bins) => {
    await show(distributionOf());
    await userEvent.fill(input('Bins'), text);
    await userEvent.keyboard('{Enter}');
    expect(selection.bins.value).toBe(bins);
    await vi.waitFor(() => expect(input('Bins').value).toBe(String(bins)));
  });

  test('another number of levels shows all levels', async () => {
    await show(distributionOf());
    selection.hiddenLevels.value = [1];
    await userEvent.click(input('Levels'));
    await userEvent.keyboard('{ArrowUp}{Enter}');
    expect(selection.levels.value).toBe(6);
    expect(selection.hiddenLevels.value).toEqual([]);
    await userEvent.click(await vi.waitUntil(() => button('Reset')));
    expect(selection.levels.value).toBe(5);
  });

  test('the count scale changes the heights', async () => {
    await show(SMALL);
    const before = paths();
    await userEvent.selectOptions(root.querySelector('select') as HTMLSelectElement, 'linear');
    await vi.waitFor(() => expect(paths()).not.toEqual(before));
    await userEvent.selectOptions(root.querySelector('select') as HTMLSelectElement, 'sqrt');
    await vi.waitFor(() => expect(paths()).toEqual(before));
  });

  test('the table has the same cells and selects them', async () => {
    await show(SMALL);
    await userEvent.click(button('Table'));
    await vi.waitFor(() => expect(root.querySelector('table')).not.toBeNull());
    const rows = [...root.querySelectorAll('tbody tr[aria-rowindex]')].map((row) =>
      [...row.children].map((cell) => plain(cell.textContent)),
    );
    expect(rows).toEqual([
      ['[−0.30, −0.10)', '10', '30', '40'],
      ['[−0.10, 0.10)', '100', '0', '100'],
      ['[0.10, 0.30]', '0', '60', '60'],
    ]);
    await userEvent.click(button('60'));
    expect(selection.cells.value).toEqual([{ bin: 2, level: 1 }]);
    await userEvent.click(button('[−0.30, −0.10)'));
    expect(selection.cells.value).toHaveLength(2);
    await userEvent.click(button('Chart'));
    await vi.waitFor(() => expect(chart()).not.toBeNull());
  });
});

describe('the focus stays in the view', () => {
  test('when what is selected is cleared', async () => {
    await show(SMALL);
    selection.cells.value = [{ bin: 0, level: 1 }];
    (await vi.waitUntil(() => button('Clear'))).focus();
    await userEvent.keyboard('{Enter}');
    expect(selection.cells.value).toEqual([]);
    expect(document.activeElement).toBe(chart());
  });

  test('when bins and levels are reset', async () => {
    selection.bins.value = 64;
    await show(distributionOf());
    button('Reset').focus();
    await userEvent.keyboard('{Enter}');
    await vi.waitFor(() => expect(button('Reset')).toBeUndefined());
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Bins');
  });

  test('when all levels are shown again', async () => {
    await show(SMALL);
    await userEvent.click(level('100–200'));
    button('Show all').focus();
    await userEvent.keyboard('{Enter}');
    expect(selection.hiddenLevels.value).toEqual([]);
    expect(document.activeElement).toBe(level('0–100'));
  });
});

test('the table says how to select in it', async () => {
  await show(SMALL);
  expect(status()).toContain('Click a segment');
  await userEvent.click(button('Table'));
  await vi.waitFor(() => expect(status()).toContain('Click a count or a bin to select weights'));
  expect(status()).not.toContain('segment');
});

test('table, count scale and levels survive the address', async () => {
  await show(SMALL);
  await userEvent.selectOptions(root.querySelector('select') as HTMLSelectElement, 'log');
  await userEvent.click(button('Table'));
  const keys = encode(currentShared());
  expect(keys).toMatchObject({ distribution: 'table', counts: 'log' });
  applyShared(decode({}));
  await vi.waitFor(() => expect(root.querySelector('.histogram')).not.toBeNull());
  applyShared(decode(keys));
  await vi.waitFor(() => expect(root.querySelector('.cell-table')).not.toBeNull());
  expect(root.querySelector('select')?.value).toBe('log');
});

test('a table of 512 bins builds only the rows in sight, at their places', async () => {
  await show(distributionOf({ bins: 512, levels: 8 }));
  await userEvent.click(button('Table'));
  const table = await vi.waitUntil(() => root.querySelector<HTMLElement>('.cell-table'));
  const rows = () => [...table.querySelectorAll<HTMLElement>('tbody tr[aria-rowindex]')];
  expect(rows().length).toBeLessThan(60);
  expect(table.scrollHeight).toBe(513 * 28);
  table.scrollTop = 200 * 28;
  await vi.waitFor(() =>
    expect(rows().map((row) => row.getAttribute('aria-rowindex'))).toContain('202'),
  );
  const row = rows().find((candidate) => candidate.getAttribute('aria-rowindex') === '202');
  const head = table.querySelector('thead th')?.getBoundingClientRect().bottom ?? 0;
  expect(row?.getBoundingClientRect().top).toBeCloseTo(head, 0);
  await userEvent.click(button('Chart'));
  await vi.waitFor(() => expect(chart()).not.toBeNull());
});

describe('without a picture', () => {
  test('it says what to choose', () => {
    distribution.value = { status: 'idle' };
    render(<DistributionView />, root);
    expect(root.textContent).toContain('No snapshots to compare');
  });

  test('it shows grey bars while the first answer is on its way', () => {
    distribution.value = { status: 'loading', job: null, stale: null };
    render(<DistributionView />, root);
    expect(root.querySelector('.distribution-skeleton')).not.toBeNull();
    expect(root.querySelector('[aria-busy=true]')).not.toBeNull();
  });

  test('it gives the reason of a failure', () => {
    const failure = { code: 'gone', message: 'checkpoint ckpt-40 was deleted; choose another' };
    distribution.value = { status: 'failed', failure, stale: null };
    render(<DistributionView />, root);
    expect(root.querySelector('[role=alert]')?.textContent).toContain(failure.message);
  });

  test('it says that nothing differs', () => {
    const counts = [
      [0, 0],
      [200, 0],
    ];
    const value = { ...SMALL, bin_edges: [-0.5, 0, 0.5], counts };
    distribution.value = { status: 'ready', value };
    render(<DistributionView />, root);
    expect(root.textContent).toContain('No weight of conv5 differs');
    expect(root.textContent).toContain('1,024 pairs with NaN or infinity are not shown');
  });

  test('it says that a layer has no weights', () => {
    distribution.value = {
      status: 'ready',
      value: { ...SMALL, layer: 'pool1', counts: [[0], [0]], excluded: 0 },
    };
    render(<DistributionView />, root);
    expect(root.textContent).toContain('pool1 has no weights to compare');
  });
});
