import { expect, test } from 'vitest';
import { halfColors, halfToNumber, pixelOf, pixelsOf } from '../../src/scales/half';

test.each([
  [0x0000, 0],
  [0x3c00, 1],
  [0xc000, -2],
  [0x3555, 0.333251953125],
  [0x7bff, 65_504],
  [0x0001, 2 ** -24],
  [0x0400, 2 ** -14],
  [0x7c00, Number.POSITIVE_INFINITY],
  [0xfc00, Number.NEGATIVE_INFINITY],
  [0x7e00, Number.NaN],
])('the bits %i are %f', (bits, value) => {
  expect(halfToNumber(bits)).toBe(value);
});

test('zero has the middle colour of an odd scale, what lies beyond an end its colour', () => {
  const colors = pixelsOf(['#0000ff', '#ffffff', '#ff0000']);
  const missing = pixelOf('#00ff00');
  const table = halfColors(colors, [-1, 1], missing);
  expect(table[0x0000]).toBe(pixelOf('#ffffff'));
  expect(table[0x8000]).toBe(pixelOf('#ffffff'));
  expect(table[0x3c00]).toBe(pixelOf('#ff0000'));
  expect(table[0x7c00]).toBe(pixelOf('#ff0000'));
  expect(table[0xfc00]).toBe(pixelOf('#0000ff'));
  expect(table[0x7e00]).toBe(missing);
});

test('a scale without width tells zero from more', () => {
  const table = halfColors(pixelsOf(['#ffffff', '#000000']), [0, 0], 0);
  expect(table[0x0000]).toBe(pixelOf('#ffffff'));
  expect(table[0x3c00]).toBe(pixelOf('#000000'));
});

test('a pixel holds red in its lowest byte', () => {
  expect(pixelOf('#123456')).toBe(0xff563412);
  expect(pixelOf('#123456', 0)).toBe(0x00563412);
});
