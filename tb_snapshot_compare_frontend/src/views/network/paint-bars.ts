import type { Size } from '../../workers/layout/types';
import type { Bar } from './filter-bars';

export interface BarStyle {
  readonly top: number;
  readonly colors: readonly string[];
  readonly step: (value: number) => number;
  /** When any filter is chosen, the others are drawn faint. */
  readonly chosen: ReadonlySet<number>;
}

const FAINT = 0.28;
/** Height of a bar of a filter that did not change: visible, and clearly nothing. */
const LEAST_HEIGHT = 1;

/** Draws the bars over the whole canvas, sharp at any pixel density. */
export function paintBars(
  canvas: HTMLCanvasElement,
  { width, height }: Size,
  bars: readonly Bar[],
  { top, colors, step, chosen }: BarStyle,
): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  if (!context) return;
  const column = canvas.width / Math.max(1, bars.length);
  const gap = column >= 4 * ratio ? ratio : 0;
  bars.forEach(({ value, filters }, index) => {
    const share = Number.isNaN(value) || top === 0 ? 0 : value / top;
    const tall = Math.max(LEAST_HEIGHT * ratio, Math.round(share * canvas.height));
    const left = Math.round(index * column);
    const right = Math.max(left + 1, Math.round((index + 1) * column) - gap);
    context.globalAlpha = chosen.size > 0 && !filters.some((one) => chosen.has(one)) ? FAINT : 1;
    context.fillStyle = colors[step(share * top)] ?? 'transparent';
    context.fillRect(left, canvas.height - tall, right - left, tall);
  });
  context.globalAlpha = 1;
}
