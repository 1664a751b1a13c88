import { render } from 'preact';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Tooltip } from '../../src/elements/Tooltip';

let root: HTMLElement;
beforeEach(() => {
  root = document.createElement('div');
  document.body.append(root);
});
afterEach(() => {
  render(null, root);
  root.remove();
});

const card = () => root.querySelector<HTMLElement>('[role=tooltip]');

test('without an anchor there is no tooltip', () => {
  render(<Tooltip anchor={null}>text</Tooltip>, root);
  expect(card()).toBeNull();
});

test('it is shown in the top layer, above and centred on its anchor, and lets the pointer through', () => {
  render(<Tooltip anchor={{ x: 200, y: 200, width: 20, height: 10 }}>text</Tooltip>, root);
  const element = card() as HTMLElement;
  const { left, right, bottom } = element.getBoundingClientRect();
  expect(element.matches(':popover-open')).toBe(true);
  expect(Math.abs((left + right) / 2 - 210)).toBeLessThanOrEqual(1);
  expect(Math.abs(bottom - 192)).toBeLessThanOrEqual(1);
  expect(getComputedStyle(element).pointerEvents).toBe('none');
  expect(document.elementFromPoint(210, bottom - 4)).not.toBe(element);
});

test('it stays inside the viewport in a clipped and contained ancestor', () => {
  root.style.cssText = 'overflow:hidden;contain:layout;width:10px;height:10px;transform:scale(1)';
  const anchor = { x: window.innerWidth - 2, y: 2, width: 2, height: 2 };
  render(<Tooltip anchor={anchor}>{'many words '.repeat(40)}</Tooltip>, root);
  const box = (card() as HTMLElement).getBoundingClientRect();
  expect(box.right).toBeLessThanOrEqual(window.innerWidth - 8);
  expect(box.top).toBeGreaterThanOrEqual(8);
  expect(box.width).toBeGreaterThan(100);
});

test('it describes an element by its id', () => {
  render(
    <Tooltip id="about" anchor={{ x: 5, y: 5, width: 1, height: 1 }}>
      text
    </Tooltip>,
    root,
  );
  expect(card()?.id).toBe('about');
});
