/** The map's picture: tiles, marked weights and details, drawn at most once per frame. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { type Placement, TilePainter } from '../../render/tiles-painter';
import { TileSource } from '../../render/tiles-source';
import { missingColor, type Theme } from '../../scales/color';
import { halfColors, halfToNumber, pixelOf, pixelsOf } from '../../scales/half';
import type { TileFeed } from '../../state/kernel';
import { drawDetails, OUTLINE_FROM } from './details';
import type { Projection, Size } from './geometry';
import { prepareOpaque } from './paint';
import type { Palette } from './palette';
import type { Shown } from './quantities';

/** The last picture stays while the first tiles of the next are on their way. */
const PATIENCE_MS = 500;
/** How much of the colours is left where marked weights are to be seen. */
const DIMMED = 0.62;
/** A pixel of many slices is at least this red when one of them is marked. */
const FAINTEST_MARK = 0.45;

export interface Look {
  readonly projection: Projection;
  readonly size: Size;
  readonly shown: Shown;
  readonly palette: Palette;
  readonly theme: Theme;
}

/** Where a pixel starts and how far it reaches, in weights. */
export interface MapPixel extends Size {
  readonly row: number;
  readonly column: number;
  readonly value: number;
}

export class MapDrawing {
  /** Why the last request for tiles gave nothing. */
  readonly failure: ReadonlySignal<string | null> = computed(
    () => this.shown.value?.failure.value ?? this.marked.value?.failure.value ?? null,
  );
  private readonly shown = signal<TileSource | null>(null);
  private readonly marked = signal<TileSource | null>(null);
  private painter: TilePainter | null = null;
  private maskPainter: TilePainter | null = null;
  private feed: TileFeed | null = null;
  private maskFeed: TileFeed | null = null;
  private since = 0;
  private colored: readonly unknown[] = [];

  constructor(private readonly onArrival: () => void) {}

  /** Tiles of the quantity on show. */
  get source(): TileSource | null {
    return this.shown.peek();
  }

  /** Counts of marked weights. */
  get mask(): TileSource | null {
    return this.marked.peek();
  }

  show(feed: TileFeed): void {
    if (this.feed === feed) return;
    this.feed = feed;
    this.source?.dispose();
    const source = new TileSource(feed, this.onArrival);
    this.shown.value = source;
    this.painter = new TilePainter(source, () => new Uint32Array(65_536));
    this.since = performance.now();
    this.colored = [];
  }

  mark(feed: TileFeed | null): void {
    if (this.maskFeed === feed) return;
    this.maskFeed = feed;
    this.mask?.dispose();
    const mask = feed && new TileSource(feed, this.onArrival);
    this.marked.value = mask;
    this.maskPainter = mask && new TilePainter(mask, () => new Uint32Array(65_536));
    this.colored = [];
  }

  retry(): void {
    this.source?.retry();
    this.mask?.retry();
  }

  dispose(): void {
    this.source?.dispose();
    this.mask?.dispose();
  }

  get isComplete(): boolean {
    return this.source?.isComplete === true && (this.mask === null || this.mask.isComplete);
  }

  /** The bits of the finest tile at hand under a weight, and the weights that it pools. */
  valueAt(row: number, column: number): { value: number; weights: number } | null {
    const { source } = this;
    if (!source) return null;
    for (const [level, { pixel_rows, pixel_columns }] of source.map.levels.entries()) {
      const { tile } = source.map;
      const [y, x] = [Math.floor(row / pixel_rows), Math.floor(column / pixel_columns)];
      const address = { level, row: Math.floor(y / tile), column: Math.floor(x / tile) };
      const found = source.look(address);
      if (!found) continue;
      const at = (y % tile) * found.columns + (x % tile);
      return {
        value: halfToNumber(found.bits[at] as number) * source.unit,
        weights: pixel_rows * pixel_columns,
      };
    }
    return null;
  }

  /** The pixels on screen, row by row, as far as their tiles are at hand. */
  *pixels(projection: Projection, size: Size, most: number): Generator<MapPixel> {
    const { source, painter } = this;
    if (!source || !painter) return;
    const seen = projection.seen(size);
    const level = painter.level(placementOf(projection));
    const { pixel_rows: height = 1, pixel_columns: width = 1 } = source.map.levels[level] ?? {};
    const { tile } = source.map;
    let count = 0;
    for (let row = Math.floor(seen.top / height); row * height < seen.bottom; row += 1) {
      for (let column = Math.floor(seen.left / width); column * width < seen.right; column += 1) {
        const address = { level, row: Math.floor(row / tile), column: Math.floor(column / tile) };
        const found = source.look(address);
        const bits = found?.bits[(row % tile) * found.columns + (column % tile)];
        if (bits === undefined) continue;
        const value = halfToNumber(bits) * source.unit;
        yield { row: row * height, column: column * width, height, width, value };
        count += 1;
        if (count === most) return;
      }
    }
  }

  /** Asks for the tiles on screen now: by the frame that draws them they may have come. */
  ask(projection: Projection, size: Size): void {
    const [placement, seen] = [placementOf(projection), projection.seen(size)];
    this.painter?.ask(placement, seen);
    this.maskPainter?.ask(placement, seen);
  }

  /** True when the next frame should go on. */
  draw(canvas: HTMLCanvasElement, look: Look): boolean {
    const { source, painter } = this;
    if (!source || !painter) return false;
    this.recolor(look);
    const { projection, size, palette } = look;
    const placement = placementOf(projection);
    const seen = projection.seen(size);
    if (source.isEmpty && performance.now() - this.since < PATIENCE_MS) {
      painter.ask(placement, seen);
      return false;
    }
    const context = prepareOpaque(canvas, size.width, size.height);
    if (!context) return false;
    const { rows, columns, weight } = projection;
    const whole = projection.box({ top: 0, left: 0, bottom: rows, right: columns });
    context.save();
    if (!covers(whole, size) || !painter.covers(placement, seen)) {
      context.fillStyle = palette.card;
      context.fillRect(0, 0, size.width, size.height);
      context.beginPath();
      context.rect(whole.x, whole.y, whole.width, whole.height);
      context.clip();
      context.fillStyle = palette.void;
      context.fillRect(0, 0, size.width, size.height);
    }
    let unfinished = inDevicePixels(context, () => painter.draw(context, placement, seen));
    const { maskPainter, mask } = this;
    if (mask && maskPainter) {
      const outlined = projection.open && smallerSide(weight) >= OUTLINE_FROM;
      if (!outlined) {
        context.globalAlpha = DIMMED;
        context.fillStyle = palette.card;
        context.fillRect(0, 0, size.width, size.height);
        context.globalAlpha = 1;
      }
      const target = outlined ? offscreen() : context;
      const more = inDevicePixels(context, () => maskPainter.draw(target, placement, seen));
      unfinished ||= more;
    }
    drawDetails(context, { projection, size, source, mask, shown: look.shown, palette });
    context.restore();
    return unfinished;
  }

  private recolor({ shown, palette, theme }: Look): void {
    const key = [shown.colors, ...shown.domain, shown.flipped, palette.red, theme];
    if (key.length === this.colored.length && key.every((part, at) => part === this.colored[at])) {
      return;
    }
    this.colored = key;
    const missing = pixelOf(missingColor(theme));
    const unit = this.source?.unit ?? 1;
    const [lower, upper] = shown.flipped
      ? [1 - shown.domain[1], 1 - shown.domain[0]]
      : shown.domain;
    const colors = shown.flipped ? [...shown.colors].reverse() : shown.colors;
    const table = halfColors(pixelsOf(colors), [lower / unit, upper / unit], missing);
    this.painter?.recolor(() => table);
    const { mask } = this;
    if (mask) this.maskPainter?.recolor(maskColors(mask, palette.red));
  }
}

/** Red where any weight is marked; at levels that pool slices the fainter the fewer there are. */
function maskColors(mask: TileSource, red: string): (level: number) => Uint32Array {
  const { levels, cell_rows, cell_columns } = mask.map;
  const tables = new Map<number, Uint32Array>();
  return (level) => {
    const known = tables.get(level);
    if (known) return known;
    const { pixel_rows = 1, pixel_columns = 1 } = levels[level] ?? {};
    const slices = (pixel_rows * pixel_columns) / (cell_rows * cell_columns);
    const table = new Uint32Array(65_536);
    for (let bits = 1; bits < 0x7c01; bits += 1) {
      const share = Math.min(1, halfToNumber(bits) / Math.max(1, slices));
      const alpha = slices <= 1 ? 1 : FAINTEST_MARK + (1 - FAINTEST_MARK) * Math.sqrt(share);
      table[bits] = pixelOf(red, Math.round(255 * alpha));
    }
    tables.set(level, table);
    return table;
  };
}

export function placementOf({ view, weight }: Projection): Placement {
  const ratio = window.devicePixelRatio || 1;
  return {
    x: view.x * ratio,
    y: view.y * ratio,
    width: weight.width * ratio,
    height: weight.height * ratio,
    ratio,
  };
}

function inDevicePixels<T>(context: CanvasRenderingContext2D, draw: () => T): T {
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  const result = draw();
  context.restore();
  return result;
}

/** Whether the map leaves nothing of the screen free. */
function covers(box: Size & { readonly x: number; readonly y: number }, size: Size): boolean {
  return (
    box.x <= 0 && box.y <= 0 && box.x + box.width >= size.width && box.y + box.height >= size.height
  );
}

function smallerSide({ width, height }: Size): number {
  return Math.min(width, height);
}

let spare: CanvasRenderingContext2D | null = null;

/** Tiles are asked for by drawing them; here nobody sees them. */
function offscreen(): CanvasRenderingContext2D {
  spare ??= document.createElement('canvas').getContext('2d');
  if (spare === null) throw new Error('the browser gave no canvas to draw the map on');
  return spare;
}
