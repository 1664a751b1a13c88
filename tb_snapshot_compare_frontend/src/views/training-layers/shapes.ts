/** What a chart is made of, so that the canvas and an exported drawing show the same. */
import { short } from '../../render/svg-document';

export type Shape =
  /** Left, top, width and height of each rectangle, one after the other. */
  | { readonly kind: 'rects' | 'missing'; readonly fill: string; readonly rects: readonly number[] }
  /** x and y of each point; NaN ends a piece. */
  | {
      readonly kind: 'line';
      readonly stroke: string;
      readonly width: number;
      readonly points: readonly number[];
    };

const HATCH_STEP = 5;

export function paintShapes(
  context: CanvasRenderingContext2D,
  shapes: readonly Shape[],
  hatch: string,
  ratio: number,
): void {
  for (const shape of shapes) {
    if (shape.kind === 'line') strokeLine(context, shape);
    else fillRects(context, shape.fill, shape.rects);
    if (shape.kind === 'missing') hatchRects(context, shape.rects, hatch, ratio);
  }
}

function fillRects(
  context: CanvasRenderingContext2D,
  fill: string,
  rects: readonly number[],
): void {
  context.fillStyle = fill;
  context.beginPath();
  addRects(context, rects);
  context.fill();
}

function addRects(context: CanvasRenderingContext2D, rects: readonly number[]): void {
  for (let at = 0; at < rects.length; at += 4) {
    context.rect(
      rects[at] as number,
      rects[at + 1] as number,
      rects[at + 2] as number,
      rects[at + 3] as number,
    );
  }
}

function strokeLine(
  context: CanvasRenderingContext2D,
  { stroke, width, points }: Extract<Shape, { kind: 'line' }>,
): void {
  context.strokeStyle = stroke;
  context.lineWidth = width;
  context.lineJoin = 'round';
  context.beginPath();
  let drawing = false;
  for (let at = 0; at < points.length; at += 2) {
    const [x, y] = [points[at] as number, points[at + 1] as number];
    if (Number.isNaN(y)) drawing = false;
    else if (drawing) context.lineTo(x, y);
    else {
      context.moveTo(x, y);
      drawing = true;
    }
  }
  context.stroke();
}

function hatchRects(
  context: CanvasRenderingContext2D,
  rects: readonly number[],
  color: string,
  ratio: number,
): void {
  if (rects.length === 0) return;
  context.save();
  context.beginPath();
  addRects(context, rects);
  context.clip();
  const { width, height } = context.canvas;
  context.strokeStyle = color;
  context.lineWidth = ratio;
  context.beginPath();
  for (let at = -height; at < width; at += HATCH_STEP * ratio) {
    context.moveTo(at, height);
    context.lineTo(at + height, 0);
  }
  context.stroke();
  context.restore();
}

/** Elements of a drawing, in the units of the shapes. */
export function svgShapes(shapes: readonly Shape[]): string {
  return shapes.map(svgShape).join('');
}

function svgShape(shape: Shape): string {
  if (shape.kind !== 'line') {
    const path = rectPath(shape.rects);
    return path === '' ? '' : `<path d="${path}" fill="${shape.fill}"/>`;
  }
  const path = linePath(shape.points);
  if (path === '') return '';
  return `<path d="${path}" fill="none" stroke="${shape.stroke}" stroke-width="${shape.width}" stroke-linejoin="round"/>`;
}

function rectPath(rects: readonly number[]): string {
  let path = '';
  for (let at = 0; at < rects.length; at += 4) {
    const [x, y, width, height] = rects.slice(at, at + 4).map(short);
    path += `M${x} ${y}h${width}v${height}h-${width}z`;
  }
  return path;
}

function linePath(points: readonly number[]): string {
  let path = '';
  let drawing = false;
  for (let at = 0; at < points.length; at += 2) {
    const y = points[at + 1] as number;
    if (!Number.isNaN(y))
      path += `${drawing ? 'L' : 'M'}${short(points[at] as number)} ${short(y)}`;
    drawing = !Number.isNaN(y);
  }
  return path;
}
