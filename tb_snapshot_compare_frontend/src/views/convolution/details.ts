/** What an enlarged map shows over its colours: grid lines, numbers, hatching, marked weights. */
import { tileRectangle, tilesWithin } from '../../render/tiles-grid';
import type { TileSource } from '../../render/tiles-source';
import { inkOn } from '../../scales/color';
import { halfToNumber } from '../../scales/half';
import type { Projection, Size } from './geometry';
import { hatch } from './paint';
import type { Palette } from './palette';
import { asShown, type Shown } from './quantities';

const CELL_LINES_FROM = 9;
const CELL_LINES_FULL = 28;
const WEIGHT_LINES_FROM = 14;
const HATCH_FROM = 8;
/** From this size on marked weights are outlined and not filled. */
export const OUTLINE_FROM = 8;
const NUMBERS_FROM = { width: 40, height: 15 };

export interface Details {
  readonly projection: Projection;
  readonly size: Size;
  readonly source: TileSource;
  readonly mask: TileSource | null;
  readonly shown: Shown;
  readonly palette: Palette;
}

export function drawDetails(context: CanvasRenderingContext2D, details: Details): void {
  const { projection } = details;
  const { weight, cell } = projection;
  if (Math.min(cell.width, cell.height) >= CELL_LINES_FROM) drawLines(context, details);
  if (!projection.open) return;
  if (Math.min(weight.width, weight.height) >= HATCH_FROM) drawWeights(context, details);
  if (details.mask && Math.min(weight.width, weight.height) >= OUTLINE_FROM) {
    drawMarked(context, details, details.mask);
  }
}

function drawLines(
  context: CanvasRenderingContext2D,
  { projection, size, palette }: Details,
): void {
  const { map, view, weight } = projection;
  const { top, left, bottom, right } = projection.seen(size);
  const box = projection.box({ top, left, bottom, right });
  const line = (step: { rows: number; columns: number }, alpha: number) => {
    context.beginPath();
    for (let row = Math.ceil(top / step.rows) * step.rows; row <= bottom; row += step.rows) {
      const y = Math.round(view.y + row * weight.height) + 0.5;
      context.moveTo(box.x, y);
      context.lineTo(box.x + box.width, y);
    }
    const first = Math.ceil(left / step.columns) * step.columns;
    for (let column = first; column <= right; column += step.columns) {
      const x = Math.round(view.x + column * weight.width) + 0.5;
      context.moveTo(x, box.y);
      context.lineTo(x, box.y + box.height);
    }
    context.globalAlpha = alpha;
    context.strokeStyle = palette.border;
    context.lineWidth = 1;
    context.stroke();
    context.globalAlpha = 1;
  };
  const single = map.cell_rows * map.cell_columns === 1;
  if (!single && Math.min(weight.width, weight.height) >= WEIGHT_LINES_FROM) {
    line({ rows: 1, columns: 1 }, 0.3);
  }
  line(
    { rows: map.cell_rows, columns: map.cell_columns },
    single ? 0.3 : cellLineAlpha(projection),
  );
}

/** Lines close together would be a pattern of their own over the colours. */
function cellLineAlpha({ cell }: Projection): number {
  const size = Math.min(cell.width, cell.height);
  const share = (size - CELL_LINES_FROM) / (CELL_LINES_FULL - CELL_LINES_FROM);
  return 0.25 + 0.65 * Math.min(1, share);
}

function drawWeights(
  context: CanvasRenderingContext2D,
  { projection, size, source, shown, palette }: Details,
): void {
  const { width, height } = projection.weight;
  const numbered = width >= NUMBERS_FROM.width && height >= NUMBERS_FROM.height;
  context.font = `400 11px ${palette.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  forWeights(source, projection, size, (row, column, bits) => {
    const value = asShown(shown, halfToNumber(bits) * source.unit);
    const box = projection.box({ top: row, left: column, bottom: row + 1, right: column + 1 });
    if (Number.isNaN(value)) hatch(context, box, palette);
    else if (numbered) {
      context.fillStyle = inkOn(shown.scale(value));
      context.fillText(shortNumber(value), box.x + width / 2, box.y + height / 2, width - 4);
    }
  });
}

/** Inside of the weight, so that neighbours that are marked are told apart. */
function drawMarked(
  context: CanvasRenderingContext2D,
  { projection, size, palette }: Details,
  mask: TileSource,
): void {
  const { width, height } = projection.weight;
  const thick = Math.min(3, Math.max(1.5, Math.min(width, height) / 8));
  const halo = new Path2D();
  const line = new Path2D();
  forWeights(mask, projection, size, (row, column, bits) => {
    if (bits === 0) return;
    const { x, y } = projection.box({ top: row, left: column, bottom: row + 1, right: column + 1 });
    const inset = thick / 2 + 0.5;
    line.rect(x + inset, y + inset, width - 2 * inset, height - 2 * inset);
    const within = inset + thick / 2 + 0.75;
    if (width > 4 * within && height > 4 * within) {
      halo.rect(x + within, y + within, width - 2 * within, height - 2 * within);
    }
  });
  context.strokeStyle = palette.card;
  context.lineWidth = 1.5;
  context.stroke(halo);
  context.strokeStyle = palette.red;
  context.lineWidth = thick;
  context.stroke(line);
}

function forWeights(
  source: TileSource,
  projection: Projection,
  size: Size,
  visit: (row: number, column: number, bits: number) => void,
): void {
  const seen = projection.seen(size);
  for (const address of tilesWithin(source.map, 0, seen)) {
    const tile = source.look(address);
    if (!tile) continue;
    const { top, left } = tileRectangle(source.map, address);
    const end = Math.min(seen.bottom, top + tile.rows);
    const right = Math.min(seen.right, left + tile.columns);
    for (let row = Math.max(seen.top, top); row < end; row += 1) {
      for (let column = Math.max(seen.left, left); column < right; column += 1) {
        const at = (row - top) * tile.columns + (column - left);
        visit(row, column, tile.bits[at] as number);
      }
    }
  }
}

/** At most seven characters: tiles carry three digits. */
function shortNumber(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  const text =
    magnitude < 1e-3 || magnitude >= 1e4 ? value.toExponential(1) : String(digits(value, 2));
  return text.replace('-', '\u2212').replace('e-', 'e\u2212').replace('e+', 'e');
}

function digits(value: number, count: number): number {
  return Number(value.toPrecision(count));
}
