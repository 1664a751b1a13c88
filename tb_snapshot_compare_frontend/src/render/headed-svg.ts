/** A chart's SVG with the title and the legend that the page shows around it in HTML. */
import { escaped } from './svg-document';

export interface Swatch {
  readonly color: string;
  readonly label: string;
  /** A filled square by default; a line with these dashes for curves. */
  readonly dashes?: string;
}

/** A continuous scale: its colours from its lower to its upper end. */
export interface Ramp {
  readonly colors: readonly string[];
  readonly from: string;
  readonly to: string;
}

export interface Heading {
  readonly title: string;
  /** Under the title, in one row where they fit side by side. */
  readonly subtitle?: readonly string[];
  readonly legend: string;
  readonly swatches?: readonly Swatch[];
  readonly ramp?: Ramp;
}

const PADDING = 12;
const TITLE_HEIGHT = 32;
const SUBTITLE_HEIGHT = 18;
const SEPARATOR = ' — ';
const ROW_HEIGHT = 20;
const SWATCH = 12;
const RAMP_WIDTH = 128;
const CHARACTER_WIDTH = 5.8;

/** `chart` must be a document of `inlineSvg`; colours and font are taken from it. */
export function headedSvg(chart: string, heading: Heading): string {
  const root = new DOMParser().parseFromString(chart, 'image/svg+xml').documentElement;
  const width = Number(root.getAttribute('width'));
  const height = Number(root.getAttribute('height'));
  const ink =
    root.querySelector('text')?.getAttribute('fill') ?? root.getAttribute('fill') ?? '#000';
  const font = root.getAttribute('font-family') ?? 'sans-serif';
  const background = root.querySelector(':scope > rect')?.getAttribute('fill') ?? 'none';
  const lines = subtitleLines(heading.subtitle ?? [], width);
  const head = TITLE_HEIGHT + lines.length * SUBTITLE_HEIGHT;
  const { parts, rows } = legendParts(heading, width, head);
  const top = head + rows * ROW_HEIGHT + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + top}"`,
    ` viewBox="0 0 ${width} ${height + top}" font-family="${escaped(font)}">`,
    `<rect width="100%" height="100%" fill="${background}"/>`,
    `<g fill="${ink}"><text x="${PADDING}" y="22" font-size="15" font-weight="500">`,
    `${escaped(heading.title)}</text>${lines.map(subtitleText).join('')}${parts}</g>`,
    chart.replace('<svg ', `<svg y="${top}" `),
    '</svg>',
  ].join('');
}

function subtitleLines(subtitle: readonly string[], width: number): readonly string[] {
  const joined = subtitle.join(SEPARATOR);
  if (joined === '') return [];
  return joined.length * CHARACTER_WIDTH <= width - 2 * PADDING ? [joined] : subtitle;
}

function subtitleText(line: string, row: number): string {
  const y = TITLE_HEIGHT + row * SUBTITLE_HEIGHT + 9;
  return `<text x="${PADDING}" y="${y}" font-size="11">${escaped(line)}</text>`;
}

function legendParts(
  heading: Heading,
  width: number,
  head: number,
): { parts: string; rows: number } {
  const parts: string[] = [];
  let x = PADDING;
  let row = 0;
  const y = () => head + row * ROW_HEIGHT + 13;
  const write = (text: string) => {
    parts.push(`<text x="${round(x)}" y="${y()}" font-size="11">${escaped(text)}</text>`);
    x += text.length * CHARACTER_WIDTH + PADDING;
  };
  write(heading.legend);
  if (heading.ramp) {
    const { colors, from, to } = heading.ramp;
    write(from);
    const step = RAMP_WIDTH / colors.length;
    for (const [index, color] of colors.entries()) {
      const at = `x="${round(x + index * step)}" y="${y() - 10}"`;
      parts.push(`<rect ${at} width="${round(step + 0.4)}" height="${SWATCH}" fill="${color}"/>`);
    }
    x += RAMP_WIDTH + 6;
    write(to);
  }
  for (const swatch of heading.swatches ?? []) {
    const { label } = swatch;
    if (x + SWATCH + 6 + label.length * CHARACTER_WIDTH > width - PADDING) {
      x = PADDING;
      row += 1;
    }
    parts.push(swatchMark(swatch, round(x), y()));
    x += SWATCH + 6;
    write(label);
  }
  return { parts: parts.join(''), rows: row + 1 };
}

function swatchMark({ color, dashes }: Swatch, x: number, y: number): string {
  if (dashes === undefined) {
    return `<rect x="${x}" y="${y - 10}" width="${SWATCH}" height="${SWATCH}" rx="2" fill="${color}"/>`;
  }
  const line = `x1="${x}" x2="${x + SWATCH}" y1="${y - 4}" y2="${y - 4}"`;
  return `<line ${line} stroke="${color}" stroke-width="1.5" stroke-dasharray="${dashes}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
