/** Paints strips and pixel charts: one image for all rows in sight. */
import { type ColorTable, GAP_FROM, type PixelSpans, rasterLine } from './raster';

export interface RasterRow {
  /** From the top of the canvas, in CSS pixels. */
  readonly top: number;
  readonly height: number;
  /** By pass, from `offset` on. */
  readonly values: Float32Array;
  readonly offset: number;
  readonly table: ColorTable;
  /** Where its passes lie. */
  readonly spans: PixelSpans;
  /** Whether a line sets it apart from the row below. */
  readonly apart: boolean;
}

export function paintRows(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  rows: readonly RasterRow[],
  ratio: number,
): void {
  const across = Math.max(1, Math.round(width * ratio));
  const down = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  const context = canvas.getContext('2d');
  if (!context) return;
  const image = context.createImageData(across, down);
  const pixels = new Uint32Array(image.data.buffer);
  for (const row of rows) {
    const line = new Uint32Array(Math.min(across, row.spans.from.length));
    const gap = row.apart && row.height >= GAP_FROM ? Math.max(1, Math.round(ratio)) : 0;
    const first = Math.max(0, Math.round(row.top * ratio));
    const end = Math.min(down, Math.round((row.top + row.height) * ratio) - gap);
    if (end <= first) continue;
    rasterLine(line, row.spans, row.values, row.offset, row.table);
    for (let at = first; at < end; at += 1) pixels.set(line, at * across);
  }
  context.putImageData(image, 0, 0);
}
