import { expect, test } from 'vitest';
import { readKeys, replaceKeys } from '../../src/host/hash';
import {
  decode,
  encode,
  readRanges,
  type Shared,
  writeCells,
  writeRanges,
} from '../../src/state/url';

const everything: Shared = {
  ...decode({}),
  a: 's-10',
  b: 's-40',
  run: 'alexnet/fold 1',
  metric: 'cosine',
  layer: 'encoder/conv1, "x" & y=z',
  tensor: 'encoder/conv1/kernel',
  filters: [0, 1, 2, 7, 9, 10],
  bins: 64,
  levels: 8,
  hidden: [1, 2],
  cells: [
    { bin: 3, level: 1 },
    { bin: 63, level: 7 },
  ],
  groups: ['encoder', 'a,b', '50 %'],
  max: 'network',
  axis: 'step',
  views: {
    compact: false,
    blocks: true,
    network: 'table',
    order: 'difference',
    distribution: 'table',
    counts: 'log',
  },
};

test('the whole selection survives the address', () => {
  const hash = replaceKeys('#snapshot_compare', encode(everything));
  expect(decode(readKeys(hash))).toEqual(everything);
});

test('defaults are left out of the address', () => {
  const plain = decode({ a: 'x', b: 'y' });
  expect(encode(plain)).toEqual({ a: 'x', b: 'y' });
});

test("other plugins' keys and the open tab are kept", () => {
  const hash = '#scalars&p.other.q=1&p.snapshot_compare.a=old&_smoothingWeight=0.5';
  expect(replaceKeys(hash, { a: 'new' })).toBe(
    '#scalars&p.other.q=1&_smoothingWeight=0.5&p.snapshot_compare.a=new',
  );
});

test('an empty hash becomes one that opens the tab', () => {
  expect(replaceKeys('', { a: 'x' })).toBe('#snapshot_compare&p.snapshot_compare.a=x');
});

test('layer paths stay readable in the address', () => {
  const hash = replaceKeys('', { layer: 'encoder/conv1', filters: '1,2' });
  expect(hash).toContain('p.snapshot_compare.layer=encoder/conv1');
  expect(hash).toContain('p.snapshot_compare.filters=1,2');
});

test('parts that cannot be decoded are ignored', () => {
  expect(readKeys('#x&p.snapshot_compare.a=%E0%A4%A&p.snapshot_compare.b=y&%%%=1&=&&')).toEqual({
    b: 'y',
  });
});

test.each([
  [{ bins: '1e9' }, { bins: 20 }],
  [{ bins: '999999999999999999999' }, { bins: 512 }],
  [{ bins: '-5' }, { bins: 2 }],
  [{ tensor: 'c/kernel' }, { tensor: null }],
  [{ levels: '0' }, { levels: 1 }],
  [{ levels: 'NaN' }, { levels: 5 }],
  [{ metric: '__proto__' }, { metric: 'l2' }],
  [{ metric: 'nan_a' }, { metric: 'l2' }],
  [{ max: 'header' }, { max: null }],
  [{ axis: 'constructor' }, { axis: null }],
  [
    { compact: '0', blocks: 'x', network: 'map', order: 'size', distribution: '', counts: 'ln' },
    { views: decode({}).views },
  ],
  [{ blocks: 'off', counts: 'linear' }, { views: { blocks: false, counts: 'linear' } }],
  [{ a: 'x'.repeat(5000) }, { a: null }],
  [{ filters: '3' }, { filters: [] }],
  [{ layer: 'c', filters: '0-999999999' }, { filters: Array.from({ length: 4096 }, (_, i) => i) }],
  [{ layer: 'c', filters: '5,a,-1,3,3,2-1' }, { filters: [3, 5] }],
  [
    { cells: '0.0,19.4,20.0,3.5,x,3.1.2,3.1,3.1' },
    {
      cells: [
        { bin: 0, level: 0 },
        { bin: 3, level: 1 },
        { bin: 19, level: 4 },
      ],
    },
  ],
  [{ cells: '18-9999.4-9,7-3.0,-.-' }, { cells: [18, 19].map((bin) => ({ bin, level: 4 })) }],
  [{ hidden: '0-4' }, { hidden: [] }],
  [{ hidden: '0-9' }, { hidden: [] }],
  [{ hidden: '1,3,77' }, { hidden: [1, 3] }],
  [{ groups: '%E0%A4%A,ok,ok' }, { groups: ['ok'] }],
])('the hostile address %j is brought within bounds', (keys, expected) => {
  expect(decode(keys)).toMatchObject(expected);
});

test('thousands of selected cells fit the address', () => {
  const all = Array.from({ length: 512 * 32 }, (_, index) => ({
    bin: Math.floor(index / 32),
    level: index % 32,
  }));
  expect(writeCells(all)).toBe('0-511.0-31');
  const some = all.filter(({ bin, level }) => level > 3 && (bin < 100 || bin === 200));
  expect(writeCells(some)).toBe('0-99.4-31,200.4-31');
  const keys = encode({ ...everything, bins: 512, levels: 32, cells: some });
  expect(decode(readKeys(replaceKeys('', keys))).cells).toEqual(some);
});

test('ranges are written short and read back', () => {
  expect(writeRanges([0, 1, 2, 5, 7, 8])).toBe('0-2,5,7-8');
  expect(readRanges('0-2,5,7-8', 100, 100)).toEqual([0, 1, 2, 5, 7, 8]);
  expect(writeRanges([])).toBe('');
});
