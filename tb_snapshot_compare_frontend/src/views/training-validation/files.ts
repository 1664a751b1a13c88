/** The view as a drawing: all rows that are listed, whether they are in sight or scrolled out of it. */
import { axisWord } from '../../elements/axis-words';
import { fitText } from '../../elements/fit-text';
import { headedSvg } from '../../render/headed-svg';
import { STEPS_AXIS_HEIGHT, stepsAxis } from '../../render/steps-axis-svg';
import { escaped, short, svgDocument, type Token, themeTokens } from '../../render/svg-document';
import { accuracyColors } from '../../scales/accuracy';
import { formatFraction } from '../../scales/format';
import { GUTTER, MARGIN } from '../../scales/steps';
import { anomalyRule, imageShade, log, showTriangles, validationOpen } from '../../state/training';
import { otherTitle } from '../../state/training-pair';
import { type Line, NAMES_FROM } from './lines';
import * as model from './model';
import { cellColors } from './palette';
import { type ColorTable, GAP_FROM, pixelSpans, rasterLine } from './raster';
import { marksPath, placeMarks } from './triangles';
import { countOf, imageName, runWords } from './words';

/** Pixels of a picture for each unit across. */
const SHARPNESS = 2;
const NAME_LEFT = 12;
const INDENT = 12;
const NAME_SIZE = 12;
const RAMP_STOPS = 32;

const NAMES_ROOM = GUTTER - 44;

type ImagesRow = Extract<Line, { readonly kind: 'images' }>;

export function validationSvg(): string {
  const width = model.chartWidth.value;
  if (width === 0) throw new Error('the view is not drawn');
  const rows = placedLines();
  const last = rows.at(-1);
  const height = last ? last.top + last.line.height : 0;
  const token = themeTokens();
  const chart = svgDocument(
    { width: GUTTER + width + MARGIN, height: height + STEPS_AXIS_HEIGHT },
    token,
    [
      ...rows.map(({ line, top }) => lineParts(line, top, width, token)),
      stepsAxis(model.scale.value, axisWord.value.toLowerCase(), height, token),
    ],
  );
  return headedSvg(chart, {
    title: `Validation of ${log.value?.run ?? ''}`,
    subtitle: showTriangles.value ? [marksWords()] : [],
    legend: 'Accuracy',
    ramp: { colors: rampColors(), from: formatFraction(0), to: formatFraction(1) },
    swatches: cellSwatches(rows.some(({ line }) => line.kind === 'images')),
  });
}

interface PlacedLine {
  readonly line: Line;
  readonly top: number;
}

/** The model's rows, and below them those of classes. */
function placedLines(): readonly PlacedLine[] {
  const whole = model.wholeLayout.value;
  const below = validationOpen.value ? model.layout.value.lines : [];
  return [
    ...whole.lines.map((line) => ({ line, top: line.top })),
    ...below.map((line) => ({ line, top: whole.height + line.top })),
  ];
}

function rampColors(): readonly string[] {
  const colors = accuracyColors(model.theme.value);
  return Array.from({ length: RAMP_STOPS }, (_, stop) => {
    return colors[Math.round((stop / (RAMP_STOPS - 1)) * (colors.length - 1))] as string;
  });
}

function cellSwatches(drawn: boolean) {
  if (!drawn || imageShade.value !== 'outcome') return [];
  const { correct, wrong, unknown } = cellColors(model.theme.value);
  return [
    { color: correct, label: 'image correct' },
    { color: wrong, label: 'wrong' },
    { color: unknown, label: 'unknown' },
  ];
}

function marksWords(): string {
  const { threshold, runLength } = anomalyRule.value;
  const images = countOf(threshold, 'image');
  if (runLength === 0) return `▼ from ${images} of a class that changed from the pass before`;
  const run = runWords(runLength, model.passes.value);
  return `▼ from ${images} of a class broke a state of ${run}, △ began one`;
}

function lineParts(line: Line, top: number, width: number, token: Token): string {
  const chartTop = top + line.chartTop;
  const strip = line.kind === 'images' ? cellsPicture(line, width) : stripPicture(line, width);
  const place = `x="${GUTTER}" y="${chartTop}" width="${short(width)}" height="${line.chartHeight}"`;
  const picture =
    strip === null
      ? ''
      : `<image ${place} preserveAspectRatio="none" style="image-rendering:pixelated" href="${strip}"/>`;
  const parts = [nameParts(line, top, token), picture];
  if (line.kind === 'images') parts.push(imageParts(line, chartTop, width, token));
  parts.push(markParts(line, chartTop, width, token));
  return parts.join('');
}

/** Names of the images of an opened class, and lines between their rows, where there is room. */
function imageParts(line: ImagesRow, top: number, width: number, token: Token): string {
  const images = model.imagesOf(line.index);
  if (!images || line.cell < GAP_FROM) return '';
  const rows = Array.from(images.order, (place, row) => {
    const bottom = top + (row + 1) * line.cell;
    const gap = `<rect x="${GUTTER}" y="${bottom - 1}" width="${short(width)}" height="1" fill="${token('--card')}"/>`;
    if (line.cell < NAMES_FROM) return gap;
    const name = fitText(imageName(images.names[place], images.image[place] ?? -1), 10, NAMES_ROOM);
    const y = short(bottom - line.cell / 2 + 3);
    return `${gap}<text x="${GUTTER - 8}" y="${y}" font-size="10" text-anchor="end" fill="${token('--ink-muted')}">${escaped(name)}</text>`;
  });
  return rows.join('');
}

function nameParts(line: Line, top: number, token: Token): string {
  const shown = line.kind === 'other' ? line.of : line;
  const level = shown.kind === 'class' || shown.kind === 'images' ? shown.level : 0;
  const left = NAME_LEFT + level * INDENT;
  const middle = line.kind === 'images' ? line.chartTop - 8 : line.height / 2;
  const words = fitText(nameOf(line), NAME_SIZE, GUTTER - left - 8);
  const strong = level === 0 && line.kind !== 'other' && line.kind !== 'rest';
  const style = strong ? 'font-weight="500"' : `fill="${token(inkOf(line))}"`;
  return `<text x="${left}" y="${top + middle + 4}" font-size="${NAME_SIZE}" ${style}>${escaped(words)}</text>`;
}

function inkOf({ kind }: Line): string {
  return kind === 'other' || kind === 'rest' ? '--ink-muted' : '--ink';
}

function nameOf(line: Line): string {
  if (line.kind === 'other') return `in ${otherTitle.value}`;
  if (line.kind === 'rest') return `${countOf(line.count, 'class', 'classes')} not listed`;
  const size =
    line.kind === 'cluster' ? ` · ${countOf(line.classes.length, 'class', 'classes')}` : '';
  return `${model.lineName(line)}${size}`;
}

function stripPicture(line: Line, width: number): string | null {
  const values = model.errorOf(line);
  return values && picture(line, width, 1, () => [values, 0], model.errorColors.value);
}

/** A line of pixels for every image of an opened class. */
function cellsPicture(line: ImagesRow, width: number): string | null {
  const images = model.imagesOf(line.index);
  if (!images || line.images === 0) return null;
  const values = model.cellsOf(images, line.index);
  const passes = values.length / line.images;
  const row = (at: number): readonly [Float32Array, number] => [values, at * passes];
  return picture(line, width, line.images, row, model.cellTable.value);
}

function picture(
  line: Line,
  width: number,
  rows: number,
  row: (at: number) => readonly [values: Float32Array, offset: number],
  table: ColorTable,
): string | null {
  const spans = pixelSpans(model.axisOf(line).columns, width, SHARPNESS);
  const across = spans.from.length;
  if (across === 0) return null;
  const pixels = new Uint32Array(across * rows);
  for (let at = 0; at < rows; at += 1) {
    const [values, offset] = row(at);
    rasterLine(pixels.subarray(at * across, (at + 1) * across), spans, values, offset, table);
  }
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [across, rows];
  const bytes = new Uint8ClampedArray(pixels.buffer);
  canvas.getContext('2d')?.putImageData(new ImageData(bytes, across, rows), 0, 0);
  return canvas.toDataURL();
}

function markParts(line: Line, top: number, width: number, token: Token): string {
  const marks = placeMarks(model.shownMarks(line), model.axisOf(line).columns, width);
  if (marks.length === 0) return '';
  const [ink, card] = [token('--ink'), token('--card')];
  const bottom = top + line.chartHeight;
  return [
    `<path transform="translate(${GUTTER} ${top})" d="${marksPath(marks, 'left')}" fill="${ink}"/>`,
    `<path transform="translate(${GUTTER} ${bottom})" d="${marksPath(marks, 'right')}" fill="${card}" stroke="${ink}"/>`,
  ].join('');
}
