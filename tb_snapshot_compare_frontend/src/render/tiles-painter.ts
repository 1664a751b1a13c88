/**
 * Draws the tiles of a map on a canvas. A tile's bits become a picture by one look-up per pixel;
 * pictures are made within a time per frame, and coarser tiles stand in until finer are there.
 */
import type { TileAddress } from '../state/kernel';
import { levelFor, overlap, type Rectangle, tileRectangle, tilesWithin } from './tiles-grid';
import type { Tile, TileSource } from './tiles-source';

/** Time for making pictures in one frame. */
const BUDGET_MS = 7;

/** Where the map lies on the canvas, in device pixels: position = offset + weight * size. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  /** Of one weight. */
  readonly width: number;
  readonly height: number;
  /** Device pixels in a CSS pixel. */
  readonly ratio: number;
}

/** The colours of a level, by the bits of a float16. */
export type ColorsOf = (level: number) => Uint32Array;

export class TilePainter {
  private version = 0;
  private colorsOf: ColorsOf;

  constructor(
    private readonly source: TileSource,
    colorsOf: ColorsOf,
  ) {
    this.colorsOf = colorsOf;
  }

  /** Paints with other colours from the next frame on. */
  recolor(colorsOf: ColorsOf): void {
    this.colorsOf = colorsOf;
    this.version += 1;
  }

  /** The level that is shown at this placement. */
  level(place: Placement): number {
    const size = { width: place.width / place.ratio, height: place.height / place.ratio };
    return levelFor(this.source.map, size, place.ratio);
  }

  /** Asks for what is missing of the `seen` weights, without drawing. */
  ask(place: Placement, seen: Rectangle): void {
    const { map } = this.source;
    const coarsest = map.levels.length - 1;
    const wanted = this.level(place);
    const missing = [...new Set([coarsest, wanted])].flatMap((level) =>
      tilesWithin(map, level, seen).filter((address) => this.source.use(address) === null),
    );
    this.source.want(nearestFirst(missing, coarsest));
  }

  /**
   * Draws what there is of the `seen` weights and asks for what is missing. True when pictures
   * are still to be made: draw again in the next frame.
   */
  draw(context: CanvasRenderingContext2D, place: Placement, seen: Rectangle): boolean {
    const { map } = this.source;
    const wanted = this.level(place);
    const coarsest = map.levels.length - 1;
    const started = performance.now();
    let unfinished = false;
    // First, for what they hide is not drawn: pictures may let through what lies under them.
    for (const address of tilesWithin(map, wanted, seen)) {
      const tile = this.source.look(address);
      if (tile && !this.isPainted(tile) && performance.now() - started < BUDGET_MS) {
        this.paint(tile);
      }
    }
    for (let level = coarsest; level >= wanted; level -= 1) {
      for (const address of tilesWithin(map, level, seen)) {
        const tile = this.source.use(address);
        if (!tile) continue;
        if (level > wanted && this.isCovered(tile, wanted, seen)) continue;
        if (!this.isPainted(tile)) {
          if (performance.now() - started < BUDGET_MS) this.paint(tile);
          else unfinished = true;
        }
        if (tile.picture) drawTile(context, place, tile.picture, tileRectangle(map, address));
      }
    }
    this.ask(place, seen);
    return unfinished;
  }

  /** Whether all that is seen is there, and painted with the colours of now. */
  covers(place: Placement, seen: Rectangle): boolean {
    return this.isWhole(this.level(place), seen);
  }

  /** Whether the wanted level hides all that would be seen of a coarser tile. */
  private isCovered(tile: Tile, wanted: number, seen: Rectangle): boolean {
    const { map } = this.source;
    const part = overlap(tileRectangle(map, tile.address), seen);
    if (part === null) return true;
    return this.isWhole(wanted, part);
  }

  private isWhole(level: number, part: Rectangle): boolean {
    return tilesWithin(this.source.map, level, part).every((address) => {
      const tile = this.source.look(address);
      return tile != null && this.isPainted(tile);
    });
  }

  private isPainted({ picture, paintedAs }: Tile): boolean {
    return picture !== null && paintedAs === this.version;
  }

  private paint(tile: Tile): void {
    const { rows, columns, bits } = tile;
    const image = new ImageData(columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    const colors = this.colorsOf(tile.address.level);
    for (let at = 0; at < pixels.length; at += 1) pixels[at] = colors[bits[at] as number] as number;
    tile.picture ??= new OffscreenCanvas(columns, rows);
    tile.picture.getContext('2d')?.putImageData(image, 0, 0);
    tile.paintedAs = this.version;
  }
}

function drawTile(
  context: CanvasRenderingContext2D,
  { x, y, width, height }: Placement,
  picture: OffscreenCanvas,
  { top, left, bottom, right }: Rectangle,
): void {
  const from = { x: Math.round(x + left * width), y: Math.round(y + top * height) };
  const to = { x: Math.round(x + right * width), y: Math.round(y + bottom * height) };
  context.imageSmoothingEnabled = to.x - from.x < picture.width;
  context.drawImage(picture, from.x, from.y, to.x - from.x, to.y - from.y);
}

/** The whole map first where it is missing: then there is something to see everywhere. */
function nearestFirst(missing: readonly TileAddress[], coarsest: number): TileAddress[] {
  if (missing.length < 2) return [...missing];
  const last = missing.at(-1) as TileAddress;
  const own = missing.filter(({ level }) => level === last.level);
  const middle = own[Math.floor(own.length / 2)] as TileAddress;
  const distance = ({ level, row, column }: TileAddress) =>
    level === coarsest && level !== last.level
      ? -1
      : Math.hypot(row - middle.row, column - middle.column);
  return [...missing].sort((one, other) => distance(one) - distance(other));
}
