/** Series of the validation passes as lines of pixels, whatever the passes' widths. */
import type { Column } from '../../scales/steps';

/** The passes behind each device pixel, `from` to before `to`; none where both are equal. */
export interface PixelSpans {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/** What pixels are painted with: entries for 0 to 1, as 0xAABBGGRR. */
export interface ColorTable {
  readonly colors: Uint32Array;
  readonly missing: number;
}

/** Columns at least this wide, in CSS pixels, are set apart by a line. */
export const GAP_FROM = 6;

/**
 * A column covers the pixels between its rounded edges, one that is narrower than a pixel the one
 * that its middle lies in: no pass in sight is left out. Of wide columns the last pixel stays empty.
 */
export function pixelSpans(columns: readonly Column[], width: number, ratio: number): PixelSpans {
  const pixels = Math.max(0, Math.round(width * ratio));
  const from = new Int32Array(pixels);
  const to = new Int32Array(pixels);
  for (const { index, left, right } of columns) {
    const [first, last] = [Math.round(left * ratio), Math.round(right * ratio)];
    const gap = right - left >= GAP_FROM ? Math.max(1, Math.round(ratio)) : 0;
    const middle = Math.floor(((left + right) / 2) * ratio);
    for (let pixel = Math.max(0, first); pixel < Math.min(pixels, last - gap); pixel += 1) {
      cover(from, to, pixel, index);
    }
    if (last <= first && middle >= 0 && middle < pixels) cover(from, to, middle, index);
  }
  return { from, to };
}

function cover(from: Int32Array, to: Int32Array, pixel: number, index: number): void {
  if (from[pixel] === to[pixel]) from[pixel] = index;
  to[pixel] = index + 1;
}

/** The mean of what is known behind a pixel; NaN where nothing is. */
export function meanOf(values: Float32Array, offset: number, from: number, to: number): number {
  if (to - from === 1) return values[offset + from] as number;
  let sum = 0;
  let known = 0;
  for (let index = from; index < to; index += 1) {
    const value = values[offset + index] as number;
    if (Number.isNaN(value)) continue;
    sum += value;
    known += 1;
  }
  return known === 0 ? Number.NaN : sum / known;
}

/** Writes a series into a line of pixels; those without a pass stay empty. */
export function rasterLine(
  line: Uint32Array,
  spans: PixelSpans,
  values: Float32Array,
  offset: number,
  { colors, missing }: ColorTable,
): void {
  const top = colors.length - 1;
  for (let pixel = 0; pixel < line.length; pixel += 1) {
    const [from, to] = [spans.from[pixel] as number, spans.to[pixel] as number];
    if (from === to) line[pixel] = 0;
    else {
      const value = meanOf(values, offset, from, to);
      const place = Math.round(Math.min(1, Math.max(0, value)) * top);
      line[pixel] = Number.isNaN(value) ? missing : (colors[place] as number);
    }
  }
}

/** `#rrggbb` as a pixel in the order of the bytes of an ImageData. */
export function packColor(hex: string): number {
  const bits = Number.parseInt(hex.slice(1), 16);
  const [red, green, blue] = [bits >> 16, (bits >> 8) & 255, bits & 255];
  return (((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0) as number;
}

export function packTable(colors: readonly string[], missing: string): ColorTable {
  return { colors: Uint32Array.from(colors, packColor), missing: packColor(missing) };
}
