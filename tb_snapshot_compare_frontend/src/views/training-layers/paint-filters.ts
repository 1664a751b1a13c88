/** Paints filters over time, a filter a row, at device pixels. */
import { parseHex } from '../../scales/oklab';
import type { Bucket } from './buckets';
import { type Shading, shadesOf, strongest } from './filter-scale';

export interface FilterColors {
  /** Weakest first. */
  readonly table: readonly string[];
  readonly missing: string;
  readonly grid: string;
}

export interface FilterFrame {
  /** Device pixels of the part that is painted. */
  readonly width: number;
  readonly height: number;
  /** Device pixels from the top of the first filter to the top of the part. */
  readonly top: number;
  /** Device pixels of a filter, one at least; need not be whole. */
  readonly row: number;
  /** Lines between filters and between dumps. */
  readonly grid: boolean;
  /** Device pixels left empty below each filter. */
  readonly gap: number;
}

/** Colours as a canvas keeps them; `rows` are places of the shading's filters, top to bottom. */
export function filterPixels(
  shading: Shading,
  rows: readonly number[],
  buckets: readonly Bucket[],
  frame: FilterFrame,
  colors: FilterColors,
): Uint32Array<ArrayBuffer> {
  const pixels = new Uint32Array(frame.width * frame.height);
  const table = Uint32Array.from(colors.table, packed);
  const [missing, grid] = [packed(colors.missing), packed(colors.grid)];
  const first = Math.max(0, Math.floor(frame.top / frame.row));
  const last = Math.min(rows.length, Math.ceil((frame.top + frame.height) / frame.row) + 1);
  for (let row = first; row < last; row += 1) {
    const { top, bottom, whole } = linesOf(row, frame);
    if (bottom <= top) continue;
    const start = top * frame.width;
    const line = pixels.subarray(start, start + frame.width);
    paintRow(line, shading, rows[row] as number, buckets, table, missing);
    if (frame.grid) gridColumns(line, buckets, grid);
    for (let y = top + 1; y < bottom; y += 1) {
      pixels.copyWithin(y * frame.width, start, start + frame.width);
    }
    if (frame.grid && whole) pixels.fill(grid, (bottom - 1) * frame.width, bottom * frame.width);
  }
  return pixels;
}

export function putPixels(
  context: CanvasRenderingContext2D,
  pixels: Uint32Array<ArrayBuffer>,
): void {
  const { width, height } = context.canvas;
  const bytes = new Uint8ClampedArray(pixels.buffer);
  context.putImageData(new ImageData(bytes, width, height), 0, 0);
}

interface Lines {
  readonly top: number;
  readonly bottom: number;
  /** Whether its lower end is within the part. */
  readonly whole: boolean;
}

function linesOf(row: number, { top, row: tall, height, gap }: FilterFrame): Lines {
  const end = Math.round((row + 1) * tall - top) - gap;
  const from = Math.max(0, Math.round(row * tall - top));
  return { top: from, bottom: Math.min(height, end), whole: end <= height };
}

function paintRow(
  line: Uint32Array,
  shading: Shading,
  filter: number,
  buckets: readonly Bucket[],
  table: Uint32Array,
  missing: number,
): void {
  const shades = shadesOf(shading, filter);
  for (const { left, right, from, to } of buckets) {
    if (from >= shading.dumps) continue;
    const shade = to - from === 1 ? (shades[from] as number) : strongest(shades, from, to);
    const color = Number.isNaN(shade)
      ? missing
      : (table[Math.round(shade * (table.length - 1))] as number);
    for (let x = left; x < right; x += 1) line[x] = color;
  }
}

function gridColumns(line: Uint32Array, buckets: readonly Bucket[], grid: number): void {
  for (const { left, right } of buckets) {
    if (right - left > 6) line[right - 1] = grid;
  }
}

/** As a canvas keeps it: red in the lowest byte. */
function packed(color: string): number {
  const [red, green, blue] = parseHex(color).map((channel) => Math.round(channel * 255));
  return (0xff000000 | ((blue as number) << 16) | ((green as number) << 8) | (red as number)) >>> 0;
}
