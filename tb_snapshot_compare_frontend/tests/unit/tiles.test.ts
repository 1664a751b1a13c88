import { expect, test, vi } from 'vitest';
import type { KernelMap } from '../../src/client/types';
import { levelFor, tileRectangle, tileSize, tilesWithin } from '../../src/render/tiles-grid';
import { TileSource } from '../../src/render/tiles-source';
import type { TileAddress } from '../../src/state/kernel';
import { kernelMapOf } from '../harness/kernel-fixture';

const CONV = kernelMapOf('bench', new URLSearchParams());
const DENSE = kernelMapOf('huge', new URLSearchParams());
const EVERYTHING = { top: 0, left: 0, bottom: 1e9, right: 1e9 };
const weight = (width: number, height = width) => ({ width, height });

test('a small cell is one pixel of its slice; from three pixels per weight on it opens', () => {
  expect(levelFor(CONV, weight(1), 1)).toBe(1);
  expect(levelFor(CONV, weight(2.9), 2)).toBe(1);
  expect(levelFor(CONV, weight(3), 1)).toBe(0);
});

test('from far away slices are pooled as far as pixels stay as fine as the screen', () => {
  expect(levelFor(CONV, weight(0.19), 1)).toBe(2);
  expect(levelFor(CONV, weight(0.19), 2)).toBe(1);
  expect(levelFor(DENSE, weight(1), 1)).toBe(0);
  expect(levelFor(DENSE, weight(1 / 32), 1)).toBe(5);
});

test('the width of a vector alone decides its level', () => {
  const vector: KernelMap = {
    ...DENSE,
    rows: 1,
    columns: 4096,
    levels: [1, 2, 4, 8, 16].map((pool) => ({
      rows: 1,
      columns: 4096 / pool,
      pixel_rows: pool,
      pixel_columns: pool,
    })),
  };
  expect(levelFor(vector, weight(0.25, 300), 1)).toBe(2);
});

test('tiles at the far edges are cropped', () => {
  expect(tilesWithin(CONV, 0, EVERYTHING)).toHaveLength(36);
  expect(tileSize(DENSE, { level: 0, row: 97, column: 15 })).toEqual({ rows: 256, columns: 256 });
  expect(tileSize(CONV, { level: 2, row: 0, column: 0 })).toEqual({ rows: 256, columns: 256 });
  expect(tileRectangle(CONV, { level: 1, row: 1, column: 0 })).toEqual({
    top: 768,
    left: 0,
    bottom: 1536,
    right: 768,
  });
});

test('only tiles that are seen are named', () => {
  const seen = { top: 300, left: 0, bottom: 500, right: 257 };
  expect(tilesWithin(DENSE, 0, seen)).toEqual([
    { level: 0, row: 1, column: 0 },
    { level: 0, row: 1, column: 1 },
  ]);
});

function sourceOf(capacity?: number) {
  const requests: { tiles: readonly TileAddress[]; answer: () => void; fail: () => void }[] = [];
  const onArrival = vi.fn();
  const source = new TileSource(
    {
      map: DENSE,
      unit: 1,
      fetch: (tiles) =>
        new Promise((resolve, reject) => {
          const pixels = tiles.length * 256 * 256;
          requests.push({
            tiles,
            answer: () => resolve(new Uint16Array(pixels)),
            fail: () => reject(new Error('no memory')),
          });
        }),
    },
    onArrival,
    capacity,
  );
  return { source, requests, onArrival };
}

const tiles = (count: number, row = 0): TileAddress[] =>
  Array.from({ length: count }, (_, column) => ({ level: 0, row, column }));
const settled = () => new Promise((resolve) => setTimeout(resolve));

test('three requests are under way at most, of 16 tiles each', () => {
  const { source, requests } = sourceOf();
  source.want([...tiles(16), ...tiles(16, 1), ...tiles(16, 2), ...tiles(16, 3)]);
  expect(requests.map((request) => request.tiles.length)).toEqual([16, 16, 16]);
});

test('what is no longer wanted is not asked for', async () => {
  const { source, requests, onArrival } = sourceOf();
  source.want([...tiles(16), ...tiles(16, 1), ...tiles(16, 2), ...tiles(16, 3)]);
  source.want(tiles(2, 9));
  requests[0]?.answer();
  await settled();
  expect(requests).toHaveLength(4);
  expect(requests[3]?.tiles).toEqual(tiles(2, 9));
  expect(source.look({ level: 0, row: 0, column: 3 })).not.toBeNull();
  expect(onArrival).toHaveBeenCalledTimes(1);
});

test('a tile under way or at hand is not asked for again', async () => {
  const { source, requests } = sourceOf();
  source.want(tiles(2));
  source.want(tiles(2));
  requests[0]?.answer();
  await settled();
  source.want(tiles(2));
  expect(requests).toHaveLength(1);
  expect(source.isComplete).toBe(true);
});

test('what was used longest ago goes when memory is full', async () => {
  const { source, requests } = sourceOf(3 * 256 * 256 * 6);
  source.want(tiles(3));
  requests[0]?.answer();
  await settled();
  source.use({ level: 0, row: 0, column: 0 });
  source.want(tiles(1, 5));
  requests[1]?.answer();
  await settled();
  expect(source.look({ level: 0, row: 0, column: 0 })).not.toBeNull();
  expect(source.look({ level: 0, row: 0, column: 1 })).toBeNull();
});

test('after a failure nothing is asked for until somebody tries again', async () => {
  const { source, requests } = sourceOf();
  source.want(tiles(1));
  requests[0]?.fail();
  await settled();
  expect(source.failure.value).toBe('no memory');
  source.want(tiles(1));
  expect(requests).toHaveLength(1);
  source.retry();
  source.want(tiles(1));
  expect(requests).toHaveLength(2);
});

test('tiles of another size than asked for are refused', async () => {
  const source = new TileSource(
    { map: DENSE, unit: 1, fetch: async () => new Uint16Array(7) },
    () => undefined,
  );
  source.want(tiles(1));
  await settled();
  expect(source.failure.value).toBe('The tiles have 7 pixels instead of 65536.');
});
