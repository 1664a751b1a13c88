import { short } from '../../render/svg-document';

/** Shapes on a canvas or in an SVG document: a drawing is described once for both. */
export interface Pen {
  rect(x: number, y: number, width: number, height: number, color: string, opacity?: number): void;
  /** A number around the middle of a cell. */
  text(x: number, y: number, words: string, color: string): void;
}

export const TEXT_SIZE = 11;
const FAMILY = 'Roboto, sans-serif';
/** From the middle of digits to their baseline. */
const BASELINE = 4;

export function canvasPen(context: CanvasRenderingContext2D): Pen {
  return {
    rect(x, y, width, height, color, opacity = 1) {
      context.globalAlpha = opacity;
      context.fillStyle = color;
      context.fillRect(x, y, width, height);
      context.globalAlpha = 1;
    },
    text(x, y, words, color) {
      context.font = `${TEXT_SIZE}px ${FAMILY}`;
      context.textAlign = 'center';
      context.fillStyle = color;
      context.fillText(words, x, y + BASELINE);
    },
  };
}

export interface SvgPen extends Pen {
  readonly parts: readonly string[];
}

export function svgPen(): SvgPen {
  const parts: string[] = [];
  return {
    parts,
    rect(x, y, width, height, color, opacity = 1) {
      const alpha = opacity === 1 ? '' : ` fill-opacity="${short(opacity)}"`;
      parts.push(
        `<rect x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" fill="${color}"${alpha}/>`,
      );
    },
    text(x, y, words, color) {
      const place = `x="${short(x)}" y="${short(y + BASELINE)}" text-anchor="middle"`;
      parts.push(`<text ${place} font-size="${TEXT_SIZE}" fill="${color}">${words}</text>`);
    },
  };
}
