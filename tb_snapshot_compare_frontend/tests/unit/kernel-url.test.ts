import { expect, test } from 'vitest';
import {
  decodeKernel,
  encodeKernel,
  type KernelChoice,
  readArea,
} from '../../src/state/kernel-url';

const EVERYTHING: KernelChoice = {
  mode: 'table',
  quantity: 'signed',
  rowsBy: 'difference',
  columnsBy: 'similarity',
  tensor: 'conv1/bias',
  area: { rows: [0, 63], columns: [8, 8] },
  view: { x: 0.25, y: 0.5, zoom: 12.5 },
};

function keysOf(choice: KernelChoice): Record<string, string> {
  const present = Object.entries(encodeKernel(choice)).filter(([, value]) => value !== null);
  return Object.fromEntries(present) as Record<string, string>;
}

test('what is chosen on the map survives the address', () => {
  expect(decodeKernel(keysOf(EVERYTHING), 'conv1')).toEqual(EVERYTHING);
});

test('defaults are left out', () => {
  expect(keysOf(decodeKernel({}, 'conv1'))).toEqual({});
});

test('without a layer nothing of the map is kept but how it is shown', () => {
  const { tensor, area, view, quantity } = decodeKernel(keysOf(EVERYTHING), null);
  expect([tensor, area, view, quantity]).toEqual([null, null, null, 'signed']);
});

test.each(['', '3', '5-2,0-1', '0-1,0-1,2', '-1-2,0-1', '0-99999999999,0-1', 'a-b,c-d'])(
  'the area %j is none',
  (text) => {
    expect(readArea(text)).toBeNull();
  },
);

test.each(['0.5,0.5', '0.5,0.5,0.5', '2,0,3', 'NaN,0,2', '0,0,1e9', '0,0,2,3'])(
  'the view %j is none',
  (view) => {
    expect(decodeKernel({ view }, 'conv1').view).toBeNull();
  },
);

test('an unknown choice is the default', () => {
  const choice = decodeKernel({ show: '__proto__', rows: 'size', columns: '' }, 'conv1');
  expect([choice.quantity, choice.rowsBy, choice.columnsBy]).toEqual([
    'difference',
    'index',
    'index',
  ]);
});
