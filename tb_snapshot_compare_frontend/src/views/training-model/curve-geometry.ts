/** Where curves lie: values to pixels, and a line that keeps every peak. */
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale';
import { tickFormat } from '../../scales/format';
import { indexAt, middleAt, type StepScale } from '../../scales/steps';
import type { Lane, LaneCurve, LaneKind } from './lanes';

export type Values = 'linear' | 'log';

export interface ValueAxis {
  readonly y: ScaleContinuousNumeric<number, number>;
  readonly ticks: readonly number[];
  readonly label: (tick: number) => string;
}

const TICK_SPACING = 26;
const PADDING = 6;
/** Above what so many of the values reach, spikes leave the linear chart. */
const SHOWN_SHARE = 0.998;

/** Of all values in sight, with round ends. */
export function valueAxis(
  lane: Lane,
  steps: readonly number[],
  scale: StepScale,
  height: number,
  values: Values,
): ValueAxis {
  const shown = lane.curves.flatMap((curve) => valuesIn(curve, steps, scale));
  const usable = values === 'log' ? shown.filter((value) => value > 0) : shown;
  const [low, high] = extentOf(usable, values);
  const range = [height - PADDING, PADDING];
  const count = Math.max(2, Math.floor((height - 2 * PADDING) / TICK_SPACING));
  if (values === 'log') {
    const y = scaleLog([low, high], range).clamp(true);
    const ticks = spread(y.ticks(count), count + 1);
    return { y, ticks, label: (tick) => logLabel(lane.kind, tick) };
  }
  const y = scaleLinear([low, high], range).nice(count).clamp(true);
  const ticks = y.ticks(count);
  return { y, ticks, label: linearLabel(lane.kind, ticks) };
}

/** One point for each value; where several fall on a pixel, their lowest and their highest. */
export function curvePath(
  { x, y }: LaneCurve,
  steps: readonly number[],
  scale: StepScale,
  axis: ValueAxis,
): string {
  const [from, to] = inSight(x, steps, scale);
  const parts: string[] = [];
  let open = false;
  let bucket: Bucket | null = null;
  const flush = (): void => {
    if (bucket === null) return;
    for (const [place, value] of pointsOf(bucket)) {
      parts.push(`${open ? 'L' : 'M'}${place.toFixed(1)} ${axis.y(value).toFixed(1)}`);
      open = true;
    }
    bucket = null;
  };
  for (let index = from; index < to; index += 1) {
    const value = y[index];
    if (!isDrawable(value, axis)) {
      flush();
      open = false;
      continue;
    }
    const place = middleAt(steps, scale, x[index] as number);
    if (bucket !== null && Math.floor(place) !== bucket.pixel) flush();
    bucket = added(bucket, place, value);
  }
  flush();
  return parts.join('');
}

interface Bucket {
  readonly pixel: number;
  readonly first: readonly [number, number];
  low: readonly [number, number];
  high: readonly [number, number];
  last: readonly [number, number];
}

function added(bucket: Bucket | null, place: number, value: number): Bucket {
  const point = [place, value] as const;
  if (bucket === null) {
    return { pixel: Math.floor(place), first: point, low: point, high: point, last: point };
  }
  if (value < bucket.low[1]) bucket.low = point;
  if (value > bucket.high[1]) bucket.high = point;
  bucket.last = point;
  return bucket;
}

function pointsOf({ first, low, high, last }: Bucket): readonly (readonly [number, number])[] {
  return [...new Set([first, low, high, last])].sort(([one], [other]) => one - other);
}

function isDrawable(value: number | null | undefined, { y }: ValueAxis): value is number {
  if (value === null || value === undefined || !Number.isFinite(value)) return false;
  return value > 0 || !('base' in y);
}

/**
 * What a curve says of a column: of the values logged in it, the last. Null where that is not
 * finite, undefined where none was logged.
 */
export function valueAt(curve: LaneCurve, step: number, next: number): number | null | undefined {
  const place = indexAt(curve.x, next);
  const before = (curve.x[place] ?? Number.NEGATIVE_INFINITY) >= next ? place - 1 : place;
  const x = curve.x[before];
  return x === undefined || x < step ? undefined : (curve.y[before] ?? null);
}

/** The last value before a step, and where it was logged: a curve of epochs has few. */
export function valueBefore(
  { x, y }: LaneCurve,
  step: number,
): { readonly step: number; readonly value: number } | null {
  for (let place = indexAt(x, step); place >= 0; place -= 1) {
    const [at, value] = [x[place] as number, y[place] ?? null];
    if (at < step && value !== null) return { step: at, value };
  }
  return null;
}

/**
 * Indices of the values in sight, with one more at each end, so that the line goes on. A value lies
 * half a column right of its step.
 */
function inSight(
  x: readonly number[],
  steps: readonly number[],
  scale: StepScale,
): readonly [number, number] {
  const first = steps[indexAt(steps, scale.range[0]) - 1] ?? scale.range[0];
  const last = scale.invert(scale.width);
  return [Math.max(0, indexAt(x, first)), Math.min(x.length, indexAt(x, last) + 2)];
}

function valuesIn(curve: LaneCurve, steps: readonly number[], scale: StepScale): number[] {
  const [from, to] = inSight(curve.x, steps, scale);
  const values: number[] = [];
  for (let index = from; index < to; index += 1) {
    const value = curve.y[index];
    if (value !== null && value !== undefined && Number.isFinite(value)) values.push(value);
  }
  return values;
}

function extentOf(values: number[], kind: Values): [number, number] {
  if (values.length === 0) return kind === 'log' ? [0.1, 1] : [0, 1];
  values.sort((one, other) => one - other);
  const low = values[0] as number;
  const most = values.at(-1) as number;
  const usual = values[Math.floor(SHOWN_SHARE * (values.length - 1))] as number;
  // A spike that is little higher than the rest is in the chart.
  const high = kind === 'linear' && most > low + 4 * (usual - low) ? usual : most;
  if (low < high) return [low, high];
  return kind === 'log' ? [low / 2, low * 2] : [low - 0.5, low + 0.5];
}

function spread(ticks: readonly number[], most: number): readonly number[] {
  if (ticks.length <= most) return ticks;
  const decades = ticks.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-9);
  if (decades.length >= 2) return decades;
  const every = Math.ceil(ticks.length / most);
  return ticks.filter((_, index) => index % every === 0);
}

function linearLabel(kind: LaneKind, ticks: readonly number[]): (tick: number) => string {
  if (kind === 'loss' || ticks.some((tick) => tick < 0 || tick > 1)) return tickFormat(ticks);
  const percent = tickFormat(ticks.map((tick) => 100 * tick));
  return (tick) => `${percent(100 * tick)}\u00a0%`;
}

function logLabel(kind: LaneKind, tick: number): string {
  const value = kind === 'error' ? 100 * tick : tick;
  const text = tickFormat([value])(value);
  return kind === 'error' ? `${text}\u00a0%` : text;
}
