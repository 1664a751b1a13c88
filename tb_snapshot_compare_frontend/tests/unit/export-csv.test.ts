import { expect, test } from 'vitest';
import { toCsv } from '../../src/render/csv';

test('rows end in CRLF, null is empty, numbers are in full', () => {
  expect(
    toCsv([
      ['count', 'share'],
      [12, 0.1 + 0.2],
      [null, -1e-9],
    ]),
  ).toBe('count,share\r\n12,0.30000000000000004\r\n,-1e-9\r\n');
});

test('commas, quotes and line ends are quoted', () => {
  expect(toCsv([['a,b', 'say "hi"', 'two\nlines', 'plain']])).toBe(
    '"a,b","say ""hi""","two\nlines",plain\r\n',
  );
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx'])(
  'a text that begins like a formula is disarmed: %j',
  (text) => {
    expect(toCsv([[text]])).toBe(`'${text}\r\n`);
  },
);

test('a negative number is not a formula', () => {
  expect(toCsv([[-1]])).toBe('-1\r\n');
});
