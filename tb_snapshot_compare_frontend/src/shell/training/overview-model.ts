/** What the strip of the whole training shows, and what a drag on it does. */
import type { Curve } from '../../client/types';
import { between, panned, type Range } from '../../scales/step-zoom';
import { indexAt, middleAt, type StepScale } from '../../scales/steps';

export type Grip = 'draw' | 'move' | 'first' | 'last';

export interface Window {
  readonly left: number;
  readonly right: number;
}

/** An end is held this far from it. */
const EDGE_REACH = 6;
const PADDING = 3;
/** In heights of the strip: a line that leaves it need not go on for thousands of pixels. */
const AWAY_MOST = 100;
const VALIDATION = /(^|[/_-])(val|valid|validation|test|eval|evaluation)([/_-]|$)/i;

/** What the pointer would take at a place. While all is in sight, a window is drawn. */
export function gripAt(x: number, { left, right }: Window, zoomed: boolean): Grip {
  if (Math.abs(x - left) <= EDGE_REACH && (zoomed || x >= left)) return 'first';
  if (Math.abs(x - right) <= EDGE_REACH && (zoomed || x <= right)) return 'last';
  return zoomed && x > left && x < right ? 'move' : 'draw';
}

/** The range after a drag from one place to another. */
export function gripped(
  steps: readonly number[],
  scale: StepScale,
  grip: Grip,
  range: Range,
  from: number,
  to: number,
): Range | null {
  const step = scale.invert(Math.max(0, Math.min(scale.width - 1, to)));
  if (grip === 'first') return between(steps, Math.min(step, range[1]), range[1]);
  if (grip === 'last') return between(steps, range[0], Math.max(step, range[0]));
  if (grip === 'draw') return between(steps, scale.invert(Math.max(0, from)), step);
  const moved = indexAt(steps, scale.invert(to)) - indexAt(steps, scale.invert(from));
  return panned(steps, range, moved);
}

/** The loss as a line: that of training, else any. Single spikes leave the strip. */
export function overviewPath(
  curves: readonly Curve[],
  axis: string,
  steps: readonly number[],
  scale: StepScale,
  height: number,
): string {
  const losses = curves.filter(
    (curve) => curve.kind === 'loss' && curve.axis === axis && curve.x.length > 1,
  );
  const train = losses.find(({ run, tag }) => !VALIDATION.test(run) && !VALIDATION.test(tag));
  const curve = train ?? losses[0];
  if (curve === undefined) return '';
  const points = curve.x.flatMap((x, index) => {
    const y = curve.y[index];
    return y === null || y === undefined || !Number.isFinite(y) ? [] : [[x, y] as const];
  });
  const top = quantile(
    points.map(([, y]) => y).sort((one, other) => one - other),
    0.995,
  );
  const bottom = Math.min(...points.map(([, y]) => y));
  const span = Math.max(top - bottom, 1e-12);
  const line = points.map(([x, y]) => {
    const share = Math.min(AWAY_MOST, (y - bottom) / span);
    const place = middleAt(steps, scale, x).toFixed(1);
    return `${place} ${(height - PADDING - share * (height - 2 * PADDING)).toFixed(1)}`;
  });
  return line.length > 1 ? `M${line.join('L')}` : '';
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 1;
}
