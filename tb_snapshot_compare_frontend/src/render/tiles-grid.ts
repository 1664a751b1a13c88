/**
 * Where the pixels of a map's levels of detail and their tiles lie. Everything is counted in
 * weights of the map, from its upper left corner.
 */
import type { KernelLevel, KernelMap } from '../client/types';
import type { TileAddress } from '../state/kernel';

/** First inclusive, last exclusive. */
export interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** Width and height of a weight on screen. */
export interface WeightSize {
  readonly width: number;
  readonly height: number;
}

/** Pixels of a level may be this much larger than those of the screen before a finer is taken. */
const LARGEST_POOLED = 1.2;
/** From this size of a weight on, a cell opens into its weights. */
export const OPEN_FROM = 3;

export function mapSize({ rows, columns, cell_rows, cell_columns }: KernelMap): {
  readonly rows: number;
  readonly columns: number;
} {
  return { rows: rows * cell_rows, columns: columns * cell_columns };
}

/** Whether cells hold several weights. */
export function hasCells({ cell_rows, cell_columns }: KernelMap): boolean {
  return cell_rows * cell_columns > 1;
}

/** Whether single weights are shown at this size, in CSS pixels. */
export function isOpen(map: KernelMap, { width, height }: WeightSize): boolean {
  return !hasCells(map) || Math.min(width, height) >= OPEN_FROM;
}

/** The level to show, for the size of a weight in CSS pixels and the screen's pixels in one. */
export function levelFor(map: KernelMap, size: WeightSize, ratio: number): number {
  const { levels } = map;
  const finest = isOpen(map, size) ? 0 : Math.min(1, levels.length - 1);
  let chosen = finest;
  for (let level = finest + 1; level < levels.length; level += 1) {
    const { pixel_rows, pixel_columns } = levels[level] as KernelLevel;
    const wide = map.columns > 1 ? pixel_columns * size.width * ratio : 0;
    const high = map.rows > 1 ? pixel_rows * size.height * ratio : 0;
    if (Math.max(wide, high) <= LARGEST_POOLED) chosen = level;
  }
  return chosen;
}

/** The tiles of a level that touch a rectangle of weights, row by row. */
export function tilesWithin(map: KernelMap, level: number, area: Rectangle): TileAddress[] {
  const { rows, columns, pixel_rows, pixel_columns } = map.levels[level] as KernelLevel;
  const high = map.tile * pixel_rows;
  const wide = map.tile * pixel_columns;
  const lastRow = Math.ceil(rows / map.tile) - 1;
  const lastColumn = Math.ceil(columns / map.tile) - 1;
  const tiles: TileAddress[] = [];
  const top = between(Math.floor(area.top / high), lastRow);
  const bottom = between(Math.ceil(area.bottom / high) - 1, lastRow);
  const left = between(Math.floor(area.left / wide), lastColumn);
  const right = between(Math.ceil(area.right / wide) - 1, lastColumn);
  for (let row = top; row <= bottom; row += 1) {
    for (let column = left; column <= right; column += 1) tiles.push({ level, row, column });
  }
  return tiles;
}

/** Pixels of a tile: those at the far edges are cropped. */
export function tileSize(
  map: KernelMap,
  { level, row, column }: TileAddress,
): { readonly rows: number; readonly columns: number } {
  const { rows, columns } = map.levels[level] as KernelLevel;
  return {
    rows: Math.min(map.tile, rows - row * map.tile),
    columns: Math.min(map.tile, columns - column * map.tile),
  };
}

/** The weights under a tile; it may reach beyond the map where the last pixel is not full. */
export function tileRectangle(map: KernelMap, tile: TileAddress): Rectangle {
  const { pixel_rows, pixel_columns } = map.levels[tile.level] as KernelLevel;
  const size = tileSize(map, tile);
  const top = tile.row * map.tile * pixel_rows;
  const left = tile.column * map.tile * pixel_columns;
  return {
    top,
    left,
    bottom: top + size.rows * pixel_rows,
    right: left + size.columns * pixel_columns,
  };
}

export function overlap(one: Rectangle, other: Rectangle): Rectangle | null {
  const top = Math.max(one.top, other.top);
  const left = Math.max(one.left, other.left);
  const bottom = Math.min(one.bottom, other.bottom);
  const right = Math.min(one.right, other.right);
  return top < bottom && left < right ? { top, left, bottom, right } : null;
}

function between(value: number, last: number): number {
  return Math.max(0, Math.min(last, value));
}
