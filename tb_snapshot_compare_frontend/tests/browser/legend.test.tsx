import { render } from 'preact';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { userEvent } from 'vitest/browser';
import { ColorLegend, LevelLegend } from '../../src/elements/Legend';
import { diverging, sequential, steps } from '../../src/scales/color';

let root: HTMLElement;
beforeEach(() => {
  root = document.createElement('div');
  document.body.append(root);
});
afterEach(() => {
  render(null, root);
  root.remove();
});

const buttons = () => [...root.querySelectorAll<HTMLButtonElement>('[role=toolbar] button')];
const LEVELS = ['0–40', '40–80', '80–120'];

test('a colour legend names its ends and zero at their places', () => {
  render(
    <ColorLegend
      label="Change"
      unit="mm"
      domain={[-0.5, 1.5]}
      color={diverging('light', 1.5)}
      missing="not compared"
      theme="light"
    />,
    root,
  );
  const ticks = [...root.querySelectorAll<HTMLElement>('.color-legend-tick')];
  expect(ticks.map((tick) => [tick.textContent, tick.style.left])).toEqual([
    ['−0.5', '0%'],
    ['0', '25%'],
    ['1.5', '100%'],
  ]);
  expect(root.querySelector('[role=img]')?.getAttribute('aria-label')).toBe(
    'Colour scale, Change (mm): −0.5, 0, 1.5',
  );
  expect(root.textContent).toContain('not compared');
});

test('the bar of a colour legend shows the scale from end to end', () => {
  const color = sequential('dark', [0, 4]);
  render(<ColorLegend label="L2" domain={[0, 4]} color={color} theme="dark" />, root);
  const bar = root.querySelector<HTMLElement>('.color-legend-bar') as HTMLElement;
  const stops = bar.style.background.match(/rgb\([^)]*\)/g) ?? [];
  expect(stops).toHaveLength(33);
  expect(stops[0]).toBe('rgb(58, 58, 58)');
  expect(stops[32]).toBe('rgb(244, 247, 208)');
});

test('a level is switched by click, shown alone by double click or Alt', async () => {
  const [onToggle, onOnly] = [vi.fn(), vi.fn()];
  const props = { levels: LEVELS, colors: steps('light', 3), hidden: [1], onToggle, onOnly };
  render(<LevelLegend {...props} />, root);
  expect(buttons().map((button) => button.getAttribute('aria-pressed'))).toEqual([
    'true',
    'false',
    'true',
  ]);
  await userEvent.click(buttons()[2] as Element);
  expect(onToggle).toHaveBeenCalledWith(2);
  await userEvent.keyboard('{Alt>}');
  buttons()[0]?.dispatchEvent(new MouseEvent('click', { altKey: true, bubbles: true }));
  await userEvent.keyboard('{/Alt}');
  expect(onOnly).toHaveBeenCalledWith(0);
  await userEvent.dblClick(buttons()[1] as Element);
  expect(onOnly).toHaveBeenLastCalledWith(1);
});

test('the levels are one tab stop and arrow keys move inside', async () => {
  const onToggle = vi.fn();
  render(
    <LevelLegend levels={LEVELS} colors={steps('light', 3)} hidden={[]} onToggle={onToggle} />,
    root,
  );
  await userEvent.keyboard('{Tab}');
  expect(document.activeElement).toBe(buttons()[0]);
  await userEvent.keyboard('{ArrowLeft}');
  expect(document.activeElement).toBe(buttons()[2]);
  await userEvent.keyboard('{Home}{ArrowRight} ');
  expect(onToggle).toHaveBeenCalledWith(1);
  await vi.waitFor(() => expect(buttons().map((button) => button.tabIndex)).toEqual([-1, 0, -1]));
});

test('thirty-two levels fit a narrow panel and keep their names', () => {
  const levels = Array.from({ length: 32 }, (_, level) => `level ${level}`);
  root.style.width = '420px';
  render(
    <LevelLegend levels={levels} colors={steps('dark', 32)} hidden={[]} onToggle={() => {}} />,
    root,
  );
  expect(buttons().map((button) => button.getAttribute('aria-label'))).toEqual(levels);
  expect(root.scrollWidth).toBeLessThanOrEqual(420);
});

test('all levels come back with one button, there only when one is hidden', async () => {
  const onAll = vi.fn();
  const props = { levels: LEVELS, colors: steps('light', 3), onToggle: () => {}, onAll };
  render(<LevelLegend {...props} hidden={[]} />, root);
  const all = root.querySelector<HTMLButtonElement>('.button-text') as HTMLButtonElement;
  expect(getComputedStyle(all).display).toBe('none');
  render(<LevelLegend {...props} hidden={[0]} />, root);
  await userEvent.click(all);
  expect(onAll).toHaveBeenCalledOnce();
});
