import { describe, expect, test, vi } from 'vitest';
import {
  countTickFormat,
  formatBytes,
  formatCount,
  formatFraction,
  formatMeasure,
  formatNumber,
  formatShape,
  formatSigned,
  tickFormat,
} from '../../src/scales/format';

/** No-break spaces as plain ones, for readable expectations. */
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

test.each([
  [884_736, '884,736'],
  [0, '0'],
  [-1234, '−1,234'],
  [null, '–'],
  [Number.NaN, '–'],
])('count %s is %s', (count, text) => {
  expect(formatCount(count)).toBe(text);
});

test.each([
  [884_736, '0.88 M'],
  [9999, '9,999'],
  [12_345, '12.3 k'],
  [102_760_448, '103 M'],
  [61_000_000, '61 M'],
  [37, '37'],
])('compact count %s is %s', (count, text) => {
  expect(plain(formatCount(count, { compact: true }))).toBe(text);
});

test('a format is made once, not with every number', () => {
  formatNumber(0.5);
  tickFormat([0, 1]);
  const making = vi.spyOn(Intl, 'NumberFormat');
  for (let count = 1; count < 1000; count += 1) {
    formatNumber(count / 1000);
    tickFormat([0, count]);
  }
  expect(making).not.toHaveBeenCalled();
  making.mockRestore();
});

test.each([
  [0, '0'],
  [47, '47.0'],
  [403.04, '403'],
  [0.05, '0.0500'],
  [2e-5, '2.00e−5'],
  [4567, '4,567'],
])('in a column %s is %s', (value, text) => {
  expect(formatNumber(value, 3, { padded: true })).toBe(text);
});

test.each([
  [0, '0'],
  [0.012345, '0.0123'],
  [-0.5, '−0.5'],
  [4567.8, '4,568'],
  [999_999.4, '999,999'],
  [0.0000123, '1.23e−5'],
  [-1.5e9, '−1.5e9'],
  [2e6, '2e6'],
  [Number.POSITIVE_INFINITY, '∞'],
  [Number.NEGATIVE_INFINITY, '−∞'],
  [null, '–'],
])('number %s is %s', (value, text) => {
  expect(formatNumber(value, 3)).toBe(text);
});

test.each([
  [0.2462, '24.6 %'],
  [0, '0 %'],
  [2, '200 %'],
  [0.00042, '0.042 %'],
  [0.000001, '< 0.001 %'],
  [null, '–'],
])('fraction %s is %s', (fraction, text) => {
  expect(plain(formatFraction(fraction))).toBe(text);
});

test.each([
  [[null, 55, 55, 96], '55 × 55 × 96'],
  [[11, 11, 3, 96], '11 × 11 × 3 × 96'],
  [[null, null, 1024], '? × 1,024'],
  [[null], 'scalar'],
  [[], 'scalar'],
  [null, '–'],
])('shape %j is %s', (shape, text) => {
  expect(formatShape(shape)).toBe(text);
});

test.each([
  [512, '512 B'],
  [1500, '1.5 kB'],
  [999_999, '1 MB'],
  [553_000_000, '553 MB'],
  [null, '–'],
])('%s bytes are %s', (bytes, text) => {
  expect(plain(formatBytes(bytes))).toBe(text);
});

test('signed numbers carry their sign, zero none', () => {
  expect([0.25, -0.25, 0, null].map((value) => formatSigned(value))).toEqual([
    '+0.25',
    '−0.25',
    '0',
    '–',
  ]);
});

test('a measure is written in the words of its metric', () => {
  expect(formatMeasure('sign_flips', 12_345)).toBe('12,345');
  expect(plain(formatMeasure('relative_l2', 0.1234))).toBe('12.3 %');
  expect(formatMeasure('l2', 22 / 7)).toBe('3.143');
  expect(formatMeasure('cosine', 0.00012)).toBe('1.2e−4');
  expect(formatMeasure('l2', null)).toBe('–');
});

describe('tick labels', () => {
  const labels = (ticks: readonly number[]) => ticks.map(tickFormat(ticks));

  test('share their decimals', () => {
    expect(labels([-0.01, -0.005, 0, 0.005, 0.01])).toEqual([
      '−0.010',
      '−0.005',
      '0',
      '0.005',
      '0.010',
    ]);
  });

  test('share an exponent when they are tiny', () => {
    expect(labels([-3e-7, -1.5e-7, 0, 1.5e-7, 3e-7])).toEqual([
      '−3.0e−7',
      '−1.5e−7',
      '0',
      '1.5e−7',
      '3.0e−7',
    ]);
  });

  test('share an exponent when they are huge', () => {
    expect(labels([0, 2.5e8, 5e8])).toEqual(['0', '2.5e8', '5.0e8']);
  });

  test('call floating-point dust zero', () => {
    expect(labels([-0.2, -0.1, 2.7e-17, 0.1])).toEqual(['−0.2', '−0.1', '0', '0.1']);
  });

  test('survive a single zero', () => {
    expect(labels([0])).toEqual(['0']);
  });

  test('of counts are short', () => {
    expect([0, 250, 1500, 400_000, 2e6, 1.5e9].map(countTickFormat).map(plain)).toEqual([
      '0',
      '250',
      '1.5 k',
      '400 k',
      '2 M',
      '1.5 G',
    ]);
  });
});
