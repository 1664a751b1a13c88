/**
 * The tiles of a map that are at hand, and the requests for those that are not: at most three at
 * a time, each for up to 16 tiles of the view as it is now, so that a fast zoom never queues what
 * is no longer seen. What was used longest ago goes first when memory is full.
 */
import { type Signal, signal } from '@preact/signals';
import type { KernelMap } from '../client/types';
import type { TileAddress, TileFeed } from '../state/kernel';
import { tileSize } from './tiles-grid';

const REQUESTS_MOST = 3;
export const TILES_PER_REQUEST = 16;
/** Bits, and the picture made of them. */
const BYTES_PER_PIXEL = 2 + 4;
const CAPACITY_BYTES = 72 * 1024 * 1024;

export interface Tile {
  readonly address: TileAddress;
  /** float16, row by row. */
  readonly bits: Uint16Array;
  readonly rows: number;
  readonly columns: number;
  /** The picture, once painted; it belongs to the painter. */
  picture: OffscreenCanvas | null;
  /** What it was painted with. */
  paintedAs: number;
}

export class TileSource {
  readonly map: KernelMap;
  /** What a value of 1 in a tile stands for. */
  readonly unit: number;
  /** Why the last request gave nothing; no more are sent until `retry`. */
  readonly failure: Signal<string | null> = signal(null);
  /** In order of use, the latest last. */
  private readonly tiles = new Map<number, Tile>();
  private readonly underWay = new Set<number>();
  private readonly ended = new AbortController();
  private wanted: readonly TileAddress[] = [];
  private requests = 0;
  private bytes = 0;

  constructor(
    private readonly feed: TileFeed,
    private readonly onArrival: () => void,
    private readonly capacity = CAPACITY_BYTES,
  ) {
    this.map = feed.map;
    this.unit = feed.unit;
  }

  get isEmpty(): boolean {
    return this.tiles.size === 0;
  }

  /** Nothing that was asked for is missing. */
  get isComplete(): boolean {
    return this.requests === 0 && this.wanted.length === 0;
  }

  /** A tile in use: it stays longer than those that are not. */
  use(address: TileAddress): Tile | null {
    const key = keyOf(address);
    const tile = this.tiles.get(key);
    if (!tile) return null;
    this.tiles.delete(key);
    this.tiles.set(key, tile);
    return tile;
  }

  look(address: TileAddress): Tile | null {
    return this.tiles.get(keyOf(address)) ?? null;
  }

  /** What the view needs now, the most important first; replaces what was wanted before. */
  want(addresses: readonly TileAddress[]): void {
    this.wanted = addresses.filter((address) => {
      const key = keyOf(address);
      return !this.tiles.has(key) && !this.underWay.has(key);
    });
    this.pump();
  }

  retry(): void {
    this.failure.value = null;
    this.onArrival();
  }

  dispose(): void {
    this.ended.abort();
    this.wanted = [];
    this.tiles.clear();
  }

  private pump(): void {
    while (
      this.requests < REQUESTS_MOST &&
      this.wanted.length > 0 &&
      this.failure.peek() === null &&
      !this.ended.signal.aborted
    ) {
      const part = this.wanted.slice(0, TILES_PER_REQUEST);
      this.wanted = this.wanted.slice(TILES_PER_REQUEST);
      void this.request(part);
    }
  }

  private async request(part: readonly TileAddress[]): Promise<void> {
    const { signal: aborted } = this.ended;
    for (const address of part) this.underWay.add(keyOf(address));
    this.requests += 1;
    try {
      const bits = await this.feed.fetch(part, aborted);
      if (!aborted.aborted) this.keep(part, bits);
    } catch (error) {
      if (!aborted.aborted) this.failure.value = (error as Error).message;
    } finally {
      this.requests -= 1;
      for (const address of part) this.underWay.delete(keyOf(address));
      if (!aborted.aborted) {
        this.pump();
        this.onArrival();
      }
    }
  }

  private keep(part: readonly TileAddress[], bits: Uint16Array): void {
    const sizes = part.map((address) => tileSize(this.map, address));
    const expected = sizes.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
    if (bits.length !== expected) {
      throw new Error(`The tiles have ${bits.length} pixels instead of ${expected}.`);
    }
    let start = 0;
    part.forEach((address, index) => {
      const { rows, columns } = sizes[index] as { rows: number; columns: number };
      const own = bits.slice(start, start + rows * columns);
      start += rows * columns;
      this.bytes += own.length * BYTES_PER_PIXEL;
      const tile = { address, bits: own, rows, columns, picture: null, paintedAs: -1 };
      this.tiles.set(keyOf(address), tile);
    });
    for (const [key, tile] of this.tiles) {
      if (this.bytes <= this.capacity) break;
      this.tiles.delete(key);
      this.bytes -= tile.bits.length * BYTES_PER_PIXEL;
    }
  }
}

function keyOf({ level, row, column }: TileAddress): number {
  return (level * 2 ** 22 + row) * 2 ** 22 + column;
}
