/** The pixels of a map with the largest values, from as fine a level as one request can hold. */
import type { KernelLevel, KernelMap } from '../../client/types';
import { hasCells, tileRectangle, tilesWithin } from '../../render/tiles-grid';
import { TILES_PER_REQUEST } from '../../render/tiles-source';
import { halfToNumber } from '../../scales/half';
import type { TileFeed } from '../../state/kernel';
import type { Place } from './geometry';
import { asShown, isFlipped } from './quantities';

/** Cells under a pixel, and its value. */
export interface Pixel {
  readonly first: Place;
  readonly last: Place;
  readonly value: number;
}

const EVERYTHING = {
  top: 0,
  left: 0,
  bottom: Number.POSITIVE_INFINITY,
  right: Number.POSITIVE_INFINITY,
};

/** Largest first; what is not a number is left out. */
export async function largestPixels(
  { map, unit, fetch }: TileFeed,
  count: number,
  signal: AbortSignal,
): Promise<readonly Pixel[]> {
  const level = finestWhole(map);
  const bits = await fetch(tilesWithin(map, level, EVERYTHING), signal);
  return largest({ map, level, found: pixelsOfLevel(map, level, bits, unit) }, count);
}

type Found = { readonly row: number; readonly column: number; readonly value: number };

function largest({ map, level, found }: LevelPixels, count: number): readonly Pixel[] {
  const { pixel_rows, pixel_columns } = map.levels[level] as KernelLevel;
  const down = pixel_rows / map.cell_rows;
  const across = pixel_columns / map.cell_columns;
  return found
    .sort((one, other) => other.value - one.value)
    .slice(0, count)
    .map(({ row, column, value }) => ({
      first: { row: row * down, column: column * across },
      last: {
        row: Math.min(map.rows, (row + 1) * down) - 1,
        column: Math.min(map.columns, (column + 1) * across) - 1,
      },
      value,
    }));
}

/** The finest level of whole slices that one request holds. */
function finestWhole(map: KernelMap): number {
  const first = hasCells(map) && map.levels.length > 1 ? 1 : 0;
  for (let level = first; level < map.levels.length; level += 1) {
    const { rows, columns } = map.levels[level] as KernelLevel;
    const tiles = Math.ceil(rows / map.tile) * Math.ceil(columns / map.tile);
    if (tiles <= TILES_PER_REQUEST) return level;
  }
  return map.levels.length - 1;
}

interface LevelPixels {
  readonly map: KernelMap;
  readonly level: number;
  readonly found: Found[];
}

function pixelsOfLevel(map: KernelMap, level: number, bits: Uint16Array, unit: number): Found[] {
  const { pixel_rows, pixel_columns } = map.levels[level] as KernelLevel;
  const found: Found[] = [];
  const flipped = isFlipped(map, 'difference');
  let at = 0;
  for (const address of tilesWithin(map, level, EVERYTHING)) {
    const { top, left, bottom, right } = tileRectangle(map, address);
    for (let row = top / pixel_rows; row < bottom / pixel_rows; row += 1) {
      for (let column = left / pixel_columns; column < right / pixel_columns; column += 1) {
        const value = asShown({ flipped }, halfToNumber(bits[at] ?? 0) * unit);
        at += 1;
        if (!Number.isNaN(value)) found.push({ row, column, value });
      }
    }
  }
  return found;
}
