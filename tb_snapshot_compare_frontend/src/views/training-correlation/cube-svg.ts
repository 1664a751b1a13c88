/** The cube as parts of an SVG document: its two faces over time are pictures in it. */
import { fitText } from '../../elements/fit-text';
import { escaped, short } from '../../render/svg-document';
import { stepTicks } from '../../scales/step-ticks';
import { GUTTER, MARGIN } from '../../scales/steps';
import { AXIS, PADDING, spaced } from './CubeOver';
import * as cube from './cube-model';
import { paintFront, paintTop } from './cube-paint';
import { type Affine, apply, type Point } from './cube-projection';
import { WORD_SIZE } from './heads';
import * as model from './model';
import { paintLayout } from './paint';
import { svgPen } from './pen';

/** Pixels of a picture for each unit. */
const SHARPNESS = 2;
const NAME_ROOM = GUTTER - 24;

export interface DrawnSize {
  readonly width: number;
  readonly height: number;
}

export function cubeDrawing(): readonly [content: string, size: DrawnSize] {
  const [known, layout] = [model.known.value, cube.cubeLayout.value];
  if (known === null || layout === null) throw new Error('the view is not drawn');
  const scene = cube.sceneOf(known, layout);
  const { size, projection, colors } = scene;
  const pen = svgPen();
  const whole = { left: 0, top: 0, right: size.depth, bottom: size.layers };
  paintLayout(pen, known, layout, whole, colors);
  const top = picture(size.time, size.depth, (context) => paintTop(context, scene));
  const front = picture(size.time, size.layers, (context) => paintFront(context, scene));
  const content = [
    `<g transform="translate(${GUTTER} ${PADDING})">`,
    onFace(projection.top, top + frame(size.time, size.depth, scene.edge)),
    onFace(projection.front, front + frame(size.time, size.layers, scene.edge)),
    onFace(projection.right, pen.parts.join('') + frame(size.depth, size.layers, scene.edge)),
    ...names(),
    '</g>',
  ].join('');
  const width = Math.ceil(GUTTER + projection.width + MARGIN);
  return [content, { width, height: Math.ceil(PADDING + projection.height + AXIS) }];
}

function onFace({ a, b, c, d, e, f }: Affine, content: string): string {
  return `<g transform="matrix(${[a, b, c, d, e, f].map(precise).join(' ')})">${content}</g>`;
}

function precise(value: number): string {
  return String(Math.round(value * 1e6) / 1e6);
}

function frame(width: number, height: number, color: string): string {
  return `<rect width="${short(width)}" height="${short(height)}" fill="none" stroke="${color}"/>`;
}

function picture(
  width: number,
  height: number,
  paint: (context: CanvasRenderingContext2D) => void,
): string {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [Math.ceil(width * SHARPNESS), Math.ceil(height * SHARPNESS)];
  const context = canvas.getContext('2d');
  if (context === null || canvas.width === 0 || canvas.height === 0) return '';
  context.scale(SHARPNESS, SHARPNESS);
  context.imageSmoothingEnabled = false;
  paint(context);
  return `<image width="${short(width)}" height="${short(height)}" preserveAspectRatio="none" href="${canvas.toDataURL()}"/>`;
}

function names(): readonly string[] {
  const { front, top } = cube.projection.value;
  const layout = cube.cubeLayout.value;
  const text = (words: string, [x, y]: Point, anchor: string, size: number) =>
    `<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}" font-size="${size}">${escaped(fitText(words, size, NAME_ROOM))}</text>`;
  const rows = (layout?.rows ?? []).map(({ layer, top: y, height }) => {
    const [, at] = apply(front, [0, y + height / 2]);
    return text(layer, [-8, at + 4], 'end', 12);
  });
  const columns = (layout?.columns ?? []).map(({ classIndex, left, width }) => ({
    key: classIndex,
    at: apply(top, [0, left + width / 2]),
  }));
  const classes = spaced(columns, null).map(({ key, at: [x, y] }) =>
    text(model.className(key), [x - 8, y + 4], 'end', WORD_SIZE),
  );
  const [, bottom] = apply(front, [0, cube.size.value.layers]);
  const ticks = stepTicks(cube.scale.value).map(({ x, label }) =>
    text(label, [x, bottom + 16], 'middle', 11),
  );
  return [...rows, ...classes, ...ticks];
}
