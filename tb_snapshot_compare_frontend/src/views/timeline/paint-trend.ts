/** Paints rows of layers: a cell for each pair of neighbouring snapshots. */
import type { ColorScale } from '../../scales/color';
import type { TrendCell, TrendMeasure, TrendRow } from './trend-model';

export interface CellBox {
  readonly left: number;
  readonly width: number;
}

export interface TrendColors {
  /** Of the logarithm of the value. */
  readonly scale: ColorScale;
  readonly missing: string;
  readonly hatch: string;
}

const HATCH_STEP = 5;
/** Narrower cells touch, or nothing would be left of them. */
const GAP_FROM = 4;

export function cellBox(cell: TrendCell, x: (place: number) => number): CellBox {
  const [left, right] = [x(cell.from), x(cell.to)].sort((one, other) => one - other) as [
    number,
    number,
  ];
  const width = Math.max(1, right - left);
  return { left, width: width >= GAP_FROM ? width - 1 : width };
}

export function paintTrend(
  canvas: HTMLCanvasElement,
  rows: readonly TrendRow[],
  cells: readonly TrendCell[],
  measure: TrendMeasure,
  x: (place: number) => number,
  rowHeight: number,
  width: number,
  colors: TrendColors,
): void {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(rows.length * rowHeight * scale);
  const context = canvas.getContext('2d');
  if (!context) return;
  context.scale(scale, scale);
  for (const cell of cells) {
    const { left, width: across } = cellBox(cell, x);
    rows.forEach((row, at) => {
      const top = at * rowHeight;
      const value = cell.pair[measure]?.[row.index] ?? null;
      if (cell.pair.state === 'done') {
        context.fillStyle = value === null ? colors.missing : colors.scale(logOf(value));
        context.fillRect(left, top, across, rowHeight - 1);
        // Zero has the colour of the panel: a frame tells it from a cell that is not there.
        if (value === 0 && across > 2)
          frame(context, left, top, across, rowHeight - 1, colors.hatch);
      }
      if (cell.pair.state !== 'done' || value === null) {
        hatch(context, left, top, across, rowHeight - 1, colors.hatch);
      }
    });
  }
}

/** Zero is below every colour. */
export function logOf(value: number): number {
  return value > 0 ? Math.log10(value) : Number.NEGATIVE_INFINITY;
}

function frame(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  width: number,
  height: number,
  color: string,
): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
}

function hatch(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  width: number,
  height: number,
  color: string,
): void {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = left - height; at < left + width; at += HATCH_STEP) {
    context.moveTo(at, top + height);
    context.lineTo(at + height, top);
  }
  context.stroke();
  context.restore();
}
