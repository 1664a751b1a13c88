import { render } from 'preact';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Popover } from '../../src/elements/Popover';

let root: HTMLElement;
let anchor: HTMLElement;
let elsewhere: HTMLElement;
let closings = 0;

beforeEach(() => {
  closings = 0;
  document.body.innerHTML = '<button>anchor</button><input><div></div>';
  [anchor, elsewhere, root] = [...document.body.children] as [
    HTMLElement,
    HTMLElement,
    HTMLElement,
  ];
  const onClose = () => {
    closings += 1;
    render(null, root);
  };
  render(
    <Popover anchor={anchor} onClose={onClose}>
      <button type="button">inside</button>
    </Popover>,
    root,
  );
});

afterEach(() => {
  render(null, root);
  document.body.replaceChildren();
});

test('it closes where the focus goes elsewhere, and not while it is inside or on the anchor', () => {
  root.querySelector('button')?.focus();
  anchor.focus();
  expect(closings).toBe(0);
  elsewhere.focus();
  expect(closings).toBe(1);
});

test('once closed it no longer minds where the focus goes, also before the next paint', () => {
  const press = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true });
  root.querySelector('button')?.dispatchEvent(press);
  expect([closings, document.activeElement]).toEqual([1, anchor]);
  elsewhere.focus();
  expect([closings, document.activeElement]).toEqual([1, elsewhere]);
});
