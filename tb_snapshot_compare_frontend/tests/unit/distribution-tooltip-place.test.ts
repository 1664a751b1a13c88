import { expect, test } from 'vitest';
import { placeTooltip } from '../../src/elements/tooltip-place';

const viewport = { width: 400, height: 300 };
const size = { width: 100, height: 50 };

test('a tooltip lies centred above its anchor', () => {
  expect(placeTooltip({ x: 200, y: 150, width: 20, height: 20 }, size, viewport)).toEqual({
    x: 160,
    y: 92,
  });
});

test('without room above it lies below', () => {
  expect(placeTooltip({ x: 200, y: 20, width: 20, height: 20 }, size, viewport)).toEqual({
    x: 160,
    y: 48,
  });
});

test('beside an anchor as high as the viewport', () => {
  expect(placeTooltip({ x: 200, y: 10, width: 20, height: 280 }, size, viewport)).toEqual({
    x: 228,
    y: 10,
  });
  expect(placeTooltip({ x: 300, y: 10, width: 80, height: 280 }, size, viewport)).toEqual({
    x: 192,
    y: 10,
  });
});

test.each([-50, 0, 390, 1000])('never leaves the viewport (anchor at x = %s)', (x) => {
  const placed = placeTooltip({ x, y: 150, width: 4, height: 4 }, size, viewport);
  expect(placed.x).toBeGreaterThanOrEqual(8);
  expect(placed.x + size.width).toBeLessThanOrEqual(viewport.width - 8);
});
