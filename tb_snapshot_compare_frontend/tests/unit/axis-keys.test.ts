import { beforeEach, expect, test } from 'vitest';
import { axisKey } from '../../src/elements/axis-keys';
import * as training from '../../src/state/training';
import { resetPage } from '../harness/page-state';
import { FakeTraining } from '../harness/training/fake-training';
import { stepOf } from '../harness/training/plan';

const AT = stepOf(20);
const PINS = [stepOf(10), stepOf(30)];

beforeEach(() => {
  resetPage();
  training.training.value = { status: 'ready', value: new FakeTraining().training() };
  training.pinAll(PINS);
  training.hoveredStep.value = AT;
});

function press(key: string, modifiers: readonly string[]): boolean {
  const held = Object.fromEntries(modifiers.map((name) => [`${name}Key`, true]));
  const event = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held };
  const nothing = () => {};
  const all = { ...event, key, preventDefault: nothing, stopPropagation: nothing };
  return axisKey(all as unknown as KeyboardEvent);
}

test.each([
  ['as they are', []],
  ['with AltGr', ['ctrl', 'alt']],
  ['with Option', ['alt']],
  ['with Option and Shift', ['alt', 'shift']],
])('brackets go from pin to pin, written %s', (_, modifiers) => {
  expect(press('[', modifiers)).toBe(true);
  expect(training.hoveredStep.value).toBe(PINS[0]);
  expect(press(']', modifiers)).toBe(true);
  expect(training.hoveredStep.value).toBe(PINS[1]);
});

test.each([
  ['[', ['meta']],
  ['[', ['ctrl']],
  ['ArrowLeft', ['alt']],
  ['0', ['ctrl']],
  ['+', ['meta']],
  ['x', []],
])('%s with %s is left to the browser', (key, modifiers) => {
  expect(press(key, modifiers)).toBe(false);
  expect(training.hoveredStep.value).toBe(AT);
});
