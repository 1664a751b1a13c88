import { expect, test } from 'vitest';
import { AS_THE_MODEL, NO_FILTER, type ProbingChoice } from '../../src/state/probing-choice';
import {
  decodeProbing,
  encodeProbing,
  readChannel,
  writeChannel,
} from '../../src/state/probing-url';

const everything: ProbingChoice = {
  tab: 'flow',
  set: 'flowers/train',
  image: 'a1b2',
  filter: { label: 4, outcome: 'rw', predictedA: 4, predictedB: 11 },
  order: 'loss',
  way: 'field',
  preparing: {
    resize: 'crop',
    scale: 'signed',
    order: 'bgr',
    mean: [103.9, 116.8, -0.5],
    std: [1, 2, 1e-3],
  },
};

function throughAddress(choice: ProbingChoice): ProbingChoice {
  const keys = Object.entries(encodeProbing(choice)).filter(([, value]) => !!value);
  return decodeProbing(Object.fromEntries(keys) as Record<string, string>);
}

test('everything chosen survives the address', () => {
  expect(throughAddress(everything)).toEqual(everything);
});

test('what is as it is by default leaves the address empty', () => {
  const choice = decodeProbing({});
  expect(choice).toMatchObject({ tab: 'predictions', filter: NO_FILTER, preparing: AS_THE_MODEL });
  expect(Object.values(encodeProbing(choice)).filter(Boolean)).toEqual([]);
});

test.each([
  [{ probe: 'weather' }, { tab: 'predictions' }],
  [
    { class: '-1', outcome: 'xx', from: '1e9', to: '7' },
    { filter: { ...NO_FILTER, predictedB: 7 } },
  ],
  [{ image: 'x'.repeat(5000) }, { image: null }],
  [{ input: 'resize.zoom,scale.unit,mean.1_x' }, { preparing: { ...AS_THE_MODEL, scale: 'unit' } }],
  [{ input: 'std.0_-2_4' }, { preparing: { ...AS_THE_MODEL, std: [1, 1, 4] } }],
  [{ input: `mean.${'1_'.repeat(99)}1` }, { preparing: AS_THE_MODEL }],
])('%j is read within bounds', (keys, expected) => {
  expect(decodeProbing(keys as Record<string, string>)).toMatchObject(expected);
});

test.each([
  [{ side: 'output', index: 12 } as const, 'o12'],
  [{ side: 'input', index: 0 } as const, 'i0'],
])('the channel %j is written as %s', (channel, written) => {
  expect(writeChannel(channel)).toBe(written);
  expect(readChannel(written)).toEqual(channel);
});

test.each([undefined, '', '12', 'o', 'x1', 'o-1', 'o999999999'])('%s is no channel', (written) => {
  expect(readChannel(written)).toBeNull();
});
