/** Strokes that are seen on any colour, and canvases as sharp as the screen. */
import type { Palette } from './palette';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Sets the canvas to its size on screen, empty; drawing is in CSS pixels from then on. */
export function prepare(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const context = resize(canvas, width, height, {});
  context?.clearRect(0, 0, width, height);
  return context;
}

/** The same without emptying it: whoever draws covers it all. Opaque, which is faster to show. */
export function prepareOpaque(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  return resize(canvas, width, height, { alpha: false });
}

function resize(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  settings: CanvasRenderingContext2DSettings,
): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  const wanted = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
  if (canvas.width !== wanted.width || canvas.height !== wanted.height) {
    canvas.width = wanted.width;
    canvas.height = wanted.height;
  }
  const context = canvas.getContext('2d', settings);
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** A line with a border of the surface's colour: it stands out from light and dark alike. */
export function outline(
  context: CanvasRenderingContext2D,
  box: Box,
  color: string,
  palette: Palette,
  width = 2,
  dashes: readonly number[] = [],
): void {
  const x = Math.round(box.x);
  const y = Math.round(box.y);
  const right = Math.round(box.x + box.width);
  const bottom = Math.round(box.y + box.height);
  context.lineJoin = 'miter';
  context.setLineDash([]);
  context.strokeStyle = palette.card;
  context.lineWidth = width + 2.5;
  context.strokeRect(x, y, right - x, bottom - y);
  context.setLineDash([...dashes]);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.strokeRect(x, y, right - x, bottom - y);
  context.setLineDash([]);
}

/** Diagonal lines for what has no value. */
export function hatch(context: CanvasRenderingContext2D, box: Box, palette: Palette): void {
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  context.beginPath();
  for (let at = -box.height; at < box.width; at += 5) {
    context.moveTo(box.x + at, box.y + box.height);
    context.lineTo(box.x + at + box.height, box.y);
  }
  context.strokeStyle = palette.border;
  context.lineWidth = 1;
  context.stroke();
  context.restore();
}
